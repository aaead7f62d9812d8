"""The sagas of this service, for the engine to find."""

from flight.change.change_trip import ChangeTrip
from flight.saga_orchestrator_complete import BookTrip
from flight.settlement.authorize_again import AuthorizeAgain
from flight.settlement.settle_trip import SettleTrip

__all__ = ["AuthorizeAgain", "BookTrip", "ChangeTrip", "SettleTrip"]
