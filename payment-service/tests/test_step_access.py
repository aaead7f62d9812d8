import pytest
from service_kit.testing.access import StepAccess
from service_kit.testing.protocol import Pair


class TestAccessToAuthorizeAndCancelPayment(StepAccess):
    """Outside demo mode other services only."""


class TestAccessToCapturePayment(StepAccess):
    @pytest.fixture
    def pair(self, capture_pair: Pair) -> Pair:
        return capture_pair


class TestAccessToRefundPayment(StepAccess):
    @pytest.fixture
    def pair(self, refund_pair: Pair) -> Pair:
        return refund_pair
