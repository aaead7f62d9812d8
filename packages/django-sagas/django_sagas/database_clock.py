"""The database server's time, so that all hosts agree on leases."""

import time
from datetime import datetime, timedelta

from django.db import Error, connection

from django_sagas.clock import utc_now
from django_sagas.database import fetch_one, from_db_time, is_sqlite


class DatabaseClock:
    """Asks PostgreSQL at most once in `every` seconds and adds the elapsed time in between.

    On SQLite, and until PostgreSQL has answered for the first time, it is this machine's clock.
    """

    def __init__(self, every: float = 10.0) -> None:
        self._every = every
        self._ask_at = float("-inf")
        self._answer: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        # A failed query would abort the caller's transaction.
        if not is_sqlite() and not connection.in_atomic_block:
            self._ask_now_and_then()
        if self._answer is None:
            return utc_now()
        then, since = self._answer
        return then + timedelta(seconds=time.monotonic() - since)

    def _ask_now_and_then(self) -> None:
        if self._answer is not None and time.monotonic() < self._ask_at:
            return
        self._ask_at = time.monotonic() + self._every  # Set first: one thread asks, the others continue.
        try:
            row = fetch_one("SELECT clock_timestamp()")  # The ORM asks for a time only beside rows.
        except Error:
            return  # Keep the last offset; the caller's own statement will report the error.
        assert row is not None
        self._answer = from_db_time(row[0]), time.monotonic()
