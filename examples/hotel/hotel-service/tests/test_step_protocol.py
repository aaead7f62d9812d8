from service_kit.testing.access import StepAccess
from service_kit.testing.faulty import FaultConsole
from service_kit.testing.protocol import StepProtocol


class TestReserveAndCancelRoom(StepProtocol):
    """Every row of the participant record's table."""


class TestAccessToReserveAndCancelRoom(StepAccess):
    """Outside demo mode other services only."""


class TestFaultsOfReserveAndCancelRoom(FaultConsole):
    """Refuse, fail, delay and lose the reply."""
