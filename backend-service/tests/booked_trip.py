"""A booked trip, the flights that it may be changed to, and what a change is asked through."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings

from flight.models import Booking, Flight, Seat, SeatState, Ticket
from tests.saga_world import Desk, World


@dataclass
class Trip:
    """A booking of two economy seats for 400.00 and 50.00 charges, and what may become of it."""

    desk: Desk
    world: World
    flight: Flight
    dearer: Flight
    "500.10 for both"
    cheaper: Flight
    "300.00 for both"
    reference: str
    booking: str
    "its correlation id"

    def quote(self, *flights: Any, expect: int = 200) -> Any:
        asked = [{"flight_id": each.id} if isinstance(each, Flight) else each for each in flights]
        told = self.desk.post(f"/api/bookings/{self.reference}/change-quote/", {"flights": asked})
        assert told.status_code == expect, told.content
        return told.json()

    def change(self, quote: str, *, headers: Any = None, **more: Any) -> Any:
        body = {"quote_id": quote, **more}
        return self.desk.post(f"/api/bookings/{self.reference}/change/", body, headers=headers)

    def changed(self, *flights: Any) -> Any:
        done = self.change(self.quote(*flights)["quote_id"])
        assert (done.status_code, done.json()["success"]) == (200, True), done.content
        return done.json()

    def cancel(self) -> Any:
        return self.desk.post(f"/api/bookings/{self.reference}/cancel/")

    def state(self) -> tuple[set[tuple[int, str]], Decimal, Decimal]:
        """Seats, money and miles as they are; tickets and sold seats are the same."""
        tickets = Ticket.objects.filter(booking=self.reference).values_list("flight_id", "seat_number")
        sold = Seat.objects.filter(correlation_id=self.booking, state=SeatState.SOLD)
        assert {*sold.values_list("flight_id", "seat_number")} == {*tickets}
        participants = self.world.participants
        return {*tickets}, participants.money_of(self.booking), participants.miles_of(self.booking)

    def sent(self, change: str) -> dict[str, Any]:
        received = self.world.participants.received
        return {one.name: one.body["booking_data"] for one in received if one.correlation_id == change}

    def is_as_booked(self) -> None:
        seats = {(self.flight.id, "7A"), (self.flight.id, "7B")}
        assert self.state() == (seats, Decimal(450), Decimal(400))
        found = Booking.objects.get()
        assert (found.amount, found.busy_with, found.changed_by) == (45000, "", "")


@pytest.fixture
def trip(desk: Desk, world: World, make_flight: Callable[..., Flight], settings: LazySettings) -> Trip:
    settings.QUOTE_SECONDS = 900
    made = desk.book(seat_numbers=["7A", "7B"]).json()
    assert made["success"]
    return Trip(
        desk,
        world,
        world.flight,
        make_flight(number="ZZ201", fares=(25005, 60000, None)),
        make_flight(number="ZZ202", fares=(15000, 45000, None)),
        made["booking_reference"],
        made["correlation_id"],
    )
