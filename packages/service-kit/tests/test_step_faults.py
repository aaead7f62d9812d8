from service_kit.testing.faulty import FaultConsole


class TestFaultsOfAddAndRemoveEntry(FaultConsole):
    """Refuse, fail, delay and lose the reply."""
