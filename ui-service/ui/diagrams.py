"""Diagrams of a saga: its steps and compensations, and its attempts over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django_sagas.events import EventType

from ui.backend_client import Json
from ui.sagas import SagaView, StepView, moment

CHART_LEFT, CHART_WIDTH, ROW_HEIGHT, SHORTEST_BAR = 150, 560, 26, 3.0

MOST_BARS = 40

IDLE = {"PENDING": "if needed", "RUNNING": "if needed", "COMPENSATING": "waits"}
NOTHING_TO_UNDO = ("PENDING", "REFUSED")
UNDO_MOODS = {"UNDOING": "now", "UNDONE": "undone", "RESOLVED": "warn"}
ENDS: Mapping[str, str] = {
    EventType.STEP_COMPLETED: "done",
    EventType.STEP_FAILED: "bad",
    EventType.STEP_UNKNOWN: "warn",
    EventType.COMPENSATION_STEP_COMPLETED: "undone",
    EventType.COMPENSATION_RESOLVED: "undone",
    EventType.COMPENSATION_FAILED: "bad",
}
STARTS: Sequence[str] = (EventType.STEP_STARTED, EventType.COMPENSATION_STEP_STARTED)


@dataclass(frozen=True)
class Box:
    mood: str
    title: str
    state: str


@dataclass(frozen=True)
class Pair:
    """A step and what undoes it."""

    forward: Box
    undo: Box


def lanes(saga: SagaView) -> tuple[Pair, ...]:
    """The current step table."""
    idle = IDLE.get(saga.status, "not needed")
    return tuple(Pair(_forward(step), _undo(step, idle)) for step in saga.steps)


def _forward(step: StepView) -> Box:
    undone = step.status in UNDO_MOODS
    mood = "done" if undone and not step.error_code else "bad" if step.error_code and undone else step.mood
    tries = f", {step.attempts} tries" if step.attempts > 1 else ""
    state = ("was done" if mood == "done" else "unknown") if undone else step.status.lower()
    return Box(mood, step.name, state + tries)


def _undo(step: StepView, idle: str) -> Box:
    tries = f", {step.undo_attempts} tries" if step.undo_attempts > 1 else ""
    if step.status in UNDO_MOODS:
        return Box(UNDO_MOODS[step.status], step.compensation, step.status.lower() + tries)
    never = idle == "waits" and step.status in NOTHING_TO_UNDO
    return Box("idle", step.compensation, "not needed" if never else idle)


@dataclass(frozen=True)
class Bar:
    """One attempt."""

    label: str
    attempt: int
    mood: str
    began: datetime
    length: timedelta
    running: bool
    x: float
    width: float
    y: int

    @property
    def text_y(self) -> int:
        return self.y + 12

    @property
    def end_x(self) -> float:
        return self.x + self.width + 5


@dataclass(frozen=True)
class Chart:
    bars: tuple[Bar, ...]
    total: timedelta
    height: int
    width: int = CHART_LEFT + CHART_WIDTH + 90
    left: int = CHART_LEFT

    @property
    def is_full(self) -> bool:
        return len(self.bars) == MOST_BARS

    @property
    def ticks(self) -> list[tuple[float, timedelta]]:
        return [(CHART_LEFT + CHART_WIDTH * n / 4, self.total * n / 4) for n in range(5)]


@dataclass(frozen=True)
class _Attempt:
    label: str
    attempt: int
    began: datetime
    ended: datetime | None
    mood: str


def chart(events: Sequence[Json], *, now: datetime) -> Chart | None:
    """The newest attempts, each a bar from start to outcome; an open one ends now."""
    attempts = _attempts(events)[-MOST_BARS:]
    if not attempts:
        return None
    first = attempts[0].began if len(attempts) == MOST_BARS else moment(events[0]["timestamp"])
    assert first is not None, "every event has its time"
    last = max([each.ended or now for each in attempts])
    total = max(last - first, timedelta(milliseconds=1))
    bars = tuple(_bar(place, each, first, total, now) for place, each in enumerate(attempts))
    return Chart(bars, total, len(bars) * ROW_HEIGHT + 34)


def _attempts(events: Sequence[Json]) -> list[_Attempt]:
    found: list[_Attempt] = []
    for event in events:
        data, at = event.get("data") or {}, moment(event["timestamp"])
        label = str(data.get("compensation") or data.get("step") or "")
        if at is None or not label:
            continue
        if event["event_type"] in STARTS:
            found.append(_Attempt(label, int(data.get("attempt") or 1), at, None, "now"))
        elif event["event_type"] in ENDS:
            _end(found, label, at, ENDS[event["event_type"]])
    return found


def _end(found: list[_Attempt], label: str, at: datetime, mood: str) -> None:
    """Close the open attempt. A step can be unknown first and failed at its deadline."""
    place = next((n for n in range(len(found) - 1, -1, -1) if found[n].label == label), None)
    if place is None:
        found.append(_Attempt(label, 1, at, at, mood))
    elif found[place].ended is None:
        found[place] = _Attempt(label, found[place].attempt, found[place].began, at, mood)


def _bar(place: int, each: _Attempt, first: datetime, total: timedelta, now: datetime) -> Bar:
    length = (each.ended or now) - each.began
    return Bar(
        label=each.label,
        attempt=each.attempt,
        mood=each.mood,
        began=each.began,
        length=length,
        running=each.ended is None,
        x=round(CHART_LEFT + CHART_WIDTH * ((each.began - first) / total), 1),
        width=round(max(CHART_WIDTH * (length / total), SHORTEST_BAR), 1),
        y=place * ROW_HEIGHT + 26,
    )
