"""Writes of payments: authorise, capture, refund, and cancel, which gives the money of a trip back."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import OperationalError
from django.db.models import Q
from django_sagas import json_text
from django_sagas.clock import iso
from django_sagas.database import commits_not_awaited, db_time, execute, write_transaction
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Answer, Done, RefusedForNow
from django_sagas.guard.models import RecordState
from django_sagas.outcomes import Refused
from service_kit.money import to_wire

from payment import attempts, ledger, plans, providers, selectors
from payment.attempts import Interrupted, Patience
from payment.inputs import Authorize, Capture, Refund
from payment.models import Action, Attempt, AttemptState, EntryKind, Payment, PaymentStatus
from payment.plans import Move
from payment.providers.interface import Declined, Outcome

AUTHORIZE, CANCEL, CAPTURE, REFUND = "AuthorizePayment", "CancelPayment", "CapturePayment", "RefundPayment"
CURRENCY = "USD"
INSERT_PAYMENT = """
    INSERT INTO payment_payment (correlation_id, trip_id, user_id, amount, flight_fare,
        other_charges, currency, captured, refunded, status, provider, provider_reference, authorization_id,
        authorized_at, capture_before)
    VALUES (%s, %s, %s, %s, %s, %s, %s, 0, 0, %s, %s, %s, %s, %s, %s)"""
INSERT_AUTHORIZATION = """
    INSERT INTO payment_ledger (correlation_id, kind, number, authorization_id, user_id, amount, flight_fare,
        other_charges, currency, created_at, attempt)
    VALUES (%s, %s, 1, %s, %s, %s, %s, %s, %s, %s, %s)"""
NOT_FOUND = RefusedForNow("PAYMENT_NOT_FOUND", "There is no such payment.")
EXPIRED = RefusedForNow(
    "AUTHORIZATION_EXPIRED", "The authorisation has expired: the card has to be asked again."
)


# -- authorise


@dataclass(frozen=True)
class Asked:
    """A call to the provider for an authorisation."""

    key: str
    outcome: Outcome | None = None
    "of an earlier call, which ended without an answer"


def authorize(
    *, correlation_id: str, command: Authorize, authorization_id: UUID, now: datetime
) -> tuple[str, Done | Refused | None]:
    """The key of the attempt and the outcome of the provider's decision; the guard's transaction writes the
    payment. No outcome: the step has a record. Raises 503."""
    with commits_not_awaited() if providers.current().shares_our_database else nullcontext():
        asked = _open_authorization(correlation_id, command, now)
        if asked is None:
            return "", None
        outcome = asked.outcome or _ask_for_authorization(asked.key, command)
    if isinstance(outcome, Declined):
        with write_transaction():
            attempts.close(asked.key, AttemptState.REFUSED, "")
        return "", Refused("PAYMENT_DECLINED", outcome.message)
    made = _payment(correlation_id, command, outcome.reference, authorization_id, now)
    return asked.key, Done(_authorized(made), write=lambda: _write_authorization(made, asked.key))


def _open_authorization(correlation_id: str, command: Authorize, now: datetime) -> Asked | None:
    patience, number = Patience(), 1
    fingerprint = json_text.fingerprint(command.used())
    while True:
        key = attempts.key_of(correlation_id, AUTHORIZE, correlation_id, number)
        if attempts.open_authorization(
            key=key,
            correlation_id=correlation_id,
            step=AUTHORIZE,
            amount=command.total,
            fingerprint=fingerprint,
            now=now,
        ):
            return Asked(key)
        if barrier.read(correlation_id=correlation_id, step=AUTHORIZE):
            return None
        for earlier in attempts.open_on([correlation_id]):
            if attempts.is_busy(earlier):
                patience.wait_for(earlier)
            elif earlier.fingerprint == fingerprint and (outcome := attempts.look_up(earlier)):
                return Asked(earlier.key, outcome)
            else:
                attempts.settle(earlier, now)
        number = attempts.number_of(correlation_id, AUTHORIZE, correlation_id)


def _ask_for_authorization(key: str, command: Authorize) -> Outcome:
    with attempts.unknown_is_503(), attempts.released_on_failure([key]):
        return providers.current().authorize(
            key=key, card_token=command.payment.card_token, amount=command.total, currency=CURRENCY
        )


def _payment(
    correlation_id: str, command: Authorize, reference: str, authorization_id: UUID, now: datetime
) -> Payment:
    return Payment(
        correlation_id=correlation_id,
        trip_id=command.trip_id or correlation_id,
        user_id=command.user_id,
        amount=command.total,
        flight_fare=command.flight_fare,
        other_charges=command.other_charges,
        currency=CURRENCY,
        status=PaymentStatus.AUTHORIZED,
        provider=providers.current().name,
        provider_reference=reference,
        authorization_id=f"auth-{authorization_id}",
        authorized_at=now,
        capture_before=now + timedelta(days=settings.AUTHORIZATION_DAYS),
    )


def _authorized(payment: Payment) -> dict[str, Any]:
    return {
        "authorization_id": payment.authorization_id,
        "amount": to_wire(payment.amount),
        "flight_fare": to_wire(payment.flight_fare),
        "other_charges": to_wire(payment.other_charges),
        "currency": payment.currency,
        "status": PaymentStatus.AUTHORIZED,
    }


def _write_authorization(made: Payment, key: str) -> None:
    """Plain SQL: each booking passes here."""
    attempts.close(key, AttemptState.DONE, made.provider_reference)
    money = (made.amount, made.flight_fare, made.other_charges, made.currency)
    at = db_time(made.authorized_at)
    of_provider = (made.provider, made.provider_reference, made.authorization_id)
    payment = (made.correlation_id, made.trip_id, made.user_id, *money, made.status)
    execute(INSERT_PAYMENT, (*payment, *of_provider, at, db_time(made.capture_before)))
    entry = (made.correlation_id, EntryKind.AUTHORIZED, made.authorization_id, made.user_id, *money, at, key)
    execute(INSERT_AUTHORIZATION, entry)


def end_unused_authorization(key: str, now: datetime) -> None:
    """A hold that was made, and that the guard's record does not name, is given back."""
    for attempt in Attempt.objects.filter(key=key, state=AttemptState.OPEN):
        attempts.settle(attempt, now)


