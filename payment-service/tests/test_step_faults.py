import pytest
from service_kit.testing.faulty import FaultConsole, RetriableFaults
from service_kit.testing.protocol import Pair


class TestFaultsOfAuthorizeAndCancelPayment(FaultConsole):
    """Refuse, fail, delay and lose the reply."""


class TestFaultsOfCapturePayment(RetriableFaults):
    @pytest.fixture
    def pair(self, capture_pair: Pair) -> Pair:
        return capture_pair


class TestFaultsOfRefundPayment(RetriableFaults):
    @pytest.fixture
    def pair(self, refund_pair: Pair) -> Pair:
        return refund_pair
