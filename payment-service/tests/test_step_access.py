from service_kit.testing.access import StepAccess


class TestAccessToAuthorizeAndCancelPayment(StepAccess):
    """Outside demo mode other services only."""
