"""Actions and compensations that are safe against repeated, concurrent and reordered calls.

In one transaction: insert the record; the unique constraint decides which call is first. Only the call that
inserted applies the effect; every other call is answered from the record.
Adapted from DTM's sub-transaction barrier and Stripe's idempotency keys.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django_sagas import json_text
from django_sagas.database import (
    db_time,
    execute,
    fetch_one,
    for_update,
    write_transaction,
)
from django_sagas.guard.models import RecordState
from django_sagas.outcomes import Refused
from django_sagas.problems import Problem

# Plain SQL: each call of a step passes here, and the row count of the insert decides who is first.
INSERT = """
    INSERT INTO guard_step_record
        (correlation_id, step, state, fingerprint, answer, undo_answer, created_at, changed_at, caller)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT (correlation_id, step) DO NOTHING"""
STORE_ANSWER = """
    UPDATE guard_step_record SET state = %s, answer = %s WHERE correlation_id = %s AND step = %s"""
STORE_UNDO = """
    UPDATE guard_step_record SET state = %s, undo_answer = %s, changed_at = %s
    WHERE correlation_id = %s AND step = %s AND state = %s"""
SINGLE_USE = "A correlation_id is single-use: take a new one for another booking."
READ = """
    SELECT state, fingerprint, answer, undo_answer FROM guard_step_record
    WHERE correlation_id = %s AND step = %s"""


def _nothing() -> None:
    """The effect has been applied."""


@dataclass(frozen=True)
class Done:
    """The effect was applied; `fields` go into the answer."""

    fields: Mapping[str, Any]
    write: Callable[[], object] = _nothing
    "applies the effect if the outcome was decided before the transaction"


@dataclass(frozen=True)
class RefusedForNow(Refused):
    """Refused, and not stored: nothing was changed, and the same call may succeed later."""


@dataclass(frozen=True)
class Answer:
    body: str
    replayed: bool = False


@dataclass(frozen=True)
class Record:
    state: str
    fingerprint: str
    answer: str
    undo_answer: str


def perform(
    *,
    correlation_id: str,
    step: str,
    used: Mapping[str, Any],
    effect: Callable[[], Done | Refused],
    now: datetime,
    caller: str = "",
    decided: Done | Refused | None = None,
) -> Answer:
    """Apply `effect` once for (correlation id, step); every repeat gets the first answer.

    `effect` runs inside the transaction and must change nothing if it returns Refused. With `decided`, an
    outcome known before, record and answer are written in one statement; RefusedForNow stores nothing.
    Raises Problem 409 after a compensation, 422 for other fields under the same id.
    """
    if isinstance(decided, RefusedForNow):
        recorded = read(correlation_id=correlation_id, step=step)
        if recorded is None:
            return Answer(refusal_body(correlation_id, decided))
        return replay(recorded, correlation_id=correlation_id, step=step, used=used)
    mark, at = json_text.fingerprint(used), db_time(now)
    state, body = _result(correlation_id, decided) if decided else (RecordState.DONE, "")
    with write_transaction():
        if execute(INSERT, (correlation_id, step, state, mark, body, "", at, at, caller)):
            if decided is None:
                state, body = _result(correlation_id, effect())
                execute(STORE_ANSWER, (state, body, correlation_id, step))
            elif isinstance(decided, Done):
                decided.write()
            return Answer(body)
        record = read(correlation_id=correlation_id, step=step, lock=True)
    assert record is not None, "records are never deleted"
    return replay(record, correlation_id=correlation_id, step=step, used=used)


def replay(record: Record, *, correlation_id: str, step: str, used: Mapping[str, Any]) -> Answer:
    if record.state == RecordState.UNDONE:
        raise Problem(
            409,
            "ALREADY_COMPENSATED",
            f"{step} was compensated before. {SINGLE_USE}",
            correlation_id=correlation_id,
        )
    if record.fingerprint != json_text.fingerprint(used):
        raise Problem(
            422,
            "DIFFERENT_REQUEST",
            f"{step} of this correlation_id came before with other fields. {SINGLE_USE}",
            correlation_id=correlation_id,
        )
    return Answer(record.answer, replayed=True)


def compensate(
    *,
    correlation_id: str,
    step: str,
    undo: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    nothing: Mapping[str, Any] | Callable[[], Mapping[str, Any]],
    now: datetime,
    caller: str = "",
) -> Answer:
    """Undo a step once; `undo` gets the action's answer and returns the fields of its own.

    With nothing to undo, `nothing` is answered and a tombstone refuses the action from then on;
    a refused action keeps its refusal. A callable `nothing` runs inside the transaction.
    """
    at, fixed = db_time(now), {} if callable(nothing) else nothing
    idle = _success(correlation_id, fixed)
    with write_transaction():
        if execute(INSERT, (correlation_id, step, RecordState.UNDONE, "", "", idle, at, at, caller)):
            if callable(nothing):
                idle = _success(correlation_id, nothing())
                execute(STORE_UNDO, (RecordState.UNDONE, idle, at, correlation_id, step, RecordState.UNDONE))
            return Answer(idle)
        record = read(correlation_id=correlation_id, step=step, lock=True)
        assert record is not None, "records are never deleted"
        if record.state == RecordState.UNDONE:
            return Answer(record.undo_answer, replayed=True)
        if record.state == RecordState.REFUSED:
            return Answer(_success(correlation_id, nothing()) if callable(nothing) else idle)
        body = _success(correlation_id, undo(json_text.load_stored(record.answer)))
        execute(STORE_UNDO, (RecordState.UNDONE, body, at, correlation_id, step, RecordState.DONE))
        return Answer(body)


def read(*, correlation_id: str, step: str, lock: bool = False) -> Record | None:
    row = fetch_one(READ + (for_update() if lock else ""), (correlation_id, step))
    return Record(*row) if row else None


def refusal_body(correlation_id: str, refusal: Refused) -> str:
    return json_text.dumps(
        {
            "success": False,
            "correlation_id": correlation_id,
            "error": refusal.error,
            "error_code": refusal.code,
        }
    )


def _result(correlation_id: str, outcome: Done | Refused) -> tuple[RecordState, str]:
    if isinstance(outcome, Refused):
        return RecordState.REFUSED, refusal_body(correlation_id, outcome)
    return RecordState.DONE, _success(correlation_id, outcome.fields)


def _success(correlation_id: str, fields: Mapping[str, Any]) -> str:
    return json_text.dumps({"success": True, "correlation_id": correlation_id, **fields})
