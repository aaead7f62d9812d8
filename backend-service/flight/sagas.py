"""The sagas of this service, for the engine to find."""

from flight.saga_change import ChangeTrip
from flight.saga_orchestrator_complete import BookTrip
from flight.saga_reauthorization import AuthorizeAgain
from flight.saga_settlement import SettleTrip

__all__ = ["AuthorizeAgain", "BookTrip", "ChangeTrip", "SettleTrip"]
