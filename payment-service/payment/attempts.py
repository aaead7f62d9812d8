"""Calls to the provider, each with a row that is committed before it.

An attempt is OPEN from before the call until the transaction that writes its effect. After a crash in
between, the next call that meets the open attempt asks the provider what became of it.
"""

import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError
from django_sagas.clock import utc_now
from django_sagas.database import db_time, execute, write_alone, write_transaction
from service_kit.problems import try_again

from payment import ledger, providers
from payment.models import Action, Attempt, AttemptState, Payment
from payment.plans import Move
from payment.providers.interface import GONE, Approved, Asked, Declined, Outcome, Unknown

POLL_SECONDS = 0.02
KEY = re.compile(r"(?P<cid>[^#]+?):(?P<step>[A-Z][a-z]+Payment)(:(?P<payment>[^#]+))?(#[0-9]+)?")
COLUMNS = """key, correlation_id, step, action, payment, amount, state, provider, reference, fingerprint,
    created_at, busy_until"""
INSERT = f"""
    INSERT INTO payment_attempt ({COLUMNS})
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (key) DO NOTHING"""
# Unless the step has a record, which answers instead. Plain SQL: each booking passes here.
INSERT_UNLESS_RECORDED = f"""
    INSERT INTO payment_attempt ({COLUMNS})
    SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s
    WHERE NOT EXISTS (SELECT 1 FROM guard_step_record WHERE correlation_id = %s AND step = %s)
    ON CONFLICT DO NOTHING"""
CLOSE = """
    UPDATE payment_attempt SET state = %s, reference = %s WHERE key = %s AND state = %s"""


class Interrupted(Exception):
    """Another call has settled this attempt, or the payments have changed meanwhile."""


def key_of(correlation_id: str, step: str, payment: str, number: int) -> str:
    of = "" if payment == correlation_id else f":{payment}"
    again = "" if number == 1 else f"#{number}"
    return f"{correlation_id}:{step}{of}{again}"


@dataclass(frozen=True)
class Key:
    """What a key says of its call."""

    correlation_id: str
    step: str
    payment: str


def read_key(key: str) -> Key | None:
    """The way back from `key_of`; None for a key that it has not made."""
    found = KEY.fullmatch(key)
    return Key(found["cid"], found["step"], found["payment"] or found["cid"]) if found else None


def open_authorization(
    *, key: str, correlation_id: str, step: str, amount: int, fingerprint: str, now: datetime
) -> bool:
    """Whether it was opened: false if the step has a record, or another attempt is open."""
    row = _authorization(key, correlation_id, step, amount, AttemptState.OPEN, fingerprint, now)
    return write_alone(INSERT_UNLESS_RECORDED, (*row, correlation_id, step)) == 1


def claim_authorization(*, correlation_id: str, step: str, now: datetime) -> None:
    """Take the key of an authorisation that may come later. Raises Interrupted if one has come."""
    key = key_of(correlation_id, step, correlation_id, number_of(correlation_id, step, correlation_id))
    row = _authorization(key, correlation_id, step, 0, AttemptState.REFUSED, "", now)
    if execute(INSERT, row) != 1 or open_on([correlation_id]):
        raise Interrupted


def _authorization(
    key: str,
    correlation_id: str,
    step: str,
    amount: int,
    state: AttemptState,
    fingerprint: str,
    now: datetime,
) -> tuple[Any, ...]:
    provider = providers.current()
    busy_until = now + timedelta(seconds=provider.timeout)
    of = (key, correlation_id, step, Action.AUTHORIZE, correlation_id, amount)
    return (*of, state, provider.name, "", fingerprint, db_time(now), db_time(busy_until))


def open_moves(moves: Iterable[Move], *, correlation_id: str, step: str, now: datetime) -> list[Attempt]:
    """Within the transaction that locks the payments."""
    return [_opened(move, correlation_id, step, now) for move in moves]


def _opened(move: Move, correlation_id: str, step: str, now: datetime) -> Attempt:
    payment = move.payment
    number = number_of(correlation_id, step, payment.correlation_id)
    return Attempt.objects.create(
        key=key_of(correlation_id, step, payment.correlation_id, number),
        correlation_id=correlation_id,
        step=step,
        action=move.action,
        payment=payment.correlation_id,
        amount=move.amount,
        state=AttemptState.OPEN,
        provider=payment.provider,
        reference=payment.provider_reference,
        created_at=now,
        busy_until=now + timedelta(seconds=providers.named(payment.provider).timeout),
    )


def number_of(correlation_id: str, step: str, payment: str) -> int:
    """The next attempt's, of this step on this payment: a key that came to nothing is not used again."""
    earlier = Attempt.objects.filter(correlation_id=correlation_id, step=step, payment=payment)
    return earlier.count() + 1


def open_on(payments: Collection[str]) -> list[Attempt]:
    return list(Attempt.objects.filter(payment__in=payments, state=AttemptState.OPEN).order_by("id"))


def close(attempt: str, state: AttemptState, reference: str) -> None:
    """Raises Interrupted if it is no longer open."""
    if execute(CLOSE, (state, reference, attempt, AttemptState.OPEN)) != 1:
        raise Interrupted


