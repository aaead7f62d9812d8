from service_kit.testing.access import StepAccess


class TestAccessToAddAndRemoveEntry(StepAccess):
    """Outside demo mode other services only."""
