"""In-process publish and subscribe for saga events, with a bounded history.

The rows of the saga log are authoritative; this delivers events as they happen.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import uuid4

import structlog

from django_sagas.clock import iso, utc_now

log = structlog.get_logger("saga.events")
ALL = "*"
HISTORY = 10_000


class EventType(StrEnum):
    """Every type of event. The values are what is stored and sent."""

    STARTED = "SAGA_STARTED"
    STEP_STARTED = "SAGA_STEP_STARTED"
    STEP_COMPLETED = "SAGA_STEP_COMPLETED"
    STEP_FAILED = "SAGA_STEP_FAILED"
    STEP_UNKNOWN = "SAGA_STEP_UNKNOWN"
    COMPENSATION_STARTED = "SAGA_COMPENSATION_STARTED"
    COMPENSATION_STEP_STARTED = "SAGA_COMPENSATION_STEP_STARTED"
    COMPENSATION_STEP_COMPLETED = "SAGA_COMPENSATION_STEP_COMPLETED"
    COMPENSATION_FAILED = "SAGA_COMPENSATION_FAILED"
    COMPENSATION_RESOLVED = "SAGA_COMPENSATION_RESOLVED"
    COMPLETED = "SAGA_COMPLETED"
    COMPENSATED = "SAGA_COMPENSATED"


@dataclass(frozen=True)
class SagaEvent:
    event_type: str
    correlation_id: str
    data: Mapping[str, Any] = field(default_factory=dict)
    sequence: int = 0
    timestamp: datetime = field(default_factory=utc_now)
    event_id: str = field(default_factory=lambda: str(uuid4()))

    def to_dict(self) -> dict[str, Any]:
        return {
            "event_id": self.event_id,
            "event_type": self.event_type,
            "correlation_id": self.correlation_id,
            "sequence": self.sequence,
            "timestamp": iso(self.timestamp),
            "data": dict(self.data),
        }


Subscriber = Callable[[SagaEvent], None]


class EventDispatcher:
    """Thread-safe. An error of a subscriber is logged and affects neither the others nor the publisher."""

    def __init__(self, history: int = HISTORY) -> None:
        self._lock = threading.Lock()
        self._subscribers: dict[str, tuple[Subscriber, ...]] = {}
        self._history: deque[SagaEvent] = deque(maxlen=history)

    def subscribe(self, event_type: str, subscriber: Subscriber) -> None:
        """Have `subscriber` called with every event of a type, or of every type with `*`."""
        with self._lock:
            present = self._subscribers.get(event_type, ())
            if subscriber not in present:
                self._subscribers[event_type] = (*present, subscriber)

    def unsubscribe(self, event_type: str, subscriber: Subscriber) -> None:
        """Remove a subscriber; no error if it is not subscribed."""
        with self._lock:
            present = self._subscribers.get(event_type, ())
            self._subscribers[event_type] = tuple(one for one in present if one != subscriber)

    def publish(self, *events: SagaEvent) -> None:
        """Keep the events of one saga and call their subscribers, one after another, in this thread.

        They share one log line, which counts how often they were handled.
        """
        if not events:
            return
        handled = sum(self._publish(event) for event in events)
        names = [f"{event.sequence} {event.event_type}" for event in events]
        log.info("events_published", correlation_id=events[0].correlation_id, events=names, handled=handled)

    def _publish(self, event: SagaEvent) -> int:
        with self._lock:
            self._history.append(event)
            subscribers = self._subscribers.get(event.event_type, ()) + self._subscribers.get(ALL, ())
        # Called outside the lock: a subscriber may subscribe, unsubscribe or publish itself.
        return sum(_handle(subscriber, event) for subscriber in subscribers)

    def get_event_history(self, correlation_id: str | None = None) -> list[SagaEvent]:
        """The newest events in the order in which they were published, of one saga or of all."""
        with self._lock:
            events = list(self._history)
        return [event for event in events if correlation_id in (None, event.correlation_id)]


def _handle(subscriber: Subscriber, event: SagaEvent) -> bool:
    try:
        subscriber(event)
    except Exception:  # The error is logged with its trace; the other subscribers still run.
        log.exception("event_handler_failed", **_details(event), subscriber=repr(subscriber))
        return False
    return True


def _details(event: SagaEvent) -> dict[str, Any]:
    return {
        "correlation_id": event.correlation_id,
        "event_type": event.event_type,
        "sequence": event.sequence,
    }


event_dispatcher = EventDispatcher()
