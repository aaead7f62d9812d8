import pytest
from service_kit.testing.access import StepAccess
from service_kit.testing.protocol import Pair


class TestAccessToAwardAndReverseMiles(StepAccess):
    """Outside demo mode other services only."""


class TestAccessToAdjustMiles(StepAccess):
    @pytest.fixture
    def pair(self, adjustment: Pair) -> Pair:
        return adjustment
