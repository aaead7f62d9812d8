"""The in-process dispatcher of saga events: `event_dispatcher.subscribe("*", handler)`."""

from django_sagas.events import ALL, EventDispatcher, EventType, SagaEvent, event_dispatcher

__all__ = ["ALL", "EventDispatcher", "EventType", "SagaEvent", "event_dispatcher"]