def release(keys: Sequence[str]) -> None:
    """The next call need not wait for this one, which has ended without an outcome."""
    with suppress(OperationalError):
        attempts.release(keys)


# -- what moves money of earlier authorisations


@dataclass(frozen=True)
class Prepared:
    """Calls that the provider has approved; their effects are for the guard's transaction to write."""

    calls: Sequence[Attempt] = ()
    refusal: Refused | None = None

    @property
    def keys(self) -> list[str]:
        return [attempt.key for attempt in self.calls]


Decide = Callable[[Sequence[Payment]], "Sequence[Move] | Refused"]


def _prepare(*, correlation_id: str, step: str, trip: Q, decide: Decide, now: datetime) -> Prepared:
    """Have the provider do what `decide` says, with the payments newest first. Raises 503."""
    patience = Patience()
    while True:
        with write_transaction():
            payments = selectors.locked(trip)
            found = attempts.open_on([correlation_id, *(payment.correlation_id for payment in payments)])
            calls: Sequence[Attempt] = ()
            if not found:
                decided = decide(payments)
                if isinstance(decided, Refused):
                    return Prepared(refusal=decided)
                calls = attempts.open_moves(decided, correlation_id=correlation_id, step=step, now=now)
        for attempt in found:
            if attempts.is_busy(attempt):
                patience.wait_for(attempt)
                break
            attempts.settle(attempt, now)
        if not found:
            try:
                attempts.ask(calls, now)
                return Prepared(calls)
            except Interrupted:
                patience.wait()


