"""The bank's side of each request: one line of its journal, in a transaction of its own.

A repeat with the same key is answered from the journal.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django_sagas.database import by_pages, db_time, write_alone, write_transaction

from payment.bank.models import Movement, MovementKind

# Plain SQL: each booking passes here. The key's unique constraint decides which request is first.
INSERT = """
    INSERT INTO bank_movement (key, kind, hold, amount, currency, text, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (key) DO NOTHING"""

MOVES = (MovementKind.CAPTURE, MovementKind.RELEASE, MovementKind.REFUND)


def hold(*, key: str, hold: str, amount: int, currency: str, declined: str, now: datetime) -> Movement:
    """Hold an amount under the name `hold`, or decline it for the reason `declined`."""
    if declined:
        return _enter(_declined(key, "", declined, now))
    kind = MovementKind.HOLD
    return _enter(Movement(key=key, kind=kind, hold=hold, amount=amount, currency=currency, created_at=now))


def void(*, key: str, now: datetime) -> Movement:
    """What was done with a key. If nothing was, the key is given up: later requests with it move nothing."""
    return _enter(Movement(key=key, kind=MovementKind.VOID, amount=0, created_at=now))


def capture(*, key: str, hold: str, amount: int, now: datetime) -> Movement:
    with write_transaction():
        held = _locked(hold)
        if held is None or _of(hold, MovementKind.CAPTURE, MovementKind.RELEASE) or has_expired(held, now):
            return _enter(_declined(key, hold, "The hold is gone.", now))
        if amount > held.amount:
            return _enter(_declined(key, hold, "The hold is for less.", now))
        return _enter(_movement(key, MovementKind.CAPTURE, held, amount, now))


def release(*, key: str, hold: str, now: datetime) -> Movement:
    with write_transaction():
        held = _locked(hold)
        if held is None or _of(hold, MovementKind.CAPTURE):
            return _enter(_declined(key, hold, "There is nothing to release.", now))
        for released in _of(hold, MovementKind.RELEASE):
            return released
        return _enter(_movement(key, MovementKind.RELEASE, held, held.amount, now))


def refund(*, key: str, hold: str, amount: int, now: datetime) -> Movement:
    with write_transaction():
        held = _locked(hold)
        taken = sum(one.amount for one in _of(hold, MovementKind.CAPTURE))
        given = sum(one.amount for one in _of(hold, MovementKind.REFUND).exclude(key=key))
        if held is None or given + amount > taken:
            return _enter(_declined(key, hold, "Less than that was taken.", now))
        return _enter(_movement(key, MovementKind.REFUND, held, amount, now))


def movements_of_holds(since: datetime) -> Iterator[list[Movement]]:
    """The journal's lines of each hold made since then, the hold first."""
    for held in by_pages(Movement.objects.filter(kind=MovementKind.HOLD, created_at__gte=since)):
        yield movements(held.hold)


def movements(hold: str) -> list[Movement]:
    return list(Movement.objects.filter(hold=hold).exclude(kind=MovementKind.DECLINE).order_by("id"))


def _locked(hold: str) -> Movement | None:
    """The hold's own line; its lock puts all that moves the hold's money in a row."""
    return Movement.objects.select_for_update().filter(hold=hold, kind=MovementKind.HOLD).first()


def _of(hold: str, *kinds: MovementKind) -> QuerySet[Movement]:
    return Movement.objects.filter(hold=hold, kind__in=kinds)


def has_expired(held: Movement, now: datetime) -> bool:
    return now >= held.created_at + timedelta(days=settings.AUTHORIZATION_DAYS)


def _movement(key: str, kind: MovementKind, held: Movement, amount: int, now: datetime) -> Movement:
    return Movement(key=key, kind=kind, hold=held.hold, amount=amount, currency=held.currency, created_at=now)


def _declined(key: str, hold: str, text: str, now: datetime) -> Movement:
    return Movement(key=key, kind=MovementKind.DECLINE, hold=hold, amount=0, text=text, created_at=now)


def _enter(made: Movement) -> Movement:
    """The line with this key: `made`, or the earlier one; a refusal, if that one moved the money of another
    hold."""
    at = db_time(made.created_at)
    row = (made.key, made.kind, made.hold, made.amount, made.currency, made.text, at)
    if write_alone(INSERT, row):
        return made
    earlier = Movement.objects.get(key=made.key)
    moves_a_hold = made.hold and made.kind != MovementKind.HOLD
    if moves_a_hold and earlier.kind in MOVES and earlier.hold != made.hold:
        return _declined(made.key, made.hold, "This key was used for another hold.", made.created_at)
    return earlier
