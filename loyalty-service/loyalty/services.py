"""Writes of miles: award, its compensation reverse, and the adjustment of a trip that was changed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django_sagas import json_text
from django_sagas.database import db_time, execute, fetch_one
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Done, RefusedForNow
from django_sagas.guard.models import RecordState
from django_sagas.outcomes import Refused

from loyalty.inputs import Adjustment, Award
from loyalty.models import EntryKind

AWARD = "AwardMiles"
"The step whose record says what became of a trip."
TRIP_NOT_FOUND, NO_MILES = "TRIP_NOT_FOUND", "This user has earned no miles with this trip."

# One statement creates the account or adds to it, and returns whether it is open.
CHANGE_BALANCE = """
    INSERT INTO loyalty_account (user_id, balance, closed, created_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (user_id) DO UPDATE SET balance = loyalty_account.balance + %s
    WHERE NOT loyalty_account.closed
    RETURNING balance"""
# Also of a closed account: what follows an award is never refused.
ADD = "UPDATE loyalty_account SET balance = balance + %s WHERE user_id = %s RETURNING balance"
INSERT_ENTRY = """
    INSERT INTO loyalty_ledger (correlation_id, trip_id, kind, user_id, miles, created_at)
    VALUES (%s, %s, %s, %s, %s, %s)"""
MILES_OF_TRIP = "SELECT COALESCE(SUM(miles), 0) FROM loyalty_ledger WHERE trip_id = %s"


def award_miles(*, correlation_id: str, command: Award, now: datetime) -> Done | Refused:
    """Add the miles of a booking, or refuse for a closed account. Runs inside the guard's transaction."""
    miles, at = command.miles, db_time(now)
    row = fetch_one(CHANGE_BALANCE, (command.user_id, miles, False, at, miles))
    if row is None:
        return Refused("ACCOUNT_CLOSED", "This loyalty account is closed.")
    balance = int(row[0])
    execute(INSERT_ENTRY, (correlation_id, correlation_id, EntryKind.AWARD, command.user_id, miles, at))
    return Done(
        {
            "user_id": command.user_id,
            "miles_awarded": miles,
            "original_balance": balance - miles,
            "new_balance": balance,
        }
    )


def reverse_miles(*, correlation_id: str, awarded: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Take back what the trip has earned, adjustments included; `awarded` is award_miles' answer.

    The balance may fall below zero.
    """
    miles = _miles_of(correlation_id)
    balance = _add(
        -miles, awarded["user_id"], cid=correlation_id, trip=correlation_id, kind=EntryKind.REVERSAL, now=now
    )
    return {
        "user_id": awarded["user_id"],
        "miles_reversed": miles,
        "new_balance": balance,
        "status": "REVERSED",
    }


def refuse_unknown_trip(command: Adjustment) -> RefusedForNow | None:
    """Not for good: after a restore to an earlier moment the award is made again, and then the adjustment."""
    if barrier.read(correlation_id=command.trip_id, step=AWARD):
        return None
    return RefusedForNow(TRIP_NOT_FOUND, NO_MILES)


def adjust_miles(*, correlation_id: str, command: Adjustment, now: datetime) -> Done | Refused:
    """Add miles to a trip, or take some from it. After its award was reversed nothing is changed."""
    # The lock: reversal and adjustment of a trip come one after the other.
    record = barrier.read(correlation_id=command.trip_id, step=AWARD, lock=True)
    if record is not None and record.state == RecordState.UNDONE:
        message = "The miles of this trip were taken back: there is nothing to adjust."
        return Done({"user_id": command.user_id, "miles_adjusted": 0, "message": message})
    if record is None or not _is_award_of(record, command.user_id):
        return Refused(TRIP_NOT_FOUND, NO_MILES)
    if _miles_of(command.trip_id) + command.miles < 0:
        return Refused("TOO_MANY_MILES", "This trip has not earned so many miles.")
    balance = _add(
        command.miles,
        command.user_id,
        cid=correlation_id,
        trip=command.trip_id,
        kind=EntryKind.ADJUSTED,
        now=now,
    )
    return Done({"user_id": command.user_id, "miles_adjusted": command.miles, "new_balance": balance})


def _is_award_of(record: barrier.Record, user_id: str) -> bool:
    return record.state == RecordState.DONE and json_text.load_stored(record.answer)["user_id"] == user_id


def _miles_of(trip: str) -> int:
    row = fetch_one(MILES_OF_TRIP, (trip,))
    assert row is not None, "a sum always has a row"
    return int(row[0])


def _add(miles: int, user_id: str, *, cid: str, trip: str, kind: EntryKind, now: datetime) -> int:
    """The entry and the new balance of an account that an award has made."""
    row = fetch_one(ADD, (miles, user_id))
    assert row is not None, "an award made the account, and accounts are never deleted"
    execute(INSERT_ENTRY, (cid, trip, kind, user_id, miles, db_time(now)))
    return int(row[0])
