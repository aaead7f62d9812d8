from service_kit.testing.faulty import FaultConsole


class TestFaultsOfAuthorizeAndCancelPayment(FaultConsole):
    """Refuse, fail, delay and lose the reply."""
