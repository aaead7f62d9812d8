from service_kit.testing.protocol import StepProtocol


class TestAuthorizeAndCancelPayment(StepProtocol):
    """Every row of the participant record's table."""
