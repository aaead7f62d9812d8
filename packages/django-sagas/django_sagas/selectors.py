"""Queries on the saga log."""

import base64
import binascii
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db.models import Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from django_sagas import event_log, saga_log
from django_sagas.clock import iso
from django_sagas.definitions import SAGAS, finishing
from django_sagas.models import SagaEventRow, SagaRow
from django_sagas.problems import Problem
from django_sagas.state import OPEN, SagaState

PAGE = 50
MAX_EVENTS = 1000


@dataclass(frozen=True)
class Filters:
    status: str | None = None
    needs_attention: bool | None = None
    subject: str | None = None
    idempotency_key: str | None = None
    "the key of a start of `subject`; keys are scoped to it"
    definition: str | None = None
    "the name of one; None: those that only finish the work of others are left out, see Saga.is_load"
    id_prefix: str | None = None
    "of a UUID"
    created_after: datetime | None = None
    created_before: datetime | None = None
    attention_reason: str = ""
    "of open sagas: those that are stuck for this reason"
    ids: Sequence[str] | None = None
    "what a search has found"
    after: tuple[datetime, str] | None = None
    "the last row of the page before"
    limit: int = PAGE

    @property
    def only_open(self) -> bool:
        """Whether only open sagas can match; they are few, and have a partial index."""
        return self.status in OPEN or bool(self.needs_attention or self.attention_reason)


def events_after(correlation_id: str, sequence: int) -> tuple[list[dict[str, Any]], bool]:
    """The next events in order, each exactly once over repeated calls, and whether more follow."""
    rows = SagaEventRow.objects.filter(correlation_id=correlation_id)
    # The row of the event before may hold the next ones too.
    before = rows.filter(sequence__lte=sequence).order_by("-sequence").values("sequence")[:1]
    following = rows.filter(sequence__gte=Coalesce(Subquery(before), 0)).order_by("sequence")
    unfolded = event_log.unfold(following[: MAX_EVENTS + 2])
    events = [event.to_dict() for event in unfolded if event.sequence > sequence]
    return events[:MAX_EVENTS], len(events) > MAX_EVENTS


def follow(correlation_id: str, wait: Callable[[], object]) -> Iterator[dict[str, Any]]:
    """Each event as it comes, until the saga has ended; `wait` is called before each new look."""
    sequence = 0
    while True:
        # Read before the events: those of the end are then among them.
        has_ended = SagaRow.objects.filter(pk=correlation_id, due_at=None).exists()
        events, more = events_after(correlation_id, sequence)
        yield from events
        sequence = events[-1]["sequence"] if events else sequence
        if has_ended and not more:
            return
        if not more:
            wait()


def list_sagas(filters: Filters) -> tuple[list[SagaState], str | None]:
    """A page, newest first, and the cursor of the next one."""
    found = _matching(filters)
    if filters.only_open:
        # No index has this order: a planner finds the few open rows and sorts them, where it might scan all
        # history in the order of an index, hoping to meet rare rows early.
        ordered = found.order_by(Coalesce("created_at", "finished_at").desc(), "-correlation_id")
    else:
        ordered = found.order_by("-created_at", "-correlation_id")
    sagas = saga_log.states(ordered[: filters.limit + 1])
    page = sagas[: filters.limit]
    return page, cursor(page[-1]) if len(sagas) > filters.limit else None


def _matching(filters: Filters) -> QuerySet[SagaRow]:
    found = SagaRow.objects.open() if filters.only_open else SagaRow.objects.all()
    found = found.filter(**_conditions(filters))
    if filters.needs_attention is not None:
        found = found.exclude(attention="") if filters.needs_attention else found.filter(attention="")
    if filters.idempotency_key is not None:
        subject = filters.subject or ""
        scopes = [subject, *(saga.key_scope(subject) for saga in SAGAS.values())]
        found = found.filter(idempotency_scope__in=scopes, idempotency_key=filters.idempotency_key)
    if not (filters.definition or filters.only_open or filters.id_prefix or filters.ids is not None):
        found = found.exclude(name__in=finishing())
    if filters.id_prefix:
        # `g` sorts behind every character that a UUID may go on with, whatever the collation.
        found = found.filter(
            correlation_id__gte=filters.id_prefix, correlation_id__lt=f"{filters.id_prefix}g"
        )
    if filters.after:
        created_at, correlation_id = filters.after
        # The first condition is where an index can begin; the second skips what was shown before.
        found = found.filter(created_at__lte=created_at)
        found = found.filter(Q(created_at__lt=created_at) | Q(correlation_id__lt=correlation_id))
    return found


def _conditions(filters: Filters) -> dict[str, Any]:
    wanted = {
        "status": filters.status,
        "subject": filters.subject,
        "name": filters.definition,
        "attention": filters.attention_reason,
        "pk__in": filters.ids,
        "created_at__gt": filters.created_after,
        "created_at__lt": filters.created_before,
    }
    return {column: value for column, value in wanted.items() if value not in (None, "")}


def cursor(saga: SagaState) -> str:
    raw = f"{iso(saga.created_at)} {saga.correlation_id}"
    return base64.urlsafe_b64encode(raw.encode()).decode()


def read_cursor(text: str) -> tuple[datetime, str]:
    try:
        created_at, _, correlation_id = base64.urlsafe_b64decode(text.encode()).decode().partition(" ")
        return datetime.fromisoformat(created_at).astimezone(UTC), correlation_id
    except (ValueError, OverflowError, binascii.Error) as error:
        raise Problem(400, "INVALID", "cursor: is not one of ours", errors={"cursor": "invalid"}) from error