# -- capture


def prepare_capture(*, correlation_id: str, command: Capture, now: datetime) -> Prepared:
    """Raises 503."""
    payment_id = command.payment_id or correlation_id
    trip = Q(correlation_id=payment_id)

    def decide(payments: Sequence[Payment]) -> Sequence[Move] | Refused:
        if payments:
            return _capture(payments[0], command, now)
        # Cancelled before it came, or lost with an older back-up and cancelled since.
        return () if command.settle and _was_cancelled(payment_id) else NOT_FOUND

    return _prepare(correlation_id=correlation_id, step=CAPTURE, trip=trip, decide=decide, now=now)


def _capture(payment: Payment, command: Capture, now: datetime) -> Sequence[Move] | Refused:
    amount = command.amount or payment.amount
    match payment.status:
        case PaymentStatus.EXPIRED if command.settle and _was_cancelled(payment.trip_id):
            return ()
        case PaymentStatus.AUTHORIZED if payment.has_lapsed(now):
            return EXPIRED
        case PaymentStatus.AUTHORIZED if amount > payment.amount:
            return Refused("NOT_CAPTURABLE", "The authorisation is for less than this amount.")
        case PaymentStatus.AUTHORIZED:
            return [Move(payment, Action.CAPTURE, amount)]
        case PaymentStatus.EXPIRED:
            return EXPIRED
        case PaymentStatus.CANCELLED if not command.settle:
            return Refused("NOT_CAPTURABLE", "The authorisation was cancelled.")
    return ()


def capture(*, correlation_id: str, command: Capture, calls: Sequence[Attempt], now: datetime) -> Done:
    """Within the guard's transaction. Raises Interrupted."""
    attempts.apply(calls, now)
    payments = selectors.locked(Q(correlation_id=command.payment_id or correlation_id))
    if not payments:
        return Done(_nothing_captured(now))
    (payment,) = payments
    return Done(
        {
            "authorization_id": payment.authorization_id,
            "amount": to_wire(payment.amount),
            "captured": to_wire(payment.captured),
            "status": payment.status,
            "capture_before": iso(payment.capture_before),
            "message": "The amount was captured." if payment.captured else "There was nothing to capture.",
        }
    )


def answer_of_what_is_over(correlation_id: str, command: Capture) -> Answer | None:
    """The stored answer, also to a call for another payment, where the trip was cancelled before anything was
    captured under this id; None where that is not so.

    A saga whose payment has expired goes on with another. Its earlier call may arrive late, after the
    cancellation, and be the first that is recorded.
    """
    record = barrier.read(correlation_id=correlation_id, step=CAPTURE)
    if not command.settle or record is None or record.state != RecordState.DONE:
        return None
    payment = selectors.payment_of(command.payment_id)
    was_cancelled = _was_cancelled(payment.trip_id if payment else command.payment_id)
    if not was_cancelled or json_text.load_stored(record.answer)["captured"]:
        return None
    return Answer(record.answer, replayed=True)


def _nothing_captured(now: datetime) -> dict[str, Any]:
    return {
        "authorization_id": "",
        "amount": to_wire(0),
        "captured": to_wire(0),
        "status": PaymentStatus.CANCELLED,
        "capture_before": iso(now),
        "message": "There was nothing to capture.",
    }


# -- refund


def prepare_refund(*, correlation_id: str, command: Refund, now: datetime) -> Prepared:
    """Raises 503."""
    trip_id = command.payment_id or correlation_id

    def decide(payments: Sequence[Payment]) -> Sequence[Move] | Refused:
        if not payments:
            return NOT_FOUND
        if command.settle and _was_cancelled(trip_id):
            return ()
        given = selectors.returned_by(correlation_id, REFUND)
        left, refundable = command.amount - given, plans.refundable(payments)
        if left > refundable and not given:
            return Refused("REFUND_TOO_HIGH", "Less than this amount was captured and not yet given back.")
        return plans.refund(payments, left)

    trip = selectors.trip(trip_id)
    return _prepare(correlation_id=correlation_id, step=REFUND, trip=trip, decide=decide, now=now)


