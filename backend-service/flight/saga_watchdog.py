"""Marks unclaimed sagas, and makes sagas due that a clock put back left waiting."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from service_kit.database import db_time, execute, fetch_all, write_transaction

from flight.saga_alarms import needs_attention
from flight.saga_orchestrator_complete import RELEASE_PAUSE

log = structlog.get_logger("saga.watchdog")
BATCH = 100
UNCLAIMED = "It is due, and nobody has claimed it: is recovery running, and does it keep up?"
# A claim moves the due time, so that a saga claimed meanwhile is not marked.
MARK = """
    UPDATE flight_saga SET attention = %s WHERE attention = '' AND due_at < %s AND correlation_id IN (
        SELECT correlation_id FROM flight_saga WHERE due_at < %s AND attention = '' ORDER BY due_at LIMIT %s)
    RETURNING correlation_id"""
BRING_FORWARD = "UPDATE flight_saga SET due_at = %s WHERE due_at > %s"


def latest_due(now: datetime) -> datetime:
    """Twice the longest time that a saga waits."""
    seconds = (
        settings.SAGA_LEASE,
        settings.SAGA_FORWARD_BACKOFF[1],
        settings.SAGA_COMPENSATION_BACKOFF[1],
        settings.SAGA_MAX_RETRY_AFTER,
        RELEASE_PAUSE.total_seconds(),
    )
    return now + timedelta(seconds=2 * max(seconds))


def bring_forward(now: datetime) -> int:
    """Make sagas due whose due time is further ahead than any wait: a clock was put back.

    If their owner is alive after all, the next claim fences it off, as after any lease.
    """
    brought = execute(BRING_FORWARD, (db_time(now), db_time(latest_due(now))))
    if brought:
        log.warning("due_times_ahead", sagas=brought)
    return brought


def mark_unclaimed(now: datetime) -> int:
    """Alarm for sagas that have been due for longer than SAGA_UNCLAIMED_SECONDS; how many were new."""
    late = db_time(now - timedelta(seconds=settings.SAGA_UNCLAIMED_SECONDS))
    with write_transaction():
        marked = [row[0] for row in fetch_all(MARK, (UNCLAIMED, late, late, BATCH))]
        for correlation_id in marked:
            needs_attention(correlation_id, UNCLAIMED, now=now)
    for correlation_id in marked:
        log.error("saga_needs_attention", correlation_id=correlation_id, why=UNCLAIMED)
    return len(marked)
