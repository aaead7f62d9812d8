"""What a saga needs next: a pure function from its stored row to one decision."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django_sagas.conf import conf
from django_sagas.definitions import find_step
from django_sagas.outcomes import UNKNOWN
from django_sagas.state import Kind, SagaState, SagaStatus, SagaStep, StepState, StepStatus

WITHOUT_OUTCOME = (StepStatus.STARTED, StepStatus.UNKNOWN)


@dataclass(frozen=True)
class Run:
    step: SagaStep


@dataclass(frozen=True)
class GiveUp:
    step: SagaStep


@dataclass(frozen=True)
class Compensate:
    pass


@dataclass(frozen=True)
class Undo:
    step: SagaStep


@dataclass(frozen=True)
class Finish:
    status: SagaStatus


@dataclass(frozen=True)
class WaitUntil:
    at: datetime


@dataclass(frozen=True)
class WaitForRelease:
    """This release does not know the saga's next step: it is not skipped."""

    step: SagaStep


Decision = Run | GiveUp | Compensate | Undo | Finish | WaitUntil | WaitForRelease


def decide_next(saga: SagaState, *, now: datetime, jitter: float) -> Decision:
    """What this saga needs next. Pure; `jitter` is in [0, 1)."""
    if saga.is_terminal:
        return Finish(saga.status)
    if saga.status == SagaStatus.COMPENSATING:
        return _decide_back(saga, now, jitter)
    return _decide_forward(saga, now, jitter)


def _decide_forward(saga: SagaState, now: datetime, jitter: float) -> Decision:
    if saga.failed_step:
        return Compensate() if saga.to_undo else Finish(SagaStatus.COMPENSATED)
    state = next((state for state in saga.steps if state.status != StepStatus.DONE), None)
    if state is None:
        return Finish(SagaStatus.COMPLETED)
    if not find_step(saga.name, state.step):
        return WaitForRelease(state.step)
    if not (saga.tried and state.status == StepStatus.UNKNOWN):
        return Run(state.step)
    if _overdue(state, now) and not goes_only_forward(state.step):
        return GiveUp(state.step)
    # An answer that forbids what has to be done changes only when a person acts.
    forbidden = state.error_code not in (None, "", UNKNOWN)
    backoff = conf.SAGA_FORBIDDEN_BACKOFF if forbidden else conf.SAGA_FORWARD_BACKOFF
    return WaitUntil(now + _pause(saga, state.attempts, backoff, jitter))


def _decide_back(saga: SagaState, now: datetime, jitter: float) -> Decision:
    remaining = saga.to_undo
    if not remaining:
        return Finish(SagaStatus.COMPENSATED)
    state = remaining[0]
    if not (state.compensation and find_step(saga.name, state.step)):
        return WaitForRelease(state.step)
    if saga.tried and state.status == StepStatus.UNDOING:
        return WaitUntil(now + _pause(saga, state.undo_attempts, conf.SAGA_COMPENSATION_BACKOFF, jitter))
    return Undo(state.step)


def goes_only_forward(step: SagaStep) -> bool:
    """Whether the step is tried until its outcome is known: it is retriable, or it cannot be undone."""
    return step.kind == Kind.RETRIABLE or not step.compensation


def gives_up_at(saga: SagaState) -> datetime | None:
    """When the saga turns back if the step under way has no outcome by then; None if it does not."""
    state = next((state for state in saga.steps if state.status in WITHOUT_OUTCOME), None)
    if saga.status != SagaStatus.RUNNING or state is None or goes_only_forward(state.step):
        return None
    return datetime.fromisoformat(str(state.started_at)) + timedelta(seconds=conf.SAGA_FORWARD_DEADLINE)


def _overdue(state: StepState, now: datetime) -> bool:
    began = datetime.fromisoformat(state.started_at) if state.started_at else now
    # A start in the future means that a clock was put back; by how much is unknown.
    return abs(now - began) >= timedelta(seconds=conf.SAGA_FORWARD_DEADLINE)


def _pause(saga: SagaState, attempts: int, backoff: tuple[float, float], jitter: float) -> timedelta:
    """Exponential back-off with full jitter, or longer where the participant asked for it."""
    asked = timedelta(seconds=min(saga.retry_after, conf.SAGA_MAX_RETRY_AFTER))
    return max(backoff_time(attempts, backoff, jitter), asked)


def backoff_time(attempts: int, backoff: tuple[float, float], jitter: float) -> timedelta:
    first, cap = backoff
    return timedelta(seconds=min(cap, first * 2.0 ** min(attempts - 1, 30)) * jitter)
