"""One operator action on every saga that is stuck for the same reason."""

from collections.abc import Callable
from dataclasses import dataclass

from django_sagas import operators, saga_log
from django_sagas.database import write_transaction
from django_sagas.engines import engine
from django_sagas.models import SagaRow
from django_sagas.operators import Operator
from django_sagas.problems import Problem
from django_sagas.runtime import orchestrator
from django_sagas.state import SagaState, SagaStatus

BATCH = 100
Act = Callable[[SagaState, Operator], object]


@dataclass(frozen=True)
class Batch:
    done: int
    refused: list[tuple[str, str]]
    "correlation id and reason of each"
    following: str
    "the id after which the next batch begins; empty after the last one"
    left: int


def act(action: str, *, stuck_for: str, after: str, by: Operator, most: int = BATCH) -> Batch:
    """Act on the next `most` sagas in the order of their ids. A repeat of a batch does no harm.

    Nothing runs here: what becomes due is taken up by recovery.
    """
    stuck = SagaRow.objects.open().filter(attention=stuck_for, correlation_id__gt=after)
    sagas = saga_log.states(stuck.order_by("correlation_id")[:most])
    refused = []
    for saga in sagas:
        try:
            ACTIONS[action](saga, by)
        except Problem as problem:
            refused.append((saga.correlation_id, problem.detail))
    last = sagas[-1].correlation_id if sagas else ""
    left = stuck.filter(correlation_id__gt=last).count() if len(sagas) == most else 0
    return Batch(len(sagas) - len(refused), refused, last if left else "", left)


def _retry(saga: SagaState, by: Operator) -> None:
    now = orchestrator().now()
    with write_transaction():
        engine().wake(saga.correlation_id, now)
        by.leave_trail("retry", saga.correlation_id, now)


def _cancel(saga: SagaState, by: Operator) -> None:
    operators.cancel(saga.correlation_id, by=by, at_once=False)


def _resolve(saga: SagaState, by: Operator) -> None:
    """Of each saga the compensation that it is stuck at."""
    if saga.status != SagaStatus.COMPENSATING or not saga.to_undo:
        raise Problem(409, "NOT_STUCK", "Only a stuck compensation is settled by hand.")
    step = saga.to_undo[0].name
    operators.resolve(saga.correlation_id, step=step, by=by, at_once=False)


ACTIONS: dict[str, Act] = {"retry": _retry, "cancel": _cancel, "resolve": _resolve}
