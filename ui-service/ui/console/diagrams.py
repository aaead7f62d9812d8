"""Diagrams of a saga: its steps and compensations, and its attempts over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils.translation import gettext, gettext_lazy, ngettext
from django_sagas.events import EventType

from ui.backend_client import Json
from ui.console.incidents import Incident
from ui.view_models.sagas import SagaView, StepView, moment

CHART_LEFT, CHART_WIDTH, ROW_HEIGHT, SHORTEST_BAR = 150, 560, 26, 3.0

MOST_BARS = 120

IF_NEEDED, WAITS, NOT_NEEDED = gettext_lazy("if needed"), gettext_lazy("waits"), gettext_lazy("not needed")
IDLE = {"PENDING": IF_NEEDED, "RUNNING": IF_NEEDED, "COMPENSATING": WAITS}
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
    error: str = ""
    "of the saga's incident, if it is here"


@dataclass(frozen=True)
class Pair:
    """A step and what undoes it."""

    forward: Box
    undo: Box


def lanes(saga: SagaView, found: Incident | None = None) -> tuple[Pair, ...]:
    """The current step table, with the incident at its call."""
    pairs = [Pair(_forward(step), _undo(step, saga.status)) for step in saga.steps]
    if found and found.fails:
        pairs = [
            Pair(*(replace(box, error=found.error) if box.title == found.name else box for box in boxes))
            for boxes in ((pair.forward, pair.undo) for pair in pairs)
        ]
    return tuple(pairs)


def _forward(step: StepView) -> Box:
    undone = step.status in UNDO_MOODS
    mood = "done" if undone and not step.error_code else "bad" if step.error_code and undone else step.mood
    state = (gettext("was done") if mood == "done" else gettext("unknown")) if undone else step.status.lower()
    return Box(mood, step.name, state + _tries(step.attempts))


def _undo(step: StepView, status: str) -> Box:
    if step.status in UNDO_MOODS:
        state = step.status.lower() + _tries(step.undo_attempts)
        return Box(UNDO_MOODS[step.status], step.compensation, state)
    never = status == "COMPENSATING" and step.status in NOTHING_TO_UNDO
    return Box("idle", step.compensation, str(NOT_NEEDED if never else IDLE.get(status, NOT_NEEDED)))


def _tries(number: int) -> str:
    told = ngettext("%(number)s try", "%(number)s tries", number) % {"number": number}
    return f", {told}" if number > 1 else ""


@dataclass(frozen=True)
class Bar:
    """One attempt."""

    number: int
    mood: str
    began: datetime
    length: timedelta
    running: bool
    x: float
    width: float
    error: str

    @property
    def end_x(self) -> float:
        return self.x + self.width + 5


@dataclass(frozen=True)
class Row:
    """The attempts of one call."""

    label: str
    tries: int
    bars: tuple[Bar, ...]
    y: int

    @property
    def text_y(self) -> int:
        return self.y + 12

    @property
    def last(self) -> Bar:
        return self.bars[-1]


@dataclass(frozen=True)
class Chart:
    rows: tuple[Row, ...]
    total: timedelta
    height: int
    is_full: bool
    width: int = CHART_LEFT + CHART_WIDTH + 90
    left: int = CHART_LEFT

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
    error: str = ""


def chart(events: Sequence[Json], *, now: datetime) -> Chart | None:
    """The newest attempts by their call, each a bar from start to outcome; an open one ends now."""
    every = _attempts(events)
    attempts = every[-MOST_BARS:]
    if not attempts:
        return None
    is_full = len(every) > MOST_BARS
    first = attempts[0].began if is_full else moment(events[0]["timestamp"])
    assert first is not None, "every event has its time"
    total = max(max([each.ended or now for each in attempts]) - first, timedelta(milliseconds=1))
    rows = tuple(
        Row(
            label,
            max(each.attempt for each in attempts if each.label == label),
            tuple(_bar(each, first, total, now) for each in attempts if each.label == label),
            place * ROW_HEIGHT + 26,
        )
        for place, label in enumerate(dict.fromkeys(each.label for each in attempts))
    )
    return Chart(rows, total, len(rows) * ROW_HEIGHT + 34, is_full)


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
            _end(found, label, at, ENDS[event["event_type"]], str(data.get("error") or ""))
    return found


def _end(found: list[_Attempt], label: str, at: datetime, mood: str, error: str) -> None:
    """Close the open attempt. A step can be unknown first and failed at its deadline."""
    place = next((n for n in range(len(found) - 1, -1, -1) if found[n].label == label), None)
    if place is None:
        found.append(_Attempt(label, 1, at, at, mood, error))
    elif found[place].ended is None:
        found[place] = replace(found[place], ended=at, mood=mood, error=error)


def _bar(each: _Attempt, first: datetime, total: timedelta, now: datetime) -> Bar:
    length = (each.ended or now) - each.began
    return Bar(
        number=each.attempt,
        mood=each.mood,
        began=each.began,
        length=length,
        running=each.ended is None,
        x=round(CHART_LEFT + CHART_WIDTH * ((each.began - first) / total), 1),
        width=round(max(CHART_WIDTH * (length / total), SHORTEST_BAR), 1),
        error=each.error,
    )
