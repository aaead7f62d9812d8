"""How often somebody may try: one exact count over all workers, in a row of our own database."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import HttpRequest
from service_kit.database import db_time, execute, fetch_one, write_transaction

WINDOW = timedelta(minutes=5)
MOST = {"login": 10, "login-from": 100, "find-from": 30}
COUNT = """
    INSERT INTO ui_attempt (key, began_at, number) VALUES (%s, %s, 1)
    ON CONFLICT (key, began_at) DO UPDATE SET number = ui_attempt.number + 1 RETURNING number"""
FORGET = "DELETE FROM ui_attempt WHERE began_at < %s"


def _window(now: datetime) -> datetime:
    seconds = WINDOW.total_seconds()
    return datetime.fromtimestamp(now.timestamp() // seconds * seconds, tz=UTC)


def is_too_much(kind: str, who: str, *, now: datetime) -> bool:
    """Count one attempt, and say whether it is one too many. Demo mode has no limits."""
    if settings.DEMO_MODE:
        return False
    began = _window(now)
    with write_transaction():
        row = fetch_one(COUNT, (f"{kind}:{who}"[:200], db_time(began)))
        if row == (1,):
            execute(FORGET, (db_time(began - WINDOW),))
    return row is not None and int(row[0]) > MOST[kind]


def address_of(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "unknown")
