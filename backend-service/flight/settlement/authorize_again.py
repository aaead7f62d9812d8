"""Another authorisation in the place of one that has expired before its money was captured: that of a
booking, or that of a change over the difference."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeGuard

from django.conf import settings
from django_sagas import saga_log
from django_sagas.definitions import Planned, Saga, Step, WriteConflict, local, remote
from django_sagas.models import SagaRow
from django_sagas.operators import Operator
from django_sagas.outcomes import Done, Refused, Unknown
from django_sagas.problems import Problem
from django_sagas.runtime import orchestrator, start
from django_sagas.state import SagaState, SagaStatus
from service_kit.money import to_wire

from flight import saga_words
from flight.saga_booking import PAYMENT, RENEWED, CapturingSaga, as_booking, is_confirmed
from flight.saga_change_state import ChangeSaga
from flight.saga_faults import injected

ENDED = Refused("SETTLEMENT_ENDED", "The booking was cancelled or its money captured meanwhile.")
IN_FLIGHT = Unknown("The capture is being tried once more; its answer is awaited.")


@dataclass
class ReauthorizationSaga(SagaState):
    """`data` holds the correlation ids of the booking and of what waits (as `settlement`, be it one or a
    change), the reference and the price in cents."""

    @property
    def booking(self) -> str:
        return str(self.data["booking"])

    @property
    def amount(self) -> int:
        return int(self.data["flight_fare"]) + int(self.data["charges"])


def payment_data(saga: ReauthorizationSaga) -> dict[str, Any]:
    data: dict[str, Any] = {
        "user_id": saga.subject,
        "flight_fare": to_wire(saga.data["flight_fare"]),
        "other_charges": to_wire(saga.data["charges"]),
        "trip_id": saga.booking,
    }
    if token := saga.secrets.get("card_token"):
        data["payment"] = {"card_token": token}
    return data


def amount_as_asked(saga: ReauthorizationSaga, answer: Mapping[str, Any]) -> str:
    if answer.get("amount") == to_wire(saga.amount):
        return ""
    return "PRICE_CHANGED: The payment is not over the amount of the booking."


def resume_settlement(saga: ReauthorizationSaga, now: datetime) -> Planned:
    """What waits goes on with the new payment, unless it needs none any more.

    An attempt in flight is not overtaken: its answer says whether the payment is still needed.
    """
    waiting = saga_log.load(str(saga.data["settlement"]))
    if not _may_capture(waiting) or waiting.is_captured:
        return Planned(ENDED)
    if waiting.is_asking or not waiting.has_expired:
        return Planned(IN_FLIGHT)

    after = waiting.attempts_to_capture

    def waits_since(taken: SagaState) -> bool:
        return _waits(taken) and not taken.is_asking and taken.attempts_to_capture == after

    def write() -> None:
        facts = {RENEWED: {"payment_id": saga.correlation_id, "after": after}}
        if not orchestrator().resume(waiting.correlation_id, facts=facts, only_if=waits_since):
            raise WriteConflict

    return Planned(Done({}), write)


def _may_capture(waiting: SagaState | None) -> TypeGuard[CapturingSaga]:
    """Only of a live booking: a payment made after the booking's was cancelled would never be given back."""
    return isinstance(waiting, CapturingSaga) and is_confirmed(waiting.booking)


def _waits(waiting: SagaState) -> TypeGuard[CapturingSaga]:
    return _may_capture(waiting) and waiting.has_expired


class AuthorizeAgain(Saga):
    name, version = "authorize-again", 1
    is_load = False
    state = ReauthorizationSaga
    steps = (
        remote(
            "AuthorizePayment",
            words=saga_words.PAYMENT,
            undo="CancelPayment",
            at=PAYMENT,
            sends=payment_data,
            accepts=amount_as_asked,
            uses=["card_token"],
            refusals={"PAYMENT_DECLINED", "LIMIT_EXCEEDED"},
        ),
        local(
            "ResumeSettlement",
            words=saga_words.CAPTURE,
            run=resume_settlement,
            pivot=True,
            refusals={"SETTLEMENT_ENDED"},
        ),
    )

    @classmethod
    def plan(cls, step: Step, saga: ReauthorizationSaga, now: datetime, *, undo: bool) -> Planned:
        name = step.compensation if undo else step.name
        return injected(name, saga) or super().plan(step, saga, now, undo=undo)

    @classmethod
    def described(cls, saga: ReauthorizationSaga) -> Mapping[str, Any]:
        return {
            "booking": saga.booking,
            "booking_reference": saga.data["reference"],
            "amount": to_wire(saga.amount),
            "settlement": saga.data["settlement"],
        }

    @classmethod
    def result(cls, saga: ReauthorizationSaga) -> dict[str, Any]:
        done = saga.status == SagaStatus.COMPLETED
        message = "The payment is authorised again." if done else "The payment is not authorised."
        return {
            "success": done,
            "correlation_id": saga.correlation_id,
            "status": saga.status.value,
            "message": message,
            "booking_reference": saga.data["reference"],
            "failed_step": saga.failed_step or None,
            **({} if done else {"error": saga.error, "error_code": saga.error_code}),
        }


def authorize_again(asked: SagaState, *, card_token: str, by: Operator) -> SagaState:
    """Begin it and run it here, as far as a request goes; a repeat gets the one that is under way.

    Raises 409 for a saga that does not wait for an authorisation.
    """
    if not _waits(asked):
        detail = "This saga does not wait for another authorisation."
        raise Problem(409, "NOT_EXPIRED", detail, correlation_id=asked.correlation_id)
    waiting, now = asked.payer, orchestrator().now()
    before = SagaRow.objects.filter(
        idempotency_scope=AuthorizeAgain.key_scope(waiting.subject),
        idempotency_key__startswith=waiting.correlation_id,
        due_at=None,
    )
    saga = start(
        AuthorizeAgain,
        {
            "booking": waiting.booking,
            "settlement": waiting.correlation_id,
            "reference": waiting.booking_reference,
            **_price(waiting),
        },
        subject=waiting.subject,
        secrets={"card_token": card_token},
        key=f"{waiting.correlation_id}:{before.count()}",
        also=lambda _: by.leave_trail("authorize-again", waiting.correlation_id, now),
    )
    claimed = orchestrator().claim(saga.correlation_id)
    if claimed is None:
        return saga
    return orchestrator().advance(claimed, deadline=now + timedelta(seconds=settings.SAGA_REQUEST_DEADLINE))


def _price(waiting: CapturingSaga) -> dict[str, int]:
    """Of the whole booking, or the difference of a change, which has no charges; cents."""
    if isinstance(waiting, ChangeSaga):
        return {"flight_fare": waiting.request.difference, "charges": 0}
    booking = as_booking(saga_log.load(waiting.booking))
    assert booking is not None, "sagas are never deleted"
    return {"flight_fare": int(waiting.data["amount"]) - booking.charges, "charges": booking.charges}
