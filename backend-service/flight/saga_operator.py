"""Operator actions on a saga; each writes an audit row."""

from datetime import timedelta
from functools import partial

from django.conf import settings
from django_sagas.clock import utc_now
from django_sagas.database import write_transaction
from service_kit.problems import Problem
from service_kit.security.audit import record
from service_kit.security.models import AuditKind

from flight import saga_log, saga_settlements
from flight.saga_decision import is_known
from flight.saga_engine import engine
from flight.saga_models import SagaStatus
from flight.saga_orchestrator_complete import write
from flight.saga_runtime import orchestrator
from flight.saga_state import MAY_HAVE_HAPPENED, SagaState, StepStatus
from flight.saga_transition import Transition


def audit(*, correlation_id: str, actor: str, action: str, reason: str, evidence: str = "") -> None:
    record(
        AuditKind.OPERATOR,
        correlation_id=correlation_id,
        actor=actor,
        action=action,
        reason=reason,
        evidence=evidence,
        now=utc_now(),
    )


def retry(correlation_id: str, *, actor: str, reason: str) -> SagaState:
    """Make a waiting saga due now and run it here; a saga that is being run is unchanged."""
    now = orchestrator().now()
    with write_transaction():
        engine().wake(correlation_id, now)
        audit(correlation_id=correlation_id, actor=actor, action="retry", reason=reason)
    saga = orchestrator().claim(correlation_id)
    if saga is not None:
        return orchestrator().advance(saga, deadline=now + timedelta(seconds=settings.SAGA_REQUEST_DEADLINE))
    return _load(correlation_id)


def resolve(correlation_id: str, *, step: str, actor: str, reason: str, evidence: str) -> SagaState:
    """Resolve a stuck compensation by hand and run the rest. Raises 409 for a step that is not stuck."""
    now = orchestrator().now()
    if not _is_stuck(_load(correlation_id), step):
        raise _not_stuck(correlation_id, step)
    with write_transaction():
        saga = saga_log.take_over(
            correlation_id,
            from_statuses=(SagaStatus.COMPENSATING,),
            to_status=SagaStatus.COMPENSATING,
            owner=orchestrator().owner,
            lease_until=now + timedelta(seconds=settings.SAGA_LEASE),
        )
        # Checked again: its owner may have undone the step meanwhile.
        if saga is None or saga.step(step).status not in MAY_HAVE_HAPPENED:
            raise _not_stuck(correlation_id, step)
        transition = Transition(saga, owner=orchestrator().owner, now=now)
        transition.resolve(step, actor=actor)
        told = partial(audit, correlation_id=correlation_id, actor=actor, action="resolve", reason=reason)
        transition.writes.append(partial(told, evidence=evidence))
        transition.writes.append(partial(saga_settlements.remember, correlation_id, step, now=now))
        write(transition, expected=SagaStatus.COMPENSATING)
    orchestrator().publish(transition.events)
    deadline = now + timedelta(seconds=settings.SAGA_REQUEST_DEADLINE)
    return orchestrator().advance(transition.saga, deadline=deadline)


def _is_stuck(saga: SagaState, step: str) -> bool:
    """An attempt has failed and the next one is pending, or an alarm is raised. A first attempt is not stuck.

    A step that this release does not know is stuck before its first try.
    """
    state = saga.step(step)
    if saga.status == SagaStatus.COMPENSATING and not is_known(state.step):
        return saga.to_undo[:1] == [state]
    return state.status == StepStatus.UNDOING and (not saga.owner or bool(saga.attention))


def _not_stuck(correlation_id: str, step: str) -> Problem:
    detail = f"The compensation of {step} is not stuck; only a stuck one is settled by hand."
    return Problem(409, "NOT_STUCK", detail, correlation_id=correlation_id)


def _load(correlation_id: str) -> SagaState:
    saga = saga_log.load(correlation_id)
    assert saga is not None, "sagas are never deleted"
    return saga
