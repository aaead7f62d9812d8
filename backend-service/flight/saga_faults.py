"""Faults of steps that run in the backend, as the failure switches and the fault console ask for them."""

from collections.abc import Collection

from django_sagas.definitions import Planned, Saga
from django_sagas.guard.models import FaultKind
from django_sagas.outcomes import SIMULATED, Unknown
from django_sagas.state import LOCAL, SagaState
from service_kit import faults


def names(sagas: Collection[type[Saga]]) -> set[str]:
    """Steps and compensations of these sagas that run here, and so can be given a fault here."""
    own = [step for saga in sagas for step in saga.steps if step.participant == LOCAL]
    return {name for step in own for name in (step.name, step.compensation) if name}


def injected(name: str, saga: SagaState, *, simulate: Collection[str] = ()) -> Planned | None:
    """The outcome that a failure switch or the fault console sets.

    A local step has no reply to lose; any fault but a refusal makes its outcome unknown.
    """
    fault = faults.take(name, saga.correlation_id)
    if name in simulate or (fault and fault.kind == FaultKind.REFUSE):
        return Planned(SIMULATED)
    if fault and fault.kind == FaultKind.DELAY and _is_first_try(saga, name):
        return Planned(Unknown("late, as asked for by the fault console", retry_after=fault.seconds))
    if fault and fault.kind == FaultKind.FAIL:
        return Planned(Unknown("failed, as asked for by the fault console"))
    return None


def _is_first_try(saga: SagaState, name: str) -> bool:
    tries = {step.name: step.attempts for step in saga.steps}
    tries |= {step.compensation: step.undo_attempts for step in saga.steps}
    return tries[name] == 0


def injected_into_activity(name: str, correlation_id: str) -> Unknown | None:
    """Of a step outside the saga's transactions, which is tried until it is done: nothing refuses it."""
    if fault := faults.take(name, correlation_id):
        return Unknown(f"{fault.kind}, as asked for by the fault console", retry_after=fault.seconds)
    return None
