"""Writes of miles: award, and its compensation reverse."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django_sagas.database import db_time, execute, fetch_one
from django_sagas.guard.barrier import Done
from django_sagas.outcomes import Refused

from loyalty.inputs import Award
from loyalty.models import EntryKind

# One statement creates the account or adds to it, and returns whether it is open.
CHANGE_BALANCE = """
    INSERT INTO loyalty_account (user_id, balance, closed, created_at) VALUES (%s, %s, %s, %s)
    ON CONFLICT (user_id) DO UPDATE SET balance = loyalty_account.balance + %s
    WHERE NOT loyalty_account.closed
    RETURNING balance"""
TAKE_BACK = "UPDATE loyalty_account SET balance = balance - %s WHERE user_id = %s RETURNING balance"
INSERT_ENTRY = """
    INSERT INTO loyalty_ledger (correlation_id, kind, user_id, miles, created_at)
    VALUES (%s, %s, %s, %s, %s)"""


def award_miles(*, correlation_id: str, command: Award, now: datetime) -> Done | Refused:
    """Add the miles of a booking, or refuse for a closed account. Runs inside the guard's transaction."""
    miles, at = command.miles, db_time(now)
    row = fetch_one(CHANGE_BALANCE, (command.user_id, miles, False, at, miles))
    if row is None:
        return Refused("ACCOUNT_CLOSED", "This loyalty account is closed.")
    balance = int(row[0])
    execute(INSERT_ENTRY, (correlation_id, EntryKind.AWARD, command.user_id, miles, at))
    return Done(
        {
            "user_id": command.user_id,
            "miles_awarded": miles,
            "original_balance": balance - miles,
            "new_balance": balance,
        }
    )


def reverse_miles(*, correlation_id: str, awarded: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Reverse an award; `awarded` is award_miles' answer. The balance may fall below zero."""
    user_id, miles = awarded["user_id"], awarded["miles_awarded"]
    row = fetch_one(TAKE_BACK, (miles, user_id))
    assert row is not None, "an award made the account, and accounts are never deleted"
    execute(INSERT_ENTRY, (correlation_id, EntryKind.REVERSAL, user_id, -miles, db_time(now)))
    return {
        "user_id": user_id,
        "miles_reversed": miles,
        "new_balance": int(row[0]),
        "status": "REVERSED",
    }
