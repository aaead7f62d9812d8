"""What settles one disagreement, and the calls by which it is settled."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django_sagas import json_text, settlements
from django_sagas.client import Call, make_call
from django_sagas.clock import utc_now
from django_sagas.definitions import Step, find_step
from django_sagas.operators import Operator
from django_sagas.outcomes import Done
from django_sagas.runtime import orchestrator
from django_sagas.state import SagaState
from django_sagas.wire import path_of


@dataclass(frozen=True)
class Repair:
    """`run` returns why it did not settle it, or nothing."""

    verb: str
    correlation_id: str
    what: str
    run: Callable[[Operator], str] | None = None
    "None: a person has to look"

    def __str__(self) -> str:
        return f"{self.verb} {self.correlation_id} {self.what}"


def repeat(saga: SagaState, name: str, by: Operator, *, undo: bool) -> str:
    """The same call as before: it derives from the saga's row alone."""
    stored = saga.step(name)
    step = find_step(saga.name, stored.step)
    if step is None:
        return f"This release does not know {name}."
    failed = _call(make_call(saga, step, stored, undo=undo))
    if not failed:
        by.leave_trail("repeat-call", saga.correlation_id, utc_now())
    return failed


def undo(correlation_id: str, step: Step) -> str:
    """Of a call whose saga is not in the log, or that its saga never undoes."""
    body = json_text.dumps({"correlation_id": correlation_id})
    name = step.compensation
    return _call(Call(step.participant, name, path_of(name), correlation_id, body))


def note(correlation_id: str, step: str, evidence: str, by: Operator) -> str:
    now: datetime = utc_now()
    told = Operator(by.actor, by.reason, evidence)
    told.leave_trail("settle-lost", correlation_id, now)
    settlements.remember_lost(correlation_id, step, now=now, **vars(told))
    return ""


def _call(call: Call) -> str:
    outcome = orchestrator().participants.call(call, timeout=settings.SAGA_CALL_TIMEOUT)
    return "" if isinstance(outcome, Done) else f"{call.name} was answered with {outcome}"
