"""The saga log: every write is conditional on the saga's epoch and status.

In plain SQL, because each booking passes it several times and its writes need RETURNING and ON CONFLICT.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from django_sagas import json_text
from django_sagas.database import (
    db_time,
    execute,
    fetch_all,
    fetch_one,
    from_db_time,
)
from django_sagas.definitions import definition_of, finishing
from django_sagas.models import SagaRow
from django_sagas.state import SagaState, SagaStatus, StepState

FIXED = (
    "correlation_id",
    "name",
    "version",
    "subject",
    "data",
    "reversible_until",
    "idempotency_scope",
    "idempotency_key",
    "request_fingerprint",
    "created_at",
    "epoch",
)
CHANGING = (
    "status",
    "reason",
    "attention",
    "owner",
    "due_at",
    "claims",
    "last_sequence",
    "secrets",
    "steps",
    "facts",
    "result",
    "failed_step",
    "error",
    "error_code",
    "reference",
    "finished_at",
)
COLUMNS = ", ".join(FIXED + CHANGING)
INSERT = f"""
    INSERT INTO sagas_saga ({COLUMNS}) VALUES ({", ".join(["%s"] * len(FIXED + CHANGING))})
    ON CONFLICT DO NOTHING"""
SAVE = f"""
    UPDATE sagas_saga SET {", ".join(f"{column} = %s" for column in CHANGING)}
    WHERE correlation_id = %s AND epoch = %s AND status = %s"""
SELECT = f"SELECT {COLUMNS} FROM sagas_saga"
CLAIM = f"""
    UPDATE sagas_saga
    SET epoch = epoch + 1, claims = claims + 1, owner = %s, due_at = %s,
        attention = CASE WHEN claims + 1 >= %s AND attention = ''
                    THEN 'It was claimed again and again without progress.' ELSE attention END
    WHERE correlation_id = %s AND due_at <= %s
    RETURNING {COLUMNS}"""
TAKE_OVER = f"""
    UPDATE sagas_saga SET epoch = epoch + 1, owner = %s, due_at = %s, status = %s, finished_at = NULL
    WHERE correlation_id = %s AND status IN ({{statuses}})
    RETURNING {COLUMNS}"""
RELEASE = """
    UPDATE sagas_saga SET owner = '', due_at = %s WHERE correlation_id = %s AND epoch = %s AND status = %s"""
MAKE_DUE = "UPDATE sagas_saga SET due_at = %s WHERE correlation_id = %s AND owner = '' AND due_at IS NOT NULL"
# Compensations first: they release seats and money.
DUE = """
    SELECT correlation_id FROM sagas_saga WHERE due_at <= %s
    ORDER BY CASE status WHEN 'COMPENSATING' THEN 0 ELSE 1 END, due_at LIMIT %s"""


class SagaLost(Exception):
    """Another process owns the saga: write nothing and send nothing more."""


def insert(saga: SagaState) -> bool:
    """Write a new saga; False when its idempotency key belongs to another one already."""
    return execute(INSERT, _fixed(saga) + _changing(saga)) == 1


def save(saga: SagaState, *, expected: SagaStatus) -> None:
    """The one UPDATE of a transition. Raises SagaLost when epoch or status are no longer ours."""
    condition = (saga.correlation_id, saga.epoch, expected.value)
    if execute(SAVE, _changing(saga) + condition) != 1:
        raise SagaLost(saga.correlation_id)


def load(correlation_id: str) -> SagaState | None:
    row = fetch_one(f"{SELECT} WHERE correlation_id = %s", (correlation_id,))
    return from_row(row) if row else None


def load_by_key(scope: str, key: str) -> SagaState | None:
    row = fetch_one(f"{SELECT} WHERE idempotency_scope = %s AND idempotency_key = %s", (scope, key))
    return from_row(row) if row else None


def states(sagas: QuerySet[SagaRow]) -> list[SagaState]:
    """Sagas that were asked for by the ORM."""
    return [from_row(row) for row in sagas.values_list(*FIXED, *CHANGING)]


def due(*, now: datetime, most: int) -> list[str]:
    return [row[0] for row in fetch_all(DUE, (db_time(now), most))]


def claim(
    correlation_id: str, *, owner: str, now: datetime, lease_until: datetime, too_many_claims: int
) -> SagaState | None:
    """Claim a due saga; None if another process claimed it first."""
    parameters = (owner, db_time(lease_until), too_many_claims, correlation_id, db_time(now))
    row = fetch_one(CLAIM, parameters)
    return from_row(row) if row else None


def take_over(
    correlation_id: str,
    *,
    from_statuses: Sequence[SagaStatus],
    to_status: SagaStatus,
    owner: str,
    lease_until: datetime,
) -> SagaState | None:
    """Take a saga over from its owner, if it is still in one of these statuses."""
    sql = TAKE_OVER.format(statuses=", ".join(["%s"] * len(from_statuses)))
    parameters = (owner, db_time(lease_until), to_status.value, correlation_id)
    row = fetch_one(sql, parameters + tuple(status.value for status in from_statuses))
    return from_row(row) if row else None


def release(saga: SagaState, *, due_at: datetime) -> None:
    """Release the lease without any other change; no effect if another process owns it."""
    execute(RELEASE, (db_time(due_at), saga.correlation_id, saga.epoch, saga.status.value))


def make_due(correlation_id: str, *, at: datetime) -> None:
    """Make a waiting saga claimable at a time; a saga that is being run is unchanged."""
    execute(MAKE_DUE, (db_time(at), correlation_id))


def epoch(correlation_id: str) -> int | None:
    row = fetch_one("SELECT epoch FROM sagas_saga WHERE correlation_id = %s", (correlation_id,))
    return int(row[0]) if row else None


def count_running(now: datetime) -> int:
    """Sagas that are going forward and are load, without those whose time to begin has not come."""
    running = SagaRow.objects.open().exclude(status=SagaStatus.COMPENSATING)
    waiting = Q(status=SagaStatus.PENDING, due_at__gt=now)
    return running.exclude(waiting).exclude(name__in=finishing()).count()


def known(correlation_ids: Collection[str]) -> set[str]:
    """Which of these belong to sagas."""
    return set(SagaRow.objects.filter(pk__in=correlation_ids).values_list("pk", flat=True))


def owns(correlation_id: str) -> bool:
    """Whether this correlation id belongs to a saga."""
    return fetch_one("SELECT 1 FROM sagas_saga WHERE correlation_id = %s", (correlation_id,)) is not None


def _fixed(saga: SagaState) -> tuple[Any, ...]:
    return (
        saga.correlation_id,
        saga.name,
        saga.version,
        saga.subject,
        json_text.dumps(saga.data),
        db_time(saga.reversible_until),
        saga.idempotency_scope,
        saga.idempotency_key,
        saga.request_fingerprint,
        db_time(saga.created_at),
        saga.epoch,
    )


def _changing(saga: SagaState) -> tuple[Any, ...]:
    return (
        saga.status.value,
        saga.reason,
        saga.attention,
        saga.owner,
        db_time(saga.due_at),
        saga.claims,
        saga.last_sequence,
        json_text.dumps(saga.secrets) if saga.secrets else "",
        json_text.dumps([step.to_json() for step in saga.steps]),
        json_text.dumps(saga.facts),
        json_text.dumps(saga.result) if saga.result is not None else "",
        saga.failed_step,
        saga.error,
        saga.error_code,
        saga.reference,
        db_time(saga.finished_at),
    )


def from_row(row: Sequence[Any]) -> SagaState:
    """As its definition's own `state`, where this release has the definition."""
    stored = dict(zip(FIXED + CHANGING, row, strict=True))
    for name in ("created_at", "due_at", "finished_at", "reversible_until"):
        stored[name] = from_db_time(stored[name])
    stored["status"] = SagaStatus(stored["status"])
    stored["data"] = json_text.load_stored(stored["data"])
    stored["secrets"] = json_text.load_stored(stored["secrets"]) if stored["secrets"] else {}
    stored["steps"] = tuple(StepState.from_json(step) for step in json_text.load_stored(stored["steps"]))
    stored["facts"] = json_text.load_stored(stored["facts"])
    stored["result"] = json_text.load_stored(stored["result"]) if stored["result"] else None
    return definition_of(stored["name"]).state(**stored)


RUNNING_STATUSES = (SagaStatus.PENDING, SagaStatus.RUNNING)
