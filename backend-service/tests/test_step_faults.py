"""What the fault console does to the backend's own steps."""

import pytest
from service_kit.testing.faulty import FaultConsole
from service_kit.testing.protocol import Pair

from flight.models import Flight
from tests.step_pairs import confirm_pair, reserve_pair


class TestReserveAndCancelSeat(FaultConsole):
    @pytest.fixture
    def pair(self, flight: Flight) -> Pair:
        return reserve_pair(flight)


class TestConfirmAndCancelBooking(FaultConsole):
    @pytest.fixture
    def pair(self, flight: Flight) -> Pair:
        return confirm_pair(flight)
