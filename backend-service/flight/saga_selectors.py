"""Queries on the saga log."""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from service_kit import strict_json
from service_kit.clock import iso
from service_kit.database import db_time, fetch_all, from_db_time
from service_kit.problems import Problem

from flight import saga_log
from flight.saga_models import OPEN
from flight.saga_state import SagaState

PAGE = 50
EVENTS = """
    SELECT sequence, event_id, event_type, data, timestamp FROM flight_saga_event
    WHERE correlation_id = %s AND sequence > %s ORDER BY sequence LIMIT %s"""
MAX_EVENTS = 1000
# Finds the rows before it sorts them: a planner may otherwise scan all history in list order, hoping to
# meet rare rows early.
FOUND_FIRST = f"WITH found AS MATERIALIZED ({{found}}) SELECT {saga_log.COLUMNS} FROM found"  # noqa: S608


@dataclass(frozen=True)
class Filters:
    status: str | None = None
    needs_attention: bool | None = None
    user_id: str | None = None
    idempotency_key: str | None = None
    "the key of a start-booking of `user_id`; keys are scoped to a user"
    id_prefix: str | None = None
    "of a UUID"
    created_after: datetime | None = None
    after: tuple[datetime, str] | None = None
    "the last row of the page before"
    limit: int = PAGE

    @property
    def only_open(self) -> bool:
        """Whether only open sagas can match; they are few, and have a partial index."""
        return self.status in OPEN or bool(self.needs_attention)


def events_after(correlation_id: str, sequence: int) -> tuple[list[dict[str, Any]], bool]:
    """The next events in order, each exactly once over repeated calls, and whether more follow."""
    rows = fetch_all(EVENTS, (correlation_id, sequence, MAX_EVENTS + 1))
    events = [
        {
            "event_id": event_id,
            "event_type": event_type,
            "correlation_id": correlation_id,
            "sequence": number,
            "timestamp": iso(from_db_time(timestamp)),
            "data": strict_json.load_stored(data),
        }
        for number, event_id, event_type, data, timestamp in rows[:MAX_EVENTS]
    ]
    return events, len(rows) > MAX_EVENTS


def list_sagas(filters: Filters) -> tuple[list[SagaState], str | None]:
    """A page, newest first, and the cursor of the next one."""
    conditions, parameters = _conditions(filters)
    where = " WHERE " + " AND ".join(conditions) if conditions else ""
    found = saga_log.SELECT + where
    if filters.only_open:
        found = FOUND_FIRST.format(found=found)
    sql = f"{found} ORDER BY created_at DESC, correlation_id DESC LIMIT %s"
    sagas = [saga_log.from_row(row) for row in fetch_all(sql, [*parameters, filters.limit + 1])]
    page = sagas[: filters.limit]
    return page, cursor(page[-1]) if len(sagas) > filters.limit else None


def _conditions(filters: Filters) -> tuple[list[str], list[Any]]:
    conditions: list[str] = []
    parameters: list[Any] = []

    def add(condition: str, *values: Any) -> None:
        conditions.append(condition)
        parameters.extend(values)

    if filters.status:
        add("status = %s", filters.status)
    if filters.only_open:
        add("due_at IS NOT NULL")
    if filters.needs_attention is not None:
        add("attention <> ''" if filters.needs_attention else "attention = ''")
    if filters.user_id:
        add("user_id = %s", filters.user_id)
    if filters.idempotency_key is not None:
        add("idempotency_scope = %s AND idempotency_key = %s", filters.user_id, filters.idempotency_key)
    if filters.id_prefix:
        # `g` sorts after every character of a UUID, in any collation.
        add("correlation_id >= %s AND correlation_id < %s", filters.id_prefix, f"{filters.id_prefix}g")
    if filters.created_after:
        add("created_at > %s", db_time(filters.created_after))
    if filters.after:
        created_at, correlation_id = filters.after
        add("(created_at, correlation_id) < (%s, %s)", db_time(created_at), correlation_id)
    return conditions, parameters


def cursor(saga: SagaState) -> str:
    raw = f"{iso(saga.created_at)} {saga.correlation_id}"
    return base64.urlsafe_b64encode(raw.encode()).decode()


def read_cursor(text: str) -> tuple[datetime, str]:
    try:
        created_at, _, correlation_id = base64.urlsafe_b64decode(text.encode()).decode().partition(" ")
        return datetime.fromisoformat(created_at).astimezone(UTC), correlation_id
    except (ValueError, OverflowError, binascii.Error) as error:
        raise Problem(400, "INVALID", "cursor: is not one of ours", errors={"cursor": "invalid"}) from error
