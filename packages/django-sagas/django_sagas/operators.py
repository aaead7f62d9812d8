"""Operator actions on a saga. Each leaves a row of who did it and why, in its own transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.utils.module_loading import import_string

from django_sagas import saga_log, settlements
from django_sagas.conf import conf
from django_sagas.database import write_transaction
from django_sagas.definitions import definition_of, find_step
from django_sagas.engines import engine
from django_sagas.models import OperatorAction
from django_sagas.orchestrator import write
from django_sagas.problems import Problem
from django_sagas.runtime import orchestrator
from django_sagas.saga_log import RUNNING_STATUSES
from django_sagas.state import MAY_HAVE_HAPPENED, SagaState, SagaStatus, StepStatus
from django_sagas.transition import Transition

CANCELLED = "CANCELLED_BY_OPERATOR"


@dataclass(frozen=True)
class Operator:
    """Who acts, and why."""

    actor: str
    reason: str
    evidence: str = ""

    def leave_trail(self, action: str, correlation_id: str, now: datetime) -> None:
        """Called in the action's transaction."""
        trail = import_string(conf.SAGA_TRAIL)
        trail(action=action, correlation_id=correlation_id, now=now, **vars(self))


def keep(*, action: str, correlation_id: str, actor: str, reason: str, evidence: str, now: datetime) -> None:
    """The trail of a project that has none of its own."""
    OperatorAction.objects.create(
        action=action,
        correlation_id=correlation_id,
        actor=actor[:64],
        reason=reason[:200],
        evidence=evidence[:200],
        at=now,
    )


def retry(correlation_id: str, *, by: Operator) -> SagaState:
    """Make a waiting saga due now and run it here; a saga that is being run is unchanged."""
    now = orchestrator().now()
    with write_transaction():
        engine().wake(correlation_id, now)
        by.leave_trail("retry", correlation_id, now)
    saga = orchestrator().claim(correlation_id)
    return _advance(saga, now) if saga is not None else _load(correlation_id)


def cancel(correlation_id: str, *, by: Operator, at_once: bool = True) -> SagaState:
    """Turn a running saga back. Without `at_once` recovery runs its compensations.

    A saga that goes back already is returned as it is. Raises 409 for one that only goes forward, and what
    its definition says of a complete one.
    """
    also = partial(by.leave_trail, "cancel", correlation_id, orchestrator().now())
    return turn_back(correlation_id, reason=CANCELLED, at_once=at_once, also=also)


def turn_back(
    correlation_id: str, *, reason: str, at_once: bool = True, also: Callable[[], object] = lambda: None
) -> SagaState:
    """What `cancel` does, for a reason of the project's; `also` writes in the same transaction."""
    taken = orchestrator().cancel(correlation_id, completed=False, reason=reason, also=also)
    if taken is not None:
        return _advance(taken, orchestrator().now(), at_once=at_once)
    saga = _load(correlation_id)
    if saga.status == SagaStatus.COMPLETED:
        raise not_cancellable(saga, **definition_of(saga.name).instead_of_cancelling(saga))
    if saga.status in RUNNING_STATUSES:
        raise not_cancellable(saga, "This saga has come to a point from which it only goes forward.")
    return saga


def resolve(correlation_id: str, *, step: str, by: Operator, at_once: bool = True) -> SagaState:
    """Resolve a stuck compensation by hand and run the rest. Raises 409 for a step that is not stuck.

    Without `at_once` recovery runs the rest.
    """
    now = orchestrator().now()
    if not _is_stuck(_load(correlation_id), step):
        raise _not_stuck(correlation_id, step)
    with write_transaction():
        saga = saga_log.take_over(
            correlation_id,
            from_statuses=(SagaStatus.COMPENSATING,),
            to_status=SagaStatus.COMPENSATING,
            owner=orchestrator().owner,
            lease_until=now + timedelta(seconds=conf.SAGA_LEASE),
        )
        # Checked again: its owner may have undone the step meanwhile.
        if saga is None or saga.step(step).status not in MAY_HAVE_HAPPENED:
            raise _not_stuck(correlation_id, step)
        transition = Transition(saga, owner=orchestrator().owner, now=now)
        transition.resolve(step, actor=by.actor)
        transition.writes += [
            partial(by.leave_trail, "resolve", correlation_id, now),
            partial(settlements.remember, correlation_id, step, now=now, **vars(by)),
        ]
        write(transition, expected=SagaStatus.COMPENSATING)
    orchestrator().publish(transition.events)
    return _advance(transition.saga, now, at_once=at_once)


def _advance(saga: SagaState, now: datetime, *, at_once: bool = True) -> SagaState:
    seconds = conf.SAGA_REQUEST_DEADLINE if at_once else 0.0
    return orchestrator().advance(saga, deadline=now + timedelta(seconds=seconds))


def _is_stuck(saga: SagaState, step: str) -> bool:
    """An attempt has failed and the next one is pending, or an alarm is raised. A first attempt is not stuck.

    A step that this release does not know is stuck before its first try.
    """
    state = saga.step(step)
    if saga.status == SagaStatus.COMPENSATING and not find_step(saga.name, state.step):
        return saga.to_undo[:1] == [state]
    return state.status == StepStatus.UNDOING and (not saga.owner or bool(saga.attention))


def not_cancellable(saga: SagaState | None, detail: str, **extra: Any) -> Problem:
    cid = saga.correlation_id if saga else None
    return Problem(409, "NOT_CANCELLABLE", detail, correlation_id=cid, **extra)


def _not_stuck(correlation_id: str, step: str) -> Problem:
    detail = f"The compensation of {step} is not stuck; only a stuck one is settled by hand."
    return Problem(409, "NOT_STUCK", detail, correlation_id=correlation_id)


def _load(correlation_id: str) -> SagaState:
    saga = saga_log.load(correlation_id)
    assert saga is not None, "sagas are never deleted"
    return saga
