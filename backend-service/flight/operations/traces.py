"""A saga's trace: its start and end, and each attempt of a step or compensation.

Made from its published events, which recovery and other processes continue. A local step takes no time: it
happens inside a commit of the saga log.
"""

from collections.abc import Callable, Mapping

from django_sagas.client import Call
from django_sagas.events import ALL, EventType, SagaEvent, event_dispatcher
from opentelemetry.sdk.trace import ReadableSpan
from service_kit import tracing

from flight.demo_faults import Participants

BEGINS = (EventType.STEP_STARTED, EventType.COMPENSATION_STEP_STARTED)
ENDS: Mapping[str, str] = {
    EventType.STEP_COMPLETED: "DONE",
    EventType.STEP_FAILED: "FAILED",
    EventType.STEP_UNKNOWN: "UNKNOWN",
    EventType.COMPENSATION_STEP_COMPLETED: "UNDONE",
    EventType.COMPENSATION_FAILED: "FAILED",
}
BAD = ("FAILED", "UNKNOWN")
MARKS = (EventType.COMPLETED, EventType.COMPENSATED)
# Starts of sagas that another process has taken over remain here.
MOST_BEGUN = 10_000


def attempt_span(correlation_id: str, name: str, attempt: int) -> int:
    return tracing.span_id(correlation_id, name, str(attempt))


class TracedParticipants(Participants):
    def headers(self, call: Call) -> dict[str, str]:
        """The parent of the participant's span: this attempt."""
        attempt = attempt_span(call.correlation_id, call.name, call.attempt)
        return {**super().headers(call), "traceparent": tracing.traceparent(call.correlation_id, attempt)}


class SagaSpans:
    """A subscriber; the publisher calls it from one thread, in the order of the commits."""

    def __init__(self, record: Callable[[ReadableSpan], None] = tracing.record) -> None:
        self._record = record
        self._begun: dict[str, SagaEvent] = {}

    def __call__(self, event: SagaEvent) -> None:
        if event.event_type == EventType.STARTED:
            self._mark(event, span_id=tracing.span_id(event.correlation_id), parent_id=None)
        elif event.event_type in MARKS:
            own = tracing.span_id(event.correlation_id, str(event.sequence))
            self._mark(event, span_id=own, parent_id=tracing.span_id(event.correlation_id))
        elif event.event_type in BEGINS:
            self._begin(event)
        elif event.event_type in ENDS:
            self._end(event)

    def _mark(self, event: SagaEvent, *, span_id: int, parent_id: int | None) -> None:
        at = _nanoseconds(event)
        self._record(
            tracing.finished(
                event.event_type, event.correlation_id, span_id, parent_id, (at, at), attributes={}
            )
        )

    def _begin(self, event: SagaEvent) -> None:
        self._begun.pop(event.correlation_id, None)
        self._begun[event.correlation_id] = event
        if len(self._begun) > MOST_BEGUN:
            del self._begun[next(iter(self._begun))]

    def _end(self, event: SagaEvent) -> None:
        """One open attempt per saga. An attempt of another process is recorded there, or lost with it."""
        begun = self._begun.pop(event.correlation_id, None)
        if begun is None:
            return
        name, attempt = begun.data.get("compensation") or begun.data["step"], begun.data["attempt"]
        outcome = ENDS[event.event_type]
        span = tracing.finished(
            name,
            event.correlation_id,
            attempt_span(event.correlation_id, name, attempt),
            tracing.span_id(event.correlation_id),
            (_nanoseconds(begun), _nanoseconds(event)),
            failed=outcome in BAD,
            attributes={"saga.attempt": attempt, "saga.outcome": event.data.get("error_code") or outcome},
        )
        self._record(span)


def _nanoseconds(event: SagaEvent) -> int:
    return int(event.timestamp.timestamp() * 1_000_000) * 1000


def subscribe() -> None:
    event_dispatcher.subscribe(ALL, SagaSpans())
