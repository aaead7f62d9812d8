"""Sagas that this release cannot serve: those with a step that it does not know, open or to be cancelled."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import Error as DatabaseError
from django.db import connection

from django_sagas.database import db_time, fetch_all, fetch_one
from django_sagas.definitions import find_step
from django_sagas.state import SagaStep

log = structlog.get_logger("saga")
NEWEST = 10_000
"A start checks the newest complete sagas only; the command checks all."
# Steps that a saga may still run or undo.
NEEDED = """
    FROM (
        SELECT correlation_id, name, status, steps FROM sagas_saga WHERE due_at IS NOT NULL
        UNION ALL
        SELECT correlation_id, name, status, steps FROM (
            SELECT correlation_id, name, status, steps, reversible_until FROM sagas_saga
            ORDER BY created_at DESC, correlation_id DESC LIMIT %s) AS newest
        WHERE status = 'COMPLETED' AND (reversible_until IS NULL OR reversible_until > %s)
    ) AS saga, {each_step} AS step
    WHERE step.value->>'status' NOT IN ('REFUSED', 'UNDONE', 'RESOLVED')
      AND NOT (saga.status = 'COMPENSATING' AND step.value->>'status' = 'PENDING')
      -- A saga that cannot go back needs no step that is done.
      AND NOT (step.value->>'status' = 'DONE' AND EXISTS (
        SELECT 1 FROM {each_step} AS other
        WHERE other.value->>'status' = 'DONE' AND other.value->>'compensation' = ''))"""
# Plain SQL: the ORM has no function that yields the elements of a JSON array as rows.
EACH_STEP = {"sqlite": "json_each(saga.steps)", "postgresql": "jsonb_array_elements(saga.steps::jsonb)"}
STEPS_IN_USE = """
    SELECT DISTINCT saga.name, step.value->>'name', step.value->>'compensation', step.value->>'participant',
        step.value->>'kind' {needed}"""
SAGAS_WITH = """
    SELECT COUNT(DISTINCT saga.correlation_id) {needed}
      AND saga.name || ' ' || (step.value->>'name') IN ({places})"""


@dataclass(frozen=True)
class Unserved:
    sagas: int
    steps: tuple[str, ...]

    def __str__(self) -> str:
        sagas = "1 saga needs" if self.sagas == 1 else f"{self.sagas} sagas need"
        return f"{sagas} a step that this release does not know: {', '.join(self.steps)}."


def find_unserved(*, now: datetime, newest: int) -> Unserved | None:
    """Open sagas, and among the newest complete ones those that can be cancelled."""
    needed = NEEDED.format(each_step=EACH_STEP[connection.vendor])
    bounds = (newest, db_time(now))
    in_use = fetch_all(STEPS_IN_USE.format(needed=needed), bounds)
    unknown = [(row[0], row[1]) for row in in_use if not _is_known(row)]
    if not unknown:
        return None
    places = ", ".join(["%s"] * len(unknown))
    wanted = [f"{saga} {step}" for saga, step in unknown]
    row = fetch_one(SAGAS_WITH.format(needed=needed, places=places), (*bounds, *wanted))
    return Unserved(int(row[0]) if row else 0, tuple(sorted({step for _, step in unknown})))


def _is_known(row: Sequence[str]) -> bool:
    saga, name, compensation, participant, kind = row
    return find_step(saga, SagaStep(name, compensation, participant, kind)) is not None


def refuse_to_start(*, now: datetime) -> None:
    """Exit with a message if there are sagas that this release cannot serve.

    Without a database the check is skipped: readiness reports it, and such a saga waits.
    """
    try:
        unserved = find_unserved(now=now, newest=NEWEST)
    except DatabaseError as error:
        log.warning("sagas_not_checked", error=str(error))
        return
    if unserved:
        raise SystemExit(
            f"Not started: {unserved} Deploy one that does; `manage.py sagas_check` counts them all."
        )
