"""Every row of the participant record's table, for both pairs of the backend's own steps."""

import pytest
from service_kit.testing.protocol import Pair, StepProtocol

from flight.models import Flight
from tests.step_pairs import confirm_pair, confirm_trip_pair, reserve_pair, reserve_trip_pair


class TestReserveAndCancelSeat(StepProtocol):
    @pytest.fixture
    def pair(self, flight: Flight) -> Pair:
        return reserve_pair(flight)


class TestConfirmAndCancelBooking(StepProtocol):
    @pytest.fixture
    def pair(self, flight: Flight) -> Pair:
        return confirm_pair(flight)


class TestReserveAndCancelTheSeatsOfATrip(StepProtocol):
    @pytest.fixture
    def pair(self, trip: list[Flight]) -> Pair:
        return reserve_trip_pair(trip)


class TestConfirmAndCancelATrip(StepProtocol):
    @pytest.fixture
    def pair(self, trip: list[Flight]) -> Pair:
        return confirm_trip_pair(trip)
