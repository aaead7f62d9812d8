from service_kit.testing.protocol import StepProtocol


class TestAwardAndReverseMiles(StepProtocol):
    """Every row of the participant record's table."""
