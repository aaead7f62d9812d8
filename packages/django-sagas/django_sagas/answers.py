"""How sagas are shown: by the operators' views, by `manage.py sagas`, and by a project's own views."""

from typing import Any

from django_sagas.clock import iso, iso_or_none
from django_sagas.conf import conf
from django_sagas.decision import gives_up_at
from django_sagas.definitions import SAGAS, definition_of, find_step
from django_sagas.models import ManualSettlement
from django_sagas.selectors import events_after
from django_sagas.state import SagaState, StepState, StepStatus

BRIEF = ("name", "compensation", "status", "title", "error", "error_code")


def status(saga: SagaState) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "correlation_id": saga.correlation_id,
        "status": saga.status.value,
        "reason": saga.reason or None,
        "needs_attention": bool(saga.attention),
        "attention_reason": saga.attention or None,
        "resolved_manually": any(step.status == StepStatus.RESOLVED for step in saga.steps),
        conf.SAGA_REFERENCE_FIELD: saga.reference or None,
        conf.SAGA_SUBJECT_FIELD: saga.subject,
        **definition_of(saga.name).described(saga),
        "created_at": iso(saga.created_at),
        "finished_at": iso_or_none(saga.finished_at),
        "next_attempt_at": iso_or_none(saga.due_at),
        "gives_up_at": iso_or_none(gives_up_at(saga)),
        "owner": saga.owner or None,
        "definition": saga.name,
        "version": saga.version,
        "steps": [_step(saga.name, step) for step in saga.steps],
    }
    if saga.result is not None:
        answer["result"] = definition_of(saga.name).shown_result(saga)
    return answer


def _step(saga: str, step: StepState) -> dict[str, Any]:
    known = find_step(saga, step.step)
    words = known.words if known else None
    return {
        "name": step.name,
        "compensation": step.compensation,
        "status": step.status.value,
        "attempts": step.attempts,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
        "error": step.error,
        "error_code": step.error_code,
        "compensation_attempts": step.undo_attempts,
        "title": words.of(step.status) if words else step.name,
        "icon": words.icon if words else "",
    }


def summary(saga: SagaState) -> dict[str, Any]:
    """One line of a list of sagas."""
    full = status(saga)
    full["steps"] = [{name: step[name] for name in BRIEF} for step in full["steps"]]
    full.pop("result", None)
    return full


def events(correlation_id: str, *, after: int, path: str) -> dict[str, Any]:
    """The next events; `next` is the address of those that follow them."""
    found, more = events_after(correlation_id, after)
    following = f"{path}?after={found[-1]['sequence']}" if more else None
    return {"correlation_id": correlation_id, "events": found, "next": following}


def export(saga: SagaState) -> dict[str, Any]:
    """Everything of a saga that may be shown, in one object: evidence for a support case."""
    found: list[dict[str, Any]] = []
    more = True
    while more:
        page, more = events_after(saga.correlation_id, found[-1]["sequence"] if found else 0)
        found += page
    settled = ManualSettlement.objects.filter(correlation_id=saga.correlation_id).order_by("id")
    return {
        "saga": status(saga),
        "epoch": saga.epoch,
        "events": found,
        "settled_by_hand": [
            {
                "step": each.step,
                "settled_at": iso(each.settled_at),
                "actor": each.actor,
                "reason": each.reason,
                "evidence": each.evidence,
                "agreed_at": iso_or_none(each.agreed_at),
            }
            for each in settled
        ],
    }


def compensations(saga: SagaState) -> list[dict[str, Any]]:
    """Compensations that have run or were resolved by hand, in the order in which they ended."""
    return [
        {
            "step": step.name,
            "compensation": step.compensation,
            "success": step.status == StepStatus.UNDONE,
            **({"settled_by_hand": True} if step.status == StepStatus.RESOLVED else {}),
        }
        for step in reversed(saga.steps)
        if step.status in (StepStatus.UNDONE, StepStatus.RESOLVED)
    ]


def cancelled(saga: SagaState, *, location: str) -> tuple[dict[str, Any], int, dict[str, str]]:
    """The answer to a cancellation: body, status and headers. `location` shows how it goes on."""
    body = {
        "success": True,
        "correlation_id": saga.correlation_id,
        "status": saga.status.value,
        "reason": saga.reason or None,
        conf.SAGA_REFERENCE_FIELD: saga.reference or None,
        "compensation_result": compensations(saga),
        **definition_of(saga.name).cancelled(saga),
    }
    headers = {"X-Correlation-ID": saga.correlation_id}
    if saga.is_terminal:
        return body, 200, headers
    return body, 202, {**headers, "Location": location}


def definitions() -> list[dict[str, Any]]:
    """The sagas of this process as they are declared."""
    return [
        {
            "name": saga.name,
            "version": saga.version,
            "steps": [
                {
                    "name": step.name,
                    "compensation": step.compensation,
                    "participant": step.participant or None,
                    "kind": step.kind.value,
                    "refusals": sorted(step.refusals),
                    "title": step.words.waiting if step.words else step.name,
                    "undone": step.words.undone if step.words else step.compensation,
                    "icon": step.words.icon if step.words else "",
                }
                for step in saga.steps
            ],
        }
        for saga in SAGAS.values()
    ]
