"""A changed trip is cancelled."""

from datetime import timedelta

import pytest

from flight.models import Booking, Flight, Seat
from tests.booked_trip import Trip, trip
from tests.saga_world import World

__all__ = ["trip"]
"A fixture."


@pytest.mark.parametrize("changes", [("dearer",), ("cheaper",), ("dearer", "cheaper"), ("cheaper", "dearer")])
def test_cancellation_gives_back_everything_that_is_there_then(
    trip: Trip, world: World, changes: tuple[str, ...]
) -> None:
    for change in changes:
        trip.changed(getattr(trip, change))
    amount = Booking.objects.get().amount or 0
    cancelled = trip.cancel().json()
    assert (cancelled["status"], cancelled["refund"] + cancelled["fee"]) == ("COMPENSATED", amount / 100)
    assert not Seat.objects.filter(state__in=("HELD", "SOLD")).exists()
    participants = world.participants
    assert participants.money_of(trip.booking) == participants.miles_of(trip.booking) == 0
    world.check_quiet()


def test_departure_of_the_new_first_flight_ends_the_time_to_cancel(trip: Trip, world: World) -> None:
    later = trip.flight.departs_at + timedelta(days=9)
    Flight.objects.filter(pk=trip.dearer.pk).update(departs_at=later, arrives_at=later + timedelta(hours=3))
    trip.changed(trip.dearer)
    assert world.row(trip.booking).reversible_until == later
