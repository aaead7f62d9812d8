"""The engine's own invariants, read from the rows and events that a run has left."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django_sagas import event_log, json_text, saga_log
from django_sagas.definitions import find_step
from django_sagas.models import SagaRow
from django_sagas.state import OPEN, SagaStep, StepStatus
from django_sagas.testing.participants import FakeParticipant, Participant, RecordState

NOTHING_LEFT = ("PENDING", "REFUSED", "UNDONE", "RESOLVED")


class BrokenRule(AssertionError):
    """An event that must not come here; the message says why."""


def broken(participants: Mapping[str, Participant]) -> Iterator[str]:
    """What every saga of the log breaks once nothing is running."""
    for row in SagaRow.objects.order_by("created_at"):
        steps = json_text.load_stored(row.steps)
        if row.status in OPEN:
            yield f"{row.name} is still {row.status}{_why(row)}."
            continue
        if row.secrets:
            yield f"{row.name} has ended and still holds secrets."
        yield from _events(row, steps)
        yield from _effects(row, steps, participants)


def secrets_kept() -> Iterator[str]:
    """Secrets in a row now whose step has used them."""
    for saga in saga_log.states(SagaRow.objects.exclude(secrets="").order_by("created_at")):
        ended = (state for state in saga.steps if state.status in (StepStatus.DONE, StepStatus.UNDONE))
        used = {name: state.name for state in ended for name in _uses(saga.name, state.step)}
        for name in sorted(used.keys() & saga.secrets.keys()):
            yield f"{saga.name} still holds the secret {name}, which {used[name]} has used."


def _uses(saga: str, step: SagaStep) -> Iterable[str]:
    known = find_step(saga, step)
    return known.uses if known else ()


def _why(row: SagaRow) -> str:
    reasons = (row.attention, row.error_code, row.error)
    found = ", ".join(dict.fromkeys(reason for reason in reasons if reason))
    return f" ({found})" if found else ""


def _events(row: SagaRow, steps: list[dict[str, Any]]) -> Iterator[str]:
    events = list(event_log.events_of(row.pk))
    numbers = [event.sequence for event in events]
    if numbers != list(range(1, row.last_sequence + 1)):
        yield f"The events of {row.name} are numbered {numbers}, with a gap."
        return
    told = Playback({step["name"]: step["compensation"] for step in steps})
    try:
        for event in events:
            told.play(event.event_type, event.data)
    except BrokenRule as error:
        yield f"{row.name}: {error}"
        return
    if told.status != row.status or told.steps != {step["name"]: step["status"] for step in steps}:
        yield f"The events of {row.name} tell of {told.status} {told.steps}; its row says {row.status}."


def _effects(
    row: SagaRow, steps: list[dict[str, Any]], participants: Mapping[str, Participant]
) -> Iterator[str]:
    """A complete saga has every effect at the fakes, a compensated one none."""
    for step in steps:
        participant = participants.get(step["participant"])
        if not isinstance(participant, FakeParticipant):
            continue
        live = participant.is_live(row.pk, step["name"])
        if row.status == "COMPLETED" and not live:
            yield f"{row.name} is COMPLETED, but {step['name']} has no effect at {step['participant']}."
        if row.status == "COMPENSATED" and live and step["status"] != "RESOLVED":
            yield f"{row.name} is COMPENSATED, but {step['name']} still has its effect."
        record = participant.records.get((row.pk, step["name"]))
        if record is None and step["status"] == "UNDONE":
            yield f"{row.name} undid {step['name']}, of which {step['participant']} knows nothing."
        if record is not None and record.state == RecordState.DONE and step["status"] == "PENDING":
            yield f"{row.name} never began {step['name']}, which took effect all the same."


class Playback:
    """A saga's state as its events alone tell it. Raises BrokenRule at an event out of order."""

    def __init__(self, compensations: Mapping[str, str]) -> None:
        self.status = ""
        self._compensations, self._order = compensations, tuple(compensations)
        self.steps = dict.fromkeys(self._order, "PENDING")

    def play(self, event_type: str, data: Mapping[str, Any]) -> None:
        name = event_type.removeprefix("SAGA_").lower()
        getattr(self, f"_{name}")(data)

    def _require(self, holds: bool, what: str) -> None:
        if not holds:
            raise BrokenRule(f"{what}; the saga was {self.status or 'not begun'}, its steps {self.steps}.")

    def _started(self, data: Mapping[str, Any]) -> None:
        self._require(self.status == "", "It started twice")
        self.status = "PENDING"

    def _step_started(self, data: Mapping[str, Any]) -> None:
        step = data["step"]
        before = self._order[: self._order.index(step)]
        in_order = all(self.steps[earlier] == "DONE" for earlier in before)
        self._require(self.status in ("PENDING", "RUNNING") and in_order, f"{step} began out of order")
        self._require(self.steps[step] in ("PENDING", "STARTED", "UNKNOWN"), f"{step} began after its end")
        self.status, self.steps[step] = "RUNNING", "STARTED"

    def _step_completed(self, data: Mapping[str, Any]) -> None:
        self._ends(data["step"], "DONE")

    def _step_unknown(self, data: Mapping[str, Any]) -> None:
        self._ends(data["step"], "UNKNOWN")

    def _step_failed(self, data: Mapping[str, Any]) -> None:
        self._ends(data["step"], data["outcome"])

    def _ends(self, step: str, state: str) -> None:
        begun = self.status == "RUNNING" and self.steps[step] in ("STARTED", "UNKNOWN")
        self._require(begun, f"{step} ended as {state} without having begun")
        self.steps[step] = state

    def _compensation_started(self, data: Mapping[str, Any]) -> None:
        self._require(self.status in ("PENDING", "RUNNING", "COMPLETED"), "It turned back twice")
        self.status = "COMPENSATING"

    def _compensation_step_started(self, data: Mapping[str, Any]) -> None:
        step = data["step"]
        self._require(self.status == "COMPENSATING", f"{data['compensation']} began before the turn")
        later = self._order[self._order.index(step) + 1 :]
        reverse = all(self.steps[name] in NOTHING_LEFT for name in later)
        self._require(reverse, f"{data['compensation']} began before later steps were undone")
        self.steps[step] = "UNDOING"

    def _compensation_failed(self, data: Mapping[str, Any]) -> None:
        self._require(self.steps[data["step"]] == "UNDOING", f"{data['compensation']} had not begun")

    def _compensation_step_completed(self, data: Mapping[str, Any]) -> None:
        self._compensation_failed(data)
        self.steps[data["step"]] = "UNDONE"

    def _compensation_resolved(self, data: Mapping[str, Any]) -> None:
        self.steps[data["step"]] = "RESOLVED"

    def _completed(self, data: Mapping[str, Any]) -> None:
        self._require(set(self.steps.values()) == {"DONE"}, "It completed without every step")
        self.status = "COMPLETED"

    def _compensated(self, data: Mapping[str, Any]) -> None:
        self._require(set(self.steps.values()) <= set(NOTHING_LEFT), "It ended with steps left to undo")
        self.status = "COMPENSATED"
