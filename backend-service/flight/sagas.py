"""The sagas of this service, for the engine to find."""

from flight.saga_orchestrator_complete import BookTrip

__all__ = ["BookTrip"]
