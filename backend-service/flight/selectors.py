"""Queries on bookings; one per function."""

from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    Count,
    Exists,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    Subquery,
    When,
    prefetch_related_objects,
)
from django_sagas.models import SagaRow

from flight.models import Booking, BookingStatus, Ticket

# The states of a trip, in the order in which trips are listed.
TIMES = ("upcoming", "past", "cancelled")
UPCOMING = TIMES.index("upcoming")
TICKETS = Prefetch("tickets", Ticket.objects.select_related("flight__origin", "flight__destination"))
"With the flights of the trip and their airports."


def _bookings() -> QuerySet[Booking]:
    """With flight, airports, and the data of the saga, which holds the parts of the price."""
    saga = SagaRow.objects.filter(correlation_id=OuterRef("correlation_id"))
    data = {"saga_data": Subquery(saga.values("data"))}
    return Booking.objects.select_related("flight__origin", "flight__destination").annotate(**data)


def booking(reference: str) -> Booking | None:
    """Without its tickets, which are read only after the access check."""
    return _bookings().filter(pk=reference).first()


def last_names(reference: str) -> list[str]:
    """Of the passengers of a booking; none where there is no such booking."""
    return list(Ticket.objects.filter(booking=reference).values_list("last_name", flat=True))


def with_tickets(booking: Booking) -> Booking:
    prefetch_related_objects([booking], TICKETS)
    return booking


def bookings_of(user_id: str, *, after: Booking | None, limit: int) -> list[Booking]:
    """A user's bookings, newest first, from the one that follows `after`."""
    found = _bookings().filter(user_id=user_id).prefetch_related(TICKETS)
    if after is not None:
        found = found.filter(
            Q(created_at__lt=after.created_at) | Q(created_at=after.created_at, reference__lt=after.reference)
        )
    return list(found.order_by("-created_at", "-reference")[:limit])


# Any: the stubs know of no annotation.
def _by_time(user_id: str, now: datetime) -> Any:
    """A user's bookings, each with the place of its `time` in TIMES: upcoming until the last departure."""
    ahead = Ticket.objects.filter(booking=OuterRef("pk"), flight__departs_at__gt=now)
    time = Case(
        When(status=BookingStatus.CANCELLED, then=TIMES.index("cancelled")),
        When(Exists(ahead), then=UPCOMING),
        default=TIMES.index("past"),
    )
    return _bookings().filter(user_id=user_id).annotate(time=time)


def trips_of(
    user_id: str, *, time: str, after: str | None, limit: int, now: datetime
) -> list[Booking] | None:
    """A user's bookings, or those of one time, from the one that follows `after`; None if it is not theirs.

    Upcoming trips come first, the soonest at the head, then past and cancelled ones, the latest at the head.
    """
    found = _by_time(user_id, now)
    shown = found.filter(time=TIMES.index(time)) if time else found
    if after is not None:
        last = found.filter(pk=after).first()
        if last is None:
            return None
        shown = shown.filter(_follows(last))
    soonest = Case(When(time=UPCOMING, then="flight__departs_at"))
    shown = shown.order_by("time", soonest, "-flight__departs_at", "reference")
    return list(shown.prefetch_related(TICKETS)[:limit])


def _follows(last: Any) -> Q:
    """The filter for trips after a booking in the order of `trips_of`."""
    departs = last.flight.departs_at
    later = Q(flight__departs_at__gt=departs) if last.time == UPCOMING else Q(flight__departs_at__lt=departs)
    same = Q(flight__departs_at=departs, reference__gt=last.reference)
    return Q(time__gt=last.time) | Q(time=last.time) & (later | same)


def counts_of(user_id: str, *, now: datetime) -> dict[str, int]:
    """How many bookings of each time a user has."""
    counts = dict(_by_time(user_id, now).order_by().values_list("time").annotate(Count("pk")))
    return {time: counts.get(place, 0) for place, time in enumerate(TIMES)}


def booking_of(user_id: str, reference: str) -> Booking | None:
    return Booking.objects.filter(user_id=user_id, pk=reference).first()
