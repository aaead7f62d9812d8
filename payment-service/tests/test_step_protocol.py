import pytest
from service_kit.testing.protocol import Pair, RetriableProtocol, StepProtocol


class TestAuthorizeAndCancelPayment(StepProtocol):
    """Every row of the participant record's table."""


class TestCapturePayment(RetriableProtocol):
    @pytest.fixture
    def pair(self, capture_pair: Pair) -> Pair:
        return capture_pair


class TestRefundPayment(RetriableProtocol):
    @pytest.fixture
    def pair(self, refund_pair: Pair) -> Pair:
        return refund_pair
