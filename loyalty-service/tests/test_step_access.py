from service_kit.testing.access import StepAccess


class TestAccessToAwardAndReverseMiles(StepAccess):
    """Outside demo mode other services only."""
