"""How all sagas stand, in numbers. Every query reads open sagas only, or counts along an index."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from service_kit.clock import iso, iso_or_none
from service_kit.database import db_time, fetch_all, fetch_one, from_db_time

from flight import saga_settlements
from flight.saga_models import OPEN, SagaStatus
from flight.saga_orchestrator_complete import DEFINITION

WINDOW = timedelta(days=1)
NEWEST = 10_000
"The failure rate is of the sagas begun in the window, of at most so many of the newest."
BEGINNING, END = datetime(2000, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
COMMIT_TIME = timedelta(minutes=1)
SHOWN = 5
ALIVE = timedelta(seconds=10)

# States stand in the text, not in a parameter, so that SQLite sees that a partial index serves.
OPEN_SAGAS = """
    SELECT status, definition, COUNT(*), COUNT(NULLIF(attention, '')), MIN(created_at) FROM flight_saga
    WHERE due_at IS NOT NULL GROUP BY status, definition"""
BEGUN = "SELECT COUNT(*) FROM flight_saga WHERE created_at >= %s AND created_at < %s"
COMPENSATED = """
    SELECT COUNT(*) FROM flight_saga
    WHERE status = 'COMPENSATED' AND finished_at >= %s AND finished_at < %s"""
SINCE = "SELECT COUNT(*) FROM flight_saga WHERE created_at >= %s"
OPEN_SINCE = "SELECT COUNT(*) FROM flight_saga WHERE due_at IS NOT NULL AND created_at >= %s"
FAILED_SINCE = """
    SELECT COUNT(*) FROM flight_saga
    WHERE status = 'COMPENSATED' AND finished_at >= %s AND created_at >= %s
      AND reason NOT IN ('CANCELLED_BY_USER', 'CANCELLED_BY_OPERATOR')"""
NTH_NEWEST = "SELECT created_at FROM flight_saga ORDER BY created_at DESC LIMIT 1 OFFSET %s"
BEGUN_AT = "SELECT correlation_id FROM flight_saga WHERE created_at = %s AND due_at IS NOT NULL LIMIT 1"
INCIDENTS = """
    SELECT attention, COUNT(*) FROM flight_saga WHERE due_at IS NOT NULL AND attention <> ''
    GROUP BY attention ORDER BY COUNT(*) DESC, attention LIMIT %s"""
INCIDENT = """
    SELECT correlation_id FROM flight_saga WHERE due_at IS NOT NULL AND attention = %s
    ORDER BY due_at LIMIT %s"""
NEXT_TRIES = """
    SELECT correlation_id, status, due_at FROM flight_saga
    WHERE due_at IS NOT NULL AND owner = '' ORDER BY due_at LIMIT %s"""
# One look-up a saga: with a join a planner may read every seat that was ever held.
SEATS_OF_SAGAS = """
    SELECT COALESCE(SUM((
        SELECT COUNT(*) FROM flight_seat
        WHERE flight_seat.correlation_id = flight_saga.correlation_id AND state = 'HELD')), 0)
    FROM flight_saga WHERE due_at IS NOT NULL"""
DIRECT_HOLDS = """
    SELECT COUNT(*), MIN(expires_at) FROM flight_seat WHERE state = 'HELD' AND expires_at IS NOT NULL"""
RECOVERIES = "SELECT owner, beat_at FROM flight_recovery WHERE beat_at >= %s AND beat_at <= %s ORDER BY owner"
JOBS = "SELECT COUNT(*) FROM procrastinate_jobs WHERE queue_name = 'sagas' AND status = 'todo'"


class Count:
    """How many rows there are of what only grows: what was counted once is not counted again."""

    def __init__(self, sql: str) -> None:
        self._sql, self._lock = sql, threading.Lock()
        self._until, self._before = BEGINNING, 0

    def __call__(self, now: datetime) -> int:
        """A commit may come later than the time on its row, but not by more than COMMIT_TIME."""
        until = now - COMMIT_TIME
        with self._lock:
            if until < self._until:  # A clock was put back.
                self._until, self._before = BEGINNING, 0
            self._before += self._between(self._until, until)
            self._until = until
            return self._before + self._between(until, END)

    def _between(self, first: datetime, last: datetime) -> int:
        return _number(self._sql, db_time(first), db_time(last))


@dataclass(frozen=True)
class Grown:
    """No saga is ever deleted, and none that is compensated becomes anything else."""

    begun: Count = field(default_factory=lambda: Count(BEGUN))
    compensated: Count = field(default_factory=lambda: Count(COMPENSATED))


grown = Grown()


def overview(now: datetime, *, counted: Grown = grown) -> dict[str, Any]:
    rows = fetch_all(OPEN_SAGAS)
    oldest = min((from_db_time(row[4]) for row in rows), default=None)
    return {
        "counts": counts(rows, counted.begun(now), counted.compensated(now)),
        "needs_attention": sum(row[3] for row in rows),
        "oldest_open": _oldest(oldest) if oldest else None,
        "failures": _failures(now),
        "incidents": [_incident(reason, count) for reason, count in fetch_all(INCIDENTS, (SHOWN,))],
        "next_tries": _next_tries(),
        "seats_held": seats_held(),
        "settled_by_hand": saga_settlements.still_open(),
        "engine": _engine(now),
        "definitions": _definitions(rows),
    }


def _number(sql: str, *parameters: Any) -> int:
    row = fetch_one(sql, parameters)
    return int(row[0]) if row else 0


def counts(rows: list[tuple[Any, ...]], begun: int, compensated: int) -> dict[str, int]:
    """Open sagas and compensated ones are counted; the others are complete."""
    found = dict.fromkeys(SagaStatus.values, 0)
    for status, _, number, _, _ in rows:
        found[status] += number
    still_open = sum(found[status] for status in OPEN)
    # The three are not read in one snapshot: a saga that ends in between must not make it negative.
    completed = max(begun - still_open - compensated, 0)
    return found | {"COMPENSATED": compensated, "COMPLETED": completed}


def _oldest(created_at: datetime) -> dict[str, Any] | None:
    row = fetch_one(BEGUN_AT, (db_time(created_at),))
    return {"correlation_id": row[0], "created_at": iso(created_at)} if row else None


def _failures(now: datetime) -> dict[str, Any]:
    """How many of the newest sagas have ended, and how many of these without being asked to."""
    nth = fetch_one(NTH_NEWEST, (NEWEST - 1,))
    since = max(now - WINDOW, from_db_time(nth[0])) if nth else now - WINDOW
    ended = _number(SINCE, db_time(since)) - _number(OPEN_SINCE, db_time(since))
    return {
        "since": iso(since),
        "ended": ended,
        "failed": _number(FAILED_SINCE, db_time(since), db_time(since)),
    }


def _incident(reason: str, count: int) -> dict[str, Any]:
    some = [row[0] for row in fetch_all(INCIDENT, (reason, SHOWN))]
    return {"reason": reason, "count": count, "sagas": some}


def _next_tries() -> list[dict[str, Any]]:
    return [
        {"correlation_id": cid, "status": status, "due_at": iso(from_db_time(due_at))}
        for cid, status, due_at in fetch_all(NEXT_TRIES, (SHOWN,))
    ]


def seats_held() -> dict[str, Any]:
    direct, expires_at = fetch_one(DIRECT_HOLDS) or (0, None)
    return {
        "by_sagas": _number(SEATS_OF_SAGAS),
        "by_direct_calls": direct,
        "next_expiry": iso_or_none(from_db_time(expires_at)),
    }


def _engine(now: datetime) -> dict[str, Any]:
    """Which engine this process submits to, who serves, and how many jobs wait where there is a queue."""
    alive = fetch_all(RECOVERIES, (db_time(now - ALIVE), db_time(now + ALIVE)))
    has_queue = settings.SAGA_ENGINE == "procrastinate"
    return {
        "name": settings.SAGA_ENGINE,
        "workers": [{"name": owner, "beat_at": iso(from_db_time(beat_at))} for owner, beat_at in alive],
        "jobs_waiting": _number(JOBS) if has_queue else None,
    }


def _definitions(rows: list[tuple[Any, ...]]) -> list[dict[str, Any]]:
    """Versions of the step table that open sagas run by, and the one that new sagas get."""
    versions = dict.fromkeys([DEFINITION], 0)
    for _, version, number, _, _ in rows:
        versions[version] = versions.get(version, 0) + number
    return [{"version": version, "open": versions[version]} for version in sorted(versions)]
