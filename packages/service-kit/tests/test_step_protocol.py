from service_kit.testing.protocol import StepProtocol


class TestAddAndRemoveEntry(StepProtocol):
    """Every row of the participant record's table."""
