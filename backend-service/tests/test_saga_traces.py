"""A saga's trace, whoever runs it: a process that dies, recovery after it, and the way back."""

from collections.abc import Callable

import pytest
import responses
from django_sagas.client import Call
from django_sagas.events import SagaEvent
from django_sagas.state import SagaState
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace.status import StatusCode
from service_kit import tracing

from flight.operations.traces import MOST_BEGUN, SagaSpans, TracedParticipants, attempt_span
from tests.saga_participants import answers, dies, never_arrives, refuses
from tests.saga_world import Died, World

pytestmark = pytest.mark.django_db(transaction=True)
Seen = Callable[[SagaState], list[ReadableSpan]]


@pytest.fixture
def seen(world: World) -> Seen:
    """The spans of a saga, made of what the world's processes have published."""
    exporter = InMemorySpanExporter()
    subscriber = SagaSpans(tracing.recorder(SimpleSpanProcessor(exporter)))

    def spans(saga: SagaState) -> list[ReadableSpan]:
        for event in world.published:
            subscriber(event)
        world.published.clear()
        found = exporter.get_finished_spans()
        assert {span.context and span.context.trace_id for span in found} == {
            tracing.trace_id(saga.correlation_id)
        }
        return list(found)

    return spans


def names(spans: list[ReadableSpan]) -> list[str]:
    return [span.name for span in spans]


def told(spans: list[ReadableSpan]) -> list[tuple[str, object, object]]:
    """Each try of a step with its number and its outcome."""
    found = [(span.name, span.attributes or {}) for span in spans]
    return [(name, of["saga.attempt"], of["saga.outcome"]) for name, of in found if "saga.attempt" in of]


def test_booking_is_one_span_for_each_step_under_the_sagas(world: World, seen: Seen) -> None:
    saga = world.completed()
    spans = seen(saga)
    steps = ["ReserveSeat", "AuthorizePayment", "AwardMiles", "ConfirmBooking"]
    assert names(spans) == ["SAGA_STARTED", *steps, "SAGA_COMPLETED"]
    root, *others = spans
    assert root.parent is None and root.context is not None
    assert {span.parent.span_id for span in others if span.parent} == {root.context.span_id}
    assert all(span.status.status_code is StatusCode.UNSET for span in spans)


def test_refused_step_and_its_compensations_are_told(world: World, seen: Seen) -> None:
    world.participants.then("AwardMiles", refuses("ACCOUNT_CLOSED"))
    spans = seen(world.start())
    assert told(spans) == [
        ("ReserveSeat", 1, "DONE"),
        ("AuthorizePayment", 1, "DONE"),
        ("AwardMiles", 1, "ACCOUNT_CLOSED"),
        ("CancelPayment", 1, "UNDONE"),
        ("CancelSeat", 1, "UNDONE"),
    ]
    assert names(spans)[-1] == "SAGA_COMPENSATED"
    failed = [span.name for span in spans if span.status.status_code is StatusCode.ERROR]
    assert failed == ["AwardMiles"]


def test_each_try_is_a_span_of_its_own(world: World, seen: Seen) -> None:
    world.participants.then("AuthorizePayment", never_arrives, answers(503))
    saga = world.start()
    world.recover()
    world.settle()
    tries = [each for each in told(seen(saga)) if each[0] == "AuthorizePayment"]
    assert tries == [
        ("AuthorizePayment", 1, "UNKNOWN"),
        ("AuthorizePayment", 2, "UNKNOWN"),
        ("AuthorizePayment", 3, "DONE"),
    ]


def test_recovery_goes_on_with_the_trace_of_the_process_that_died(world: World, seen: Seen) -> None:
    world.participants.then("AwardMiles", dies(Died(), before=False))
    with pytest.raises(Died):
        world.start()
    died = world.published[0].correlation_id
    world.settle()
    spans = seen(world.row(died))
    assert told(spans) == [
        ("ReserveSeat", 1, "DONE"),
        ("AuthorizePayment", 1, "DONE"),
        ("AwardMiles", 2, "DONE"),
        ("ConfirmBooking", 1, "DONE"),
    ]
    assert {span.parent.span_id for span in spans if span.parent} == {tracing.span_id(died)}


def test_call_names_its_attempt_to_the_participant(db: None) -> None:
    call = Call("payment", "AuthorizePayment", "/api/saga/authorize-payment/", "saga-1", "{}", attempt=3)
    with responses.RequestsMock() as payment:
        payment.post("http://payment.test/api/saga/authorize-payment/", json={})
        TracedParticipants({"payment": "http://payment.test"}).call(call, timeout=1)
        sent = payment.calls[0].request.headers
    attempt = attempt_span("saga-1", "AuthorizePayment", 3)
    assert sent["traceparent"] == tracing.traceparent("saga-1", attempt)
    assert sent["X-Correlation-ID"] == "saga-1"


def test_sagas_that_others_have_taken_over_do_not_fill_the_memory() -> None:
    kept: list[ReadableSpan] = []
    subscriber = SagaSpans(kept.append)
    for number in range(MOST_BEGUN + 1):
        subscriber(SagaEvent("SAGA_STEP_STARTED", f"saga-{number}", {"step": "AwardMiles", "attempt": 1}))
    for number in (0, MOST_BEGUN):
        subscriber(SagaEvent("SAGA_STEP_COMPLETED", f"saga-{number}", {"step": "AwardMiles"}))
    assert [(span.attributes or {})["correlation_id"] for span in kept] == [f"saga-{MOST_BEGUN}"]
