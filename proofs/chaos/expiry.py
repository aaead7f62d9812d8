"""Time that passes for one payment only, so that its authorisation expires within a short run."""

import sqlite3
from contextlib import closing

import psycopg

from proofs.chaos.standing import AWAY

HELD = "SELECT 1 FROM payment_payment WHERE correlation_id = %s AND status = 'AUTHORIZED'"
TOO_LATE = """
    UPDATE payment_payment SET capture_before = '2020-01-08 00:00:00+00:00'
    WHERE correlation_id = %s AND status = 'AUTHORIZED'"""
# The bank goes by its own books.
HELD_LONG_AGO = """
    UPDATE bank_movement SET created_at = '2020-01-01 00:00:00+00:00' WHERE kind = 'HOLD' AND hold = (
        SELECT provider_reference FROM payment_payment WHERE correlation_id = %s AND status = 'AUTHORIZED')"""


def let_expire(payments: str, correlation_id: str) -> bool:
    """In the database of payment; false if the database is away, or the money already captured."""
    try:
        if payments.startswith("postgres"):
            with psycopg.connect(payments, connect_timeout=5) as server:
                if not server.execute(HELD.encode(), (correlation_id,)).fetchone():
                    return False
                server.execute(HELD_LONG_AGO.encode(), (correlation_id,))
                return server.execute(TOO_LATE.encode(), (correlation_id,)).rowcount == 1
        with closing(sqlite3.connect(payments, timeout=5)) as file, file:
            if not file.execute(HELD.replace("%s", "?"), (correlation_id,)).fetchone():
                return False
            file.execute(HELD_LONG_AGO.replace("%s", "?"), (correlation_id,))
            return file.execute(TOO_LATE.replace("%s", "?"), (correlation_id,)).rowcount == 1
    except AWAY:
        return False
