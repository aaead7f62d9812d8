"""Releases expired holds of direct calls. A saga's hold never expires."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django_sagas.guard import barrier
from django_sagas.models import SagaRow
from service_kit.problems import Problem

from flight import services
from flight.models import Seat, SeatState

log = structlog.get_logger("saga.sweeper")
BATCH = 100
NOTHING = {"seats_released": 0, "status": "CANCELLED", "message": "There were no seats to release."}


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
    # A hold that ends later than twice the usual life was made before a clock was put back.
    latest = now + 2 * timedelta(minutes=settings.HOLD_MINUTES)
    is_over = Q(expires_at__lt=now) | Q(expires_at__gt=latest)
    saga = SagaRow.objects.filter(pk=OuterRef("correlation_id"))
    holds = Seat.objects.filter(is_over, ~Exists(saga), state=SeatState.HELD, expires_at__isnull=False)
    # In the order of the index of expiries; a call may hold several seats.
    seats = holds.order_by("expires_at").values_list("correlation_id", flat=True)[:BATCH]
    expired = list(dict.fromkeys(seats))
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
