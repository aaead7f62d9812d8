"""A saga's events as messages between the services: the rows that the stage plays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django_sagas.events import EventType

from ui.backend_client import Json
from ui.learn.lessons import Lesson
from ui.view_models.sagas import moment

PAGES, BACKEND = 1, 2
"The places of the lanes; the participants follow."


@dataclass(frozen=True)
class Row:
    """One message, or with equal lanes something that happens inside a service."""

    kind: str
    "call, reply, lost, inside or turn"
    mood: str
    name: str
    "of the step or compensation"
    told: Promise | str
    at: timedelta
    "since the saga was asked for"
    start: int
    end: int
    sequence: int

    @property
    def left(self) -> int:
        return min(self.start, self.end)

    @property
    def right(self) -> int:
        return max(self.start, self.end)

    @property
    def way(self) -> str:
        return "inside" if self.start == self.end else "to-right" if self.end > self.start else "to-left"

    @property
    def milliseconds(self) -> int:
        return round(self.at.total_seconds() * 1000)


def lanes(steps: Sequence[Json]) -> list[str]:
    named = [step["participant"] for step in steps if step["participant"]]
    return ["ui", "backend", *dict.fromkeys(named)]


def rows(events: Sequence[Json], steps: Sequence[Json], lesson: Lesson, *, now: datetime) -> list[Row]:
    """What the events say, and what the lesson's own fault adds once the saga has ended."""
    return list(_Drawing(events, steps, lesson).rows(now))


class _Drawing:
    def __init__(self, events: Sequence[Json], steps: Sequence[Json], lesson: Lesson) -> None:
        self.events, self.lesson = events, lesson
        places = lanes(steps)
        self.lane_of: Mapping[str, int] = {
            name: places.index(step["participant"] or "backend") + 1
            for step in steps
            for name in (step["name"], step["compensation"])
        }
        self.began = _time(events[0]) if events else None
        self.open: dict[str, Json] = {}
        self.has_unheard = False

    def rows(self, now: datetime) -> Iterator[Row]:
        for event in self.events:
            yield from self._of(event, str(event["event_type"]), event.get("data") or {})
        yield from self._late(now)

    def _of(self, event: Json, kind: str, data: Json) -> Iterator[Row]:
        name = str(data.get("compensation") or data.get("step") or "")
        lane = self.lane_of.get(name, BACKEND)
        match kind:
            case EventType.STARTED:
                yield self._row(event, "call", "now", "start-booking", _("Please book this."), PAGES, BACKEND)
            case EventType.STEP_STARTED | EventType.COMPENSATION_STEP_STARTED:
                if lane != BACKEND:
                    yield from self._call(event, data, name, lane)
            case EventType.COMPENSATION_STARTED:
                yield self._row(event, "turn", "undone", "", _("From here on: back."), BACKEND, BACKEND)
            case EventType.COMPLETED | EventType.COMPENSATED:
                done = kind == EventType.COMPLETED
                told = _("Booked.") if done else _("Everything is undone.")
                mood = "done" if done else "undone"
                yield self._row(event, "reply", mood, "", told, BACKEND, PAGES)
            case _:
                yield from self._outcome(event, kind, data, name, lane)

    def _call(self, event: Json, data: Json, name: str, lane: int) -> Iterator[Row]:
        if name in self.open:
            self.has_unheard = True
            yield self._row(event, "lost", "warn", name, self.lesson.unheard, lane, BACKEND)
        self.open[name] = event
        mood = "undone" if data.get("compensation") else "now"
        yield self._row(event, "call", mood, name, self._call_told(data), BACKEND, lane)

    def _call_told(self, data: Json) -> str:
        """Which try it is; where the lesson is about that, who makes it and under which token."""
        again = int(data.get("attempt") or 1)
        told = _("The same request again, try %(number)s.") % {"number": again} if again > 1 else ""
        if not self.lesson.tells_claims:
            return told
        worker = str(data.get("worker") or "").rpartition(":")[2]
        claimed = _("Token %(epoch)s, process %(worker)s.") % {"epoch": data.get("epoch"), "worker": worker}
        return f"{told} {claimed}".strip()

    def _outcome(self, event: Json, kind: str, data: Json, name: str, lane: int) -> Iterator[Row]:
        self.open.pop(name, None)
        mood, told = _said(kind, data)
        if not mood:
            return
        if lane == BACKEND:
            yield self._row(event, "inside", mood, name, told, BACKEND, BACKEND)
        else:
            lost = kind == EventType.STEP_UNKNOWN and self.lesson.loses(name)
            told = _("The answer breaks off: nobody knows what was done.") if lost else told
            yield self._row(event, "lost" if lost else "reply", mood, name, told, lane, BACKEND)

    def _late(self, now: datetime) -> Iterator[Row]:
        """Told by no event: the fault says when it happens, and the records that nothing came of it."""
        at, late = ends_at(self.events, self.lesson), self.lesson.late
        if late is None or at is None or now < at or not _has_ended(self.events):
            return
        if name := next(iter(self.open), ""):
            place = self.lane_of[name]
        elif self.has_unheard:
            place = BACKEND
        else:
            return  # Nobody did what the lesson asks for: the answer was heard.
        told = {"timestamp": at.isoformat(), "sequence": self.events[-1]["sequence"]}
        yield self._row(told, "inside", "bad", name, late.told, place, place)

    def _row(
        self, event: Json, kind: str, mood: str, name: str, told: Promise | str, start: int, end: int
    ) -> Row:
        at = (_time(event) - self.began) if self.began else timedelta(0)
        return Row(kind, mood, name, told, at, start, end, int(event["sequence"]))


def ends_at(events: Sequence[Json], lesson: Lesson) -> datetime | None:
    """When the lesson's last word is said; None while that is not known."""
    if lesson.late is None:
        return _time(events[-1]) if _has_ended(events) else None
    begun = [each for each in events if each["event_type"] == EventType.STEP_STARTED]
    held = next((each for each in begun if each["data"].get("step") == "AuthorizePayment"), None)
    return _time(held) + timedelta(seconds=lesson.late.seconds) if held else None


def _has_ended(events: Sequence[Json]) -> bool:
    return bool(events) and events[-1]["event_type"] in (EventType.COMPLETED, EventType.COMPENSATED)


def _time(event: Json) -> datetime:
    at = moment(event["timestamp"])
    assert at is not None, "every event has its time"
    return at


def _said(kind: str, data: Json) -> tuple[str, str]:
    """Mood and words of an outcome; none of what is no outcome."""
    error = str(data.get("error") or "")
    match kind:
        case EventType.STEP_COMPLETED:
            return "done", _("Done.")
        case EventType.STEP_FAILED:
            return "bad", _("Refused: %(error)s") % {"error": error}
        case EventType.STEP_UNKNOWN:
            return "warn", _("Unknown: %(error)s") % {"error": error}
        case EventType.COMPENSATION_STEP_COMPLETED | EventType.COMPENSATION_RESOLVED:
            return "undone", _("Undone.")
        case EventType.COMPENSATION_FAILED:
            return "bad", _("Not undone: %(error)s") % {"error": error}
    return "", ""
