import pytest
from service_kit.testing.protocol import Pair, RetriableProtocol, StepProtocol


class TestAwardAndReverseMiles(StepProtocol):
    """Every row of the participant record's table."""


class TestAdjustMiles(RetriableProtocol):
    """What holds of them for a step that nothing undoes."""

    @pytest.fixture
    def pair(self, adjustment: Pair) -> Pair:
        return adjustment
