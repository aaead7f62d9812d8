"""Operator actions on a saga. `also` writes in the transaction of the action, such as an audit row."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django_sagas import saga_log, settlements
from django_sagas.conf import conf
from django_sagas.database import write_transaction
from django_sagas.definitions import find_step
from django_sagas.engines import engine
from django_sagas.orchestrator import write
from django_sagas.problems import Problem
from django_sagas.runtime import orchestrator
from django_sagas.state import MAY_HAVE_HAPPENED, SagaState, SagaStatus, StepStatus
from django_sagas.transition import Transition


def retry(correlation_id: str, *, also: Callable[[], object]) -> SagaState:
    """Make a waiting saga due now and run it here; a saga that is being run is unchanged."""
    now = orchestrator().now()
    with write_transaction():
        engine().wake(correlation_id, now)
        also()
    saga = orchestrator().claim(correlation_id)
    if saga is not None:
        return orchestrator().advance(saga, deadline=now + timedelta(seconds=conf.SAGA_REQUEST_DEADLINE))
    return _load(correlation_id)


def resolve(correlation_id: str, *, step: str, actor: str, also: Callable[[], object]) -> SagaState:
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
            lease_until=now + timedelta(seconds=conf.SAGA_LEASE),
        )
        # Checked again: its owner may have undone the step meanwhile.
        if saga is None or saga.step(step).status not in MAY_HAVE_HAPPENED:
            raise _not_stuck(correlation_id, step)
        transition = Transition(saga, owner=orchestrator().owner, now=now)
        transition.resolve(step, actor=actor)
        transition.writes += [also, partial(settlements.remember, correlation_id, step, now=now)]
        write(transition, expected=SagaStatus.COMPENSATING)
    orchestrator().publish(transition.events)
    deadline = now + timedelta(seconds=conf.SAGA_REQUEST_DEADLINE)
    return orchestrator().advance(transition.saga, deadline=deadline)


def _is_stuck(saga: SagaState, step: str) -> bool:
    """An attempt has failed and the next one is pending, or an alarm is raised. A first attempt is not stuck.

    A step that this release does not know is stuck before its first try.
    """
    state = saga.step(step)
    if saga.status == SagaStatus.COMPENSATING and not find_step(saga.name, state.step):
        return saga.to_undo[:1] == [state]
    return state.status == StepStatus.UNDOING and (not saga.owner or bool(saga.attention))


def _not_stuck(correlation_id: str, step: str) -> Problem:
    detail = f"The compensation of {step} is not stuck; only a stuck one is settled by hand."
    return Problem(409, "NOT_STUCK", detail, correlation_id=correlation_id)


def _load(correlation_id: str) -> SagaState:
    saga = saga_log.load(correlation_id)
    assert saga is not None, "sagas are never deleted"
    return saga
