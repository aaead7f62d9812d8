from service_kit.testing.faulty import FaultConsole


class TestFaultsOfAwardAndReverseMiles(FaultConsole):
    """Refuse, fail, delay and lose the reply."""
