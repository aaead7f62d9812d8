"""Releases expired holds of direct calls. A saga's hold never expires."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from service_kit.database import db_time, fetch_all
from service_kit.guard import barrier
from service_kit.problems import Problem

from flight import services

log = structlog.get_logger("saga.sweeper")
BATCH = 100
NOTHING = {"seats_released": 0, "status": "CANCELLED", "message": "There were no seats to release."}
EXPIRED = """
    SELECT DISTINCT correlation_id FROM flight_seat
    WHERE state = 'HELD' AND expires_at IS NOT NULL AND (expires_at < %s OR expires_at > %s)
      AND NOT EXISTS (SELECT 1 FROM flight_saga WHERE flight_saga.correlation_id = flight_seat.correlation_id)
    LIMIT %s"""


def undo_reservation(*, correlation_id: str, reserved: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Release what ReserveSeat held. Raises 409 while the seats are sold."""
    released = services.release_seats(correlation_id=correlation_id, now=now)
    if released != reserved["seats_reserved"]:
        raise Problem(
            409,
            "ORDER_VIOLATION",
            "The seats are sold; cancel the booking first.",
            correlation_id=correlation_id,
        )
    return {"seats_released": released, "status": "CANCELLED"}


def cancel_seat(*, correlation_id: str, now: datetime) -> barrier.Answer:
    """CancelSeat for a call that belongs to no saga: by its endpoint, or by the sweeper."""
    return barrier.compensate(
        correlation_id=correlation_id,
        step="ReserveSeat",
        undo=lambda reserved: undo_reservation(correlation_id=correlation_id, reserved=reserved, now=now),
        nothing=NOTHING,
        now=now,
    )


def release_expired_holds(now: datetime) -> int:
    """Cancel the expired holds of direct calls; of how many calls."""
    # One that ends later than any hold of today, twice over, was made before a clock was put back.
    latest = now + 2 * timedelta(minutes=settings.HOLD_MINUTES)
    expired = [row[0] for row in fetch_all(EXPIRED, (db_time(now), db_time(latest), BATCH))]
    for correlation_id in expired:
        try:
            cancel_seat(correlation_id=correlation_id, now=now)
            log.info("hold_expired", correlation_id=correlation_id)
        except Problem as problem:
            # Confirmed since the query: the seats are sold.
            log.info("hold_kept", correlation_id=correlation_id, code=problem.code)
        except Exception:  # The other holds are still released.
            log.exception("hold_not_released", correlation_id=correlation_id)
    return len(expired)
