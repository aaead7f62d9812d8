"""The number of open sagas over time, from their events."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import accumulate

from saga_checker.rows import Event

OPENS = ("SAGA_STARTED", "SAGA_COMPENSATION_STARTED")
CLOSES = ("SAGA_COMPLETED", "SAGA_COMPENSATED")


def open_over_time(
    sagas: Iterable[Sequence[Event]], clock: Callable[[datetime], float]
) -> list[tuple[float, int]]:
    """Each change: the moment on the run's clock, and how many were open after it."""
    changes = sorted((clock(at), step) for events in sagas for at, step in _changes(events))
    counts = accumulate(step for _, step in changes)
    return [(at, count) for (at, _), count in zip(changes, counts, strict=True)]


def _changes(events: Sequence[Event]) -> Iterator[tuple[datetime, int]]:
    """A complete saga opens again when its booking is cancelled."""
    is_open = False
    for event in events:
        opens, closes = event.event_type in OPENS, event.event_type in CLOSES
        if (opens and not is_open) or (closes and is_open):
            is_open = opens
            yield event.timestamp, 1 if opens else -1
