"""The events of the saga log. Those of a commit share a row, which takes a third less than a row each."""

from collections.abc import Iterable, Iterator, Sequence

from django_sagas import json_text
from django_sagas.database import db_time, execute
from django_sagas.events import SagaEvent
from django_sagas.models import SagaEventRow

INSERT = """
    INSERT INTO sagas_event (correlation_id, sequence, event_id, event_type, data, timestamp, following)
    VALUES (%s, %s, %s, %s, %s, %s, %s)"""


def append(events: Sequence[SagaEvent]) -> None:
    """Write the events of one commit, whose numbers follow each other."""
    if not events:
        return
    first, *others = events
    following = [(event.event_id, event.event_type, event.data) for event in others]
    row = (
        first.correlation_id,
        first.sequence,
        first.event_id,
        first.event_type,
        json_text.dumps(first.data),
        db_time(first.timestamp),
        json_text.dumps(following) if following else "",
    )
    execute(INSERT, row)


def events_of(*correlation_ids: str) -> Iterator[SagaEvent]:
    """Those of one saga in order; of several sagas, each saga's in order."""
    return unfold(SagaEventRow.objects.filter(correlation_id__in=correlation_ids).order_by("sequence"))


def unfold(rows: Iterable[SagaEventRow]) -> Iterator[SagaEvent]:
    """Each event of these rows; the only reader of what `append` has written."""
    for row in rows:
        first = (row.event_id, row.event_type, json_text.load_stored(row.data))
        others = json_text.load_stored(row.following) if row.following else []
        for sequence, (event_id, event_type, data) in enumerate([first, *others], start=row.sequence):
            yield SagaEvent(event_type, row.correlation_id, data, sequence, row.timestamp, event_id)
