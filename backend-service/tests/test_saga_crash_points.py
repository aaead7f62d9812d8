"""The booking through the engine's own crash test, which knows nothing of flights."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from django_sagas import Done, Refused
from django_sagas.orchestrator import Orchestrator
from django_sagas.testing import CrashTest, Ending, Story

from flight.models import Booking, BookingStatus, Flight, Seat, SeatState, Ticket
from flight.saga_orchestrator_complete import BookTrip
from proofs.matrix.stories import STORIES
from tests.saga_world import World

PASSENGERS = 2


class TestBookTrip(CrashTest):
    saga = BookTrip
    stories: ClassVar[Sequence[Story]] = STORIES

    @pytest.fixture(autouse=True)
    def _flight(self, transactional_db: None, flight: Flight) -> None:
        self.world, self.flights = World(flight), [flight]

    def begin(self, story: Story, orchestrator: Orchestrator) -> object:
        self.world.clock.at = orchestrator.now()
        return orchestrator.start(self.world.new_saga(*self.flights, **story.data), deadline=None)

    def act(self, step: str, data: Mapping[str, Any], story: Story) -> Done | Refused:
        if data.get("payment", {}).get("card_token") == "tok_declined":
            return Refused("PAYMENT_DECLINED", "As the bank says.")
        if step == "AuthorizePayment":
            return Done({"amount": Decimal(data["flight_fare"]) + Decimal(data["other_charges"])})
        if step == "CapturePayment":
            return Done({"status": "CAPTURED"})
        return Done({"miles_awarded": int(data["flight_fare"])})

    def always(self) -> None:
        live = Seat.objects.filter(state__in=[SeatState.HELD, SeatState.SOLD])
        assert set(Counter(live.values_list("flight_id", "seat_number")).values()) <= {1}
        on_each = Counter(live.values_list("flight_id", flat=True))
        assert on_each in ({}, {flight.id: PASSENGERS for flight in self.flights})
        assert Booking.objects.count() <= 1

    def invariants(self, ending: Ending) -> None:
        booked = int(ending.completed)
        states = Counter(Seat.objects.values_list("state", flat=True))
        assert states[SeatState.HELD] == 0
        assert states[SeatState.SOLD] == PASSENGERS * len(self.flights) * booked
        assert Booking.objects.filter(status=BookingStatus.CONFIRMED).count() == booked
        if booked:
            tickets = Ticket.objects.values_list("flight_id", "seat_number")
            sold = Seat.objects.filter(state=SeatState.SOLD).values_list("flight_id", "seat_number")
            assert sorted(tickets) == sorted(sold)


class TestBookTripOfTwoFlights(TestBookTrip):
    stories = (
        Story("return booked"),
        Story("return cancelled", cancelled=True, ends="COMPENSATED"),
    )

    @pytest.fixture(autouse=True)
    def _flight(self, transactional_db: None, trip: list[Flight]) -> None:
        self.world, self.flights = World(trip[0]), [trip[0], trip[2]]
