"""Bookings of releases that did not settle: each gets its settlement, so that its authorisation is captured
before it expires, or an operator hears of it."""

from datetime import datetime, timedelta

import structlog
from django.db.models import Exists, OuterRef, Q
from django_sagas import json_text, saga_log
from django_sagas.database import write_transaction
from django_sagas.models import SagaRow
from django_sagas.problems import Problem
from django_sagas.runtime import orchestrator
from django_sagas.state import SagaStatus

from flight.models import Booking, BookingStatus
from flight.saga_booking import BookingSaga, as_booking
from flight.settlement import settle_trip

log = structlog.get_logger("saga.settlement")
CAPTURABLE = timedelta(days=7)
"At most so long a provider holds an authorisation; after it only trips that are not flown yet matter."
BATCH = 1000


def begin_settlements(now: datetime) -> int:
    """Run by recovery: an older release may still confirm bookings while this one is deployed."""
    begun = 0
    for booking in _without_settlement(now):
        try:
            begun += _begin(booking, now)
        except Problem:  # Too many sagas are open: the rest follows the next time.
            break
    if begun:
        log.info("settlements_begun", number=begun)
    return begun


def _without_settlement(now: datetime) -> list[Booking]:
    complete = SagaRow.objects.filter(pk=OuterRef("correlation_id"), status=SagaStatus.COMPLETED)
    matters = Q(created_at__gt=now - CAPTURABLE) | Q(flight__departs_at__gt=now)
    found = Booking.objects.filter(
        matters, Exists(complete.exclude(facts__contains='"settlement"')), status=BookingStatus.CONFIRMED
    )
    return list(found.order_by("created_at")[:BATCH])


def _begin(booking: Booking, now: datetime) -> bool:
    """False if another process was first, or the booking is being cancelled."""
    saga = as_booking(saga_log.load(booking.correlation_id))
    if saga is None or saga.settlement:
        return False
    settlement = orchestrator().new_id()
    with write_transaction():
        if not _name(saga, settlement):
            return False
        settle_trip.begin(saga, correlation_id=settlement, reference=booking.reference, now=now)
    return True


def _name(saga: BookingSaga, settlement: str) -> bool:
    complete = SagaRow.objects.select_for_update().filter(
        pk=saga.correlation_id, status=SagaStatus.COMPLETED, epoch=saga.epoch
    )
    for row in complete.exclude(facts__contains='"settlement"'):
        facts = json_text.load_stored(row.facts)
        facts["ConfirmBooking"] = {**facts["ConfirmBooking"], "settlement": settlement}
        return complete.update(facts=json_text.dumps(facts)) == 1
    return False
