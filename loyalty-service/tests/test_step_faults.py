import pytest
from service_kit.testing.faulty import FaultConsole, RetriableFaults
from service_kit.testing.protocol import Pair


class TestFaultsOfAwardAndReverseMiles(FaultConsole):
    """Refuse, fail, delay and lose the reply."""


class TestFaultsOfAdjustMiles(RetriableFaults):
    @pytest.fixture
    def pair(self, adjustment: Pair) -> Pair:
        return adjustment
