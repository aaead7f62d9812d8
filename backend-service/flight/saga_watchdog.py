"""Marks the sagas that nobody has claimed in time; every recovery does, also for those that died."""

from datetime import datetime, timedelta

import structlog
from django.conf import settings
from service_kit.database import db_time, fetch_all, write_transaction

from flight.saga_alarms import needs_attention

log = structlog.get_logger("saga.watchdog")
BATCH = 100
UNCLAIMED = "It is due, and nobody has claimed it: is recovery running, and does it keep up?"
# A claim moves the due time on, so that a saga which somebody has taken in between is not marked.
MARK = """
    UPDATE flight_saga SET attention = %s WHERE attention = '' AND due_at < %s AND correlation_id IN (
        SELECT correlation_id FROM flight_saga WHERE due_at < %s AND attention = '' ORDER BY due_at LIMIT %s)
    RETURNING correlation_id"""


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