def _was_cancelled(trip_id: str) -> bool:
    record = barrier.read(correlation_id=trip_id, step=AUTHORIZE)
    return record is not None and record.state == RecordState.UNDONE


def refund(*, correlation_id: str, command: Refund, calls: Sequence[Attempt], now: datetime) -> Done:
    """Within the guard's transaction. Raises Interrupted."""
    attempts.apply(calls, now)
    trip_id = command.payment_id or correlation_id
    payment = _own(selectors.locked(selectors.trip(trip_id)), trip_id)
    given = selectors.returned_by(correlation_id, REFUND)
    return Done(
        {
            "authorization_id": payment.authorization_id,
            "amount": to_wire(command.amount),
            "refunded": to_wire(given),
            "status": payment.status,
            "message": "The amount was given back." if given else "There was nothing to give back.",
        }
    )


def _own(payments: Sequence[Payment], correlation_id: str) -> Payment:
    """The payment of this id, otherwise the newest of its trip."""
    return next((payment for payment in payments if payment.correlation_id == correlation_id), payments[0])


# -- cancel


def prepare_cancellation(*, correlation_id: str, keep: int, now: datetime) -> Prepared:
    """Raises 503."""

    def decide(payments: Sequence[Payment]) -> Sequence[Move]:
        for payment in payments:
            if payment.has_lapsed(now):  # Holds nothing that could be given back or kept.
                ledger.expire(payment, now)
        return plans.give_back(payments, keep=keep)

    trip = selectors.trip(correlation_id)
    return _prepare(correlation_id=correlation_id, step=CANCEL, trip=trip, decide=decide, now=now)


def cancel(*, correlation_id: str, keep: int, calls: Sequence[Attempt], now: datetime) -> dict[str, Any]:
    """Within the guard's transaction. Raises Interrupted, also if there is more to give back by now."""
    attempts.apply(calls, now)
    payments = selectors.locked(selectors.trip(correlation_id))
    if plans.give_back(payments, keep=keep):
        raise Interrupted
    if not payments:
        return {"returned": to_wire(0), "kept": to_wire(0)}
    payment, kinds = _own(payments, correlation_id), selectors.kinds_by(correlation_id, CANCEL)
    was_captured = EntryKind.REFUNDED in kinds or (not kinds and payment.captured > 0)
    status = PaymentStatus.REFUNDED if was_captured else PaymentStatus.CANCELLED
    kept = sum(each.live for each in payments)
    return {
        "authorization_id": payment.authorization_id,
        "amount": to_wire(payment.amount),
        "status": status,
        "returned": to_wire(selectors.returned_by(correlation_id, CANCEL)),
        "kept": to_wire(kept),
        "message": KEPT if kept else MESSAGES[status],
    }


MESSAGES = {
    PaymentStatus.CANCELLED: "The authorisation was cancelled; nothing is charged.",
    PaymentStatus.REFUNDED: "What was charged was given back.",
}
KEPT = "The fee is kept; the rest was given back."


def cancel_nothing(
    *, correlation_id: str, keep: int, calls: Sequence[Attempt], now: datetime
) -> dict[str, Any]:
    """The same where no authorisation of this id stands: payments of its trip may. A tombstone also takes the
    key of an authorisation that is on its way, so that it asks no provider. Raises Interrupted."""
    record = barrier.read(correlation_id=correlation_id, step=AUTHORIZE)
    if record and record.state == RecordState.UNDONE:
        attempts.claim_authorization(correlation_id=correlation_id, step=AUTHORIZE, now=now)
    return cancel(correlation_id=correlation_id, keep=keep, calls=calls, now=now)
