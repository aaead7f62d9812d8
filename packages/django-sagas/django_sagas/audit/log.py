"""Invariants of every ended saga, whatever its definition: pure functions of its row and its events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django_sagas.audit.rules import Finding
from django_sagas.events import EventType
from django_sagas.state import SagaState, SagaStatus, StepStatus

LAST = {SagaStatus.COMPLETED: EventType.COMPLETED, SagaStatus.COMPENSATED: EventType.COMPENSATED}
UNDONE = (EventType.COMPENSATION_STEP_COMPLETED, EventType.COMPENSATION_RESOLVED)
AT_REST = (StepStatus.REFUSED, StepStatus.UNDONE, StepStatus.RESOLVED, StepStatus.PENDING)


@dataclass(frozen=True)
class Event:
    sequence: int
    kind: str
    step: str = ""
    "of the event's data; empty if it tells of no step"


def broken(saga: SagaState, events: Sequence[Event]) -> list[Finding]:
    """`events` in the order of their numbers."""
    found = [*_row(saga), *_numbers(saga, events), *_ends(saga, events), *_order(saga, events)]
    return [Finding(saga.correlation_id, *each) for each in found]


Broken = Iterator[tuple[str, str, str]]
"About, expected, seen."


def _row(saga: SagaState) -> Broken:
    permitted = (StepStatus.DONE,) if saga.status == SagaStatus.COMPLETED else AT_REST
    wrong = [f"{step.name} {step.status}" for step in saga.steps if step.status not in permitted]
    if wrong:
        yield "Status", f"{saga.status}: every step {' or '.join(permitted)}", ", ".join(wrong)
    if saga.finished_at is None:
        yield "Status", "the time at which it ended", "none"
    if saga.secrets:
        yield "Secrets", "erased", ", ".join(sorted(saga.secrets))


def _numbers(saga: SagaState, events: Sequence[Event]) -> Broken:
    numbers = [event.sequence for event in events]
    if numbers != list(range(1, saga.last_sequence + 1)):
        missing = sorted({*range(1, saga.last_sequence + 1)} - {*numbers})
        seen = f"{len(numbers)}, without {missing[0]}" if missing else str(len(numbers))
        yield "Events", f"1 to {saga.last_sequence}", seen


def _ends(saga: SagaState, events: Sequence[Event]) -> Broken:
    kinds = [event.kind for event in events]
    if kinds[:1] != [EventType.STARTED]:
        yield "Events", f"{EventType.STARTED} first", [*kinds, "none"][0]
    if kinds[-1:] != [LAST[saga.status]]:
        yield "Events", f"{LAST[saga.status]} last", ["none", *kinds][-1]


def _order(saga: SagaState, events: Sequence[Event]) -> Broken:
    """A step begins when those before it are done; they are undone in strict reverse, and only going back."""
    places = {step.name: place for place, step in enumerate(saga.steps)}
    done: set[str] = set()
    lowest, back = len(places), False
    for event in events:
        back = back or event.kind == EventType.COMPENSATION_STARTED
        place = places.get(event.step)
        if event.kind == EventType.STEP_COMPLETED:
            done.add(event.step)
        elif event.kind == EventType.STEP_STARTED and place is not None:
            waiting = [name for name in list(places)[:place] if name not in done]
            if waiting or back:
                expected = f"{', '.join(waiting)} done before" if waiting else "no step going back"
                yield "Order", expected, f"{event.step} begun in event {event.sequence}"
        elif event.kind in UNDONE and place is not None:
            if place >= lowest or not back:
                seen = f"{event.step} undone in event {event.sequence}"
                yield "Order", "compensations in strict reverse", seen
            lowest = place
