"""Hands committed events to the dispatcher from one background thread, best effort."""

import queue
import threading
import time
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import product

import structlog
from prometheus_client import Counter

from django_sagas.events import (
    ALL,
    EventDispatcher,
    EventType,
    SagaEvent,
    event_dispatcher,
)

log = structlog.get_logger("saga.events")
QUEUE = 10_000
# Batches: a thread switch for each commit took a tenth of a booking's CPU.
GATHER_SECONDS = 0.02
# Attempts of a step are its SAGA_STEP_STARTED, of a compensation its SAGA_COMPENSATION_STEP_STARTED.
EVENTS = Counter("saga_events", "Saga events published, by type and step.", ["event_type", "step"])


class Publisher:
    """A full queue drops the event and logs it; its row is written already."""

    def __init__(self, dispatcher: EventDispatcher, size: int = QUEUE) -> None:
        self._dispatcher = dispatcher
        self._size = size
        # Holds commits, not events: each item wakes the thread. A threading.Event is a flush request.
        self._queue: queue.SimpleQueue[Sequence[SagaEvent] | threading.Event] = queue.SimpleQueue()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def __call__(self, events: Sequence[SagaEvent]) -> None:
        if self._thread is None:
            self._begin()
        # Concurrent threads may exceed the size by their number.
        if self._queue.qsize() < self._size:
            self._queue.put(events)
            return
        for event in events:
            log.warning("event_dropped", correlation_id=event.correlation_id, sequence=event.sequence)

    def flush(self) -> None:
        """Wait until everything handed over so far has been published."""
        if self._thread is not None:
            done = threading.Event()
            self._queue.put(done)
            done.wait()

    def _begin(self) -> None:
        # Not at import: gunicorn forks after loading, and a thread does not survive a fork.
        with self._start:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="saga-events", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._publish(self._queue.get())
            time.sleep(GATHER_SECONDS)  # Events of a busy moment are published together.
            for _ in range(self._queue.qsize()):
                self._publish(self._queue.get())

    def _publish(self, item: Sequence[SagaEvent] | threading.Event) -> None:
        if isinstance(item, threading.Event):
            item.set()
        else:
            self._dispatcher.publish(*item)


def count_from_zero(steps: Iterable[str]) -> None:
    """A rate needs two values: without the zero the first event of a step would not be seen."""
    for step, event_type in product(steps, (EventType.STEP_STARTED, EventType.COMPENSATION_STEP_STARTED)):
        _counter(event_type, step)


def count(event: SagaEvent) -> None:
    _counter(event.event_type, event.data.get("step", "")).inc()


@cache
def _counter(event_type: str, step: str) -> Counter:
    return EVENTS.labels(event_type, step)


event_dispatcher.subscribe(ALL, count)
publisher = Publisher(event_dispatcher)