@contextmanager
def released_on_failure(keys: Sequence[str]) -> Iterator[None]:
    """The next call need not wait for one that has ended without an outcome."""
    try:
        yield
    except (Unknown, Interrupted, OperationalError):
        release(keys)
        raise


def release(keys: Sequence[str]) -> None:
    if not keys:
        return
    with write_transaction():
        Attempt.objects.filter(key__in=keys, state=AttemptState.OPEN).update(busy_until=utc_now())


def call(attempt: Attempt) -> Outcome:
    """Ask the provider, with no transaction open. Raises Unknown."""
    provider, key, reference = providers.named(attempt.provider), attempt.key, attempt.reference
    if attempt.action == Action.CAPTURE:
        return provider.capture(key=key, reference=reference, amount=attempt.amount)
    if attempt.action == Action.CANCEL:
        return provider.cancel(key=key, reference=reference)
    return provider.refund(key=key, reference=reference, amount=attempt.amount)


def ask(attempts: Sequence[Attempt], now: datetime) -> None:
    """Make the calls. Raises Interrupted if one was declined, and 503 if an outcome is unknown."""
    with unknown_is_503(), released_on_failure([attempt.key for attempt in attempts]):
        for attempt in attempts:
            outcome = call(attempt)
            if isinstance(outcome, Declined):
                settle_declined(attempt, outcome, now)
                raise Interrupted


def apply(attempts: Iterable[Attempt], now: datetime) -> None:
    """Write the effects of calls that were approved, in the caller's transaction."""
    for attempt in attempts:
        payment = Payment.objects.select_for_update().get(correlation_id=attempt.payment)
        close(attempt.key, AttemptState.DONE, attempt.reference)
        ledger.move(payment, Action(attempt.action), attempt.amount, attempt=attempt.key, now=now)


def settle(attempt: Attempt, now: datetime) -> None:
    """Find out what became of an open attempt whose caller has gone, and write it down. Raises 503."""
    try:
        if attempt.action == Action.AUTHORIZE:
            _abandon(attempt)
            return
        outcome = look_up(attempt)
        if isinstance(outcome, Approved):
            with write_transaction():
                apply([attempt], now)
        else:
            settle_declined(attempt, outcome, now)
    except Interrupted:
        pass  # Another call has settled it.


def settle_declined(attempt: Attempt, declined: Declined | None, now: datetime) -> None:
    with write_transaction():
        close(attempt.key, AttemptState.REFUSED, attempt.reference)
        if declined and declined.code == GONE:
            payment = Payment.objects.select_for_update().get(correlation_id=attempt.payment)
            ledger.expire(payment, now)
            return
    if declined:
        raise try_again(f"The payment provider: {declined.message}", code="PROVIDER_DECLINED")


def look_up(attempt: Attempt) -> Outcome | None:
    """None: nothing was done, and nothing will be. Raises 503."""
    asked = Asked(
        key=attempt.key,
        action=attempt.action,
        reference=attempt.reference,
        amount=attempt.amount,
        since=attempt.created_at,
    )
    with unknown_is_503():
        found = providers.named(attempt.provider).look_up(asked)
    return found if isinstance(found, Approved | Declined) else None


def _abandon(attempt: Attempt) -> None:
    """End an authorisation that no record will name: if it was made, it is cancelled."""
    found, reference = look_up(attempt), ""
    if isinstance(found, Approved):
        reference = found.reference
        # No attempt of its own: this one stays open until the cancellation, which may be repeated, is sure.
        with unknown_is_503():
            given_back = _give_back(attempt, reference)
        if isinstance(given_back, Declined):
            raise try_again(f"The payment provider: {given_back.message}", code="PROVIDER_DECLINED")
    with write_transaction():
        close(attempt.key, AttemptState.REFUSED, reference)


def _give_back(attempt: Attempt, reference: str) -> Outcome:
    provider = providers.named(attempt.provider)
    cancelled = provider.cancel(key=f"{attempt.key}:cancel", reference=reference)
    if isinstance(cancelled, Approved):
        return cancelled
    hold = provider.find_hold(reference)
    if hold is None or not hold.taken:
        return cancelled
    # Captured by a call that payment has forgotten: it was restored to an earlier moment than the provider.
    if not hold.live:
        return Approved(reference)
    return provider.refund(key=f"{attempt.key}:refund", reference=reference, amount=hold.live)


class Patience:
    """How long a call waits for a twin that is running, by reads alone: a twin needs the lock to end."""

    def __init__(self) -> None:
        self._until = time.monotonic() + settings.DATABASE_BUSY_SECONDS

    def wait_for(self, attempt: Attempt) -> None:
        """Until it has ended, or may be settled. Raises 503."""
        found: Attempt | None = attempt
        while found and is_busy(found):
            self.wait()
            found = Attempt.objects.filter(key=attempt.key, state=AttemptState.OPEN).first()

    def wait(self) -> None:
        """Raises 503."""
        if time.monotonic() >= self._until:
            raise try_again("Another call on this payment is still running.")
        time.sleep(POLL_SECONDS)  # A twin is running; no transaction is open.


def is_busy(attempt: Attempt) -> bool:
    return attempt.busy_until > utc_now()


@contextmanager
def unknown_is_503() -> Iterator[None]:
    try:
        yield
    except Unknown as unknown:
        raise try_again(str(unknown), code="GATEWAY_TIMEOUT") from unknown
