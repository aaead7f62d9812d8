"""What a saga is at: its call, the last answer, the next try, and what an action on it would do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django_sagas.events import EventType

from ui.backend_client import Json
from ui.view_models.sagas import SagaView, StepView, moment

FAILURES: Sequence[str] = (
    EventType.STEP_UNKNOWN,
    EventType.STEP_FAILED,
    EventType.COMPENSATION_FAILED,
)
MAY_HAVE_HAPPENED = ("STARTED", "UNKNOWN", "DONE", "UNDOING")
HERE = "backend"


@dataclass(frozen=True)
class Incident:
    """The call that the saga is at, or that failed it."""

    step: str
    name: str
    "of the step, or of its compensation"
    participant: str
    tries: int
    error: str
    error_code: str
    since: datetime | None
    "of the first of its failures"
    is_over: bool

    @property
    def fails(self) -> bool:
        return bool(self.error)


def incident(saga: SagaView, events: Sequence[Json], owners: Mapping[str, str]) -> Incident | None:
    """None where nothing is under way and nothing failed."""
    at = current(saga)
    name = _call(at, saga) if at else _failed(saga, events)
    if not name:
        return None
    failures = [event for event in events if event["event_type"] in FAILURES and _named(event) == name]
    last = failures[-1]["data"] if failures else {}
    step = next((each for each in saga.steps if name in (each.name, each.compensation)), None)
    if step is None:
        return None
    return Incident(
        step=step.name,
        name=name,
        participant=owners.get(step.name) or HERE,
        tries=step.undo_attempts if name == step.compensation else step.attempts,
        error=str(last.get("error") or ""),
        error_code=str(last.get("error_code") or ""),
        since=moment(failures[0]["timestamp"]) if failures else None,
        is_over=saga.is_terminal,
    )


def current(saga: SagaView) -> StepView | None:
    """The step that an open saga is at, going forward or back."""
    if saga.is_terminal:
        return None
    if saga.status == "COMPENSATING":
        return next(iter(to_undo(saga)), None)
    return next((step for step in saga.steps if step.status != "DONE"), None)


@dataclass(frozen=True)
class Place:
    """One line's worth of where a saga stands."""

    call: str
    error: str


def where(saga: SagaView) -> Place:
    """The call of an open saga or the step that failed, and the error of either."""
    at = current(saga)
    if at is not None:
        return Place(_call(at, saga), saga.attention_reason or at.error)
    failed = next((step for step in saga.steps if step.error), None) if saga.failed else None
    return Place(failed.name, failed.error) if failed else Place("", "")


def to_undo(saga: SagaView) -> list[StepView]:
    """What a way back would undo, in its order."""
    return [step for step in reversed(saga.steps) if step.status in MAY_HAVE_HAPPENED]


def remaining(saga: SagaView) -> list[str]:
    """The calls that are left, in their order."""
    if saga.is_terminal:
        return []
    if saga.status == "COMPENSATING":
        return [step.compensation for step in to_undo(saga)]
    return [step.name for step in saga.steps if step.status != "DONE"]


def owners_of(definition: Json | None) -> dict[str, str]:
    """The participant of each step."""
    return {step["name"]: step["participant"] or HERE for step in (definition or {}).get("steps", [])}


@dataclass(frozen=True)
class Effect:
    """One compensation of a preview."""

    name: str
    participant: str
    does: str
    sure: bool
    "whether its step is known to have taken effect"


def preview(saga: SagaView, definition: Json | None, known: Mapping[str, Any]) -> list[Effect]:
    """What the compensations would do, in their order; `known` has what the records say."""
    words = {step["name"]: step["undone"] for step in (definition or {}).get("steps", [])}
    owners = owners_of(definition)
    return [
        Effect(
            step.compensation,
            owners.get(step.name) or HERE,
            " ".join(filter(None, (str(words.get(step.name, "")), _of(step.name, known)))),
            sure=step.status in ("DONE", "UNDOING"),
        )
        for step in to_undo(saga)
        if step.compensation
    ]


def _of(step: str, known: Mapping[str, Any]) -> str:
    """The object of a compensation, as far as it was read."""
    payment, miles = known.get("payment") or {}, known.get("miles") or []
    if step == "AuthorizePayment" and payment.get("status"):
        said = {"amount": payment.get("amount", "?"), "status": str(payment["status"]).lower()}
        return _("($%(amount)s, %(status)s now)") % said
    if step == "AwardMiles" and miles:
        return _("(%(miles)s miles now)") % {"miles": sum(int(each["miles"]) for each in miles)}
    return ""


def _call(step: StepView, saga: SagaView) -> str:
    return step.compensation if saga.status == "COMPENSATING" else step.name


def _failed(saga: SagaView, events: Sequence[Json]) -> str:
    """The step that turned a saga back that has ended."""
    if not saga.failed:
        return ""
    failed = [event for event in events if event["event_type"] == EventType.STEP_FAILED]
    return str(failed[-1]["data"].get("step") or "") if failed else ""


def _named(event: Json) -> str:
    data = event.get("data") or {}
    return str(data.get("compensation") or data.get("step") or "")


def outcome(found: Incident | None, saga: SagaView) -> str:
    """How a call went that was just tried again; empty where it did not fail."""
    if found is None or not found.fails or found.is_over:
        return ""
    told = _("%(call)s at %(participant)s, try %(tries)s: %(error)s.") % {
        "call": found.name,
        "participant": found.participant,
        "tries": found.tries,
        "error": found.error.rstrip("."),
    }
    if not saga.next_attempt_at:
        return told
    return f"{told} " + _("Next try at %(time)s UTC.") % {"time": f"{saga.next_attempt_at:%H:%M:%S}"}
