"""Who may call the backend's own steps directly."""

import pytest
from service_kit.testing.access import StepAccess
from service_kit.testing.protocol import Pair

from flight.models import Flight
from tests.step_pairs import confirm_pair, reserve_pair


class TestReserveAndCancelSeat(StepAccess):
    @pytest.fixture
    def pair(self, flight: Flight) -> Pair:
        return reserve_pair(flight)


class TestConfirmAndCancelBooking(StepAccess):
    @pytest.fixture
    def pair(self, flight: Flight) -> Pair:
        return confirm_pair(flight)
