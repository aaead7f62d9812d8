"""Events in process: published at best effort, and never in a saga's way."""

import threading
from collections.abc import Iterator

import pytest
from django_sagas.events import ALL, EventDispatcher, SagaEvent, event_dispatcher
from django_sagas.publisher import Publisher, publisher
from structlog.testing import capture_logs

from tests.saga_world import Desk, World, at_once

PATIENCE = 20.0


def event(kind: str = "SAGA_STARTED", cid: str = "cid-1", sequence: int = 1) -> SagaEvent:
    return SagaEvent(kind, cid, {}, sequence)


# The dispatcher


def test_a_subscriber_hears_of_its_type_and_a_star_of_every_type() -> None:
    dispatcher, some, every = EventDispatcher(), [], []  # type: ignore[var-annotated]
    dispatcher.subscribe("SAGA_STARTED", some.append)
    dispatcher.subscribe(ALL, every.append)
    first, second = event(), event("SAGA_COMPLETED", sequence=2)
    dispatcher.publish(first)
    dispatcher.publish(second)
    assert (some, every) == ([first], [first, second])


def test_subscribing_twice_is_once_and_unsubscribing_ends_it() -> None:
    dispatcher, heard = EventDispatcher(), []  # type: ignore[var-annotated]
    listener = heard.append
    dispatcher.subscribe("SAGA_STARTED", listener)
    dispatcher.subscribe("SAGA_STARTED", listener)
    dispatcher.publish(event())
    assert len(heard) == 1
    dispatcher.unsubscribe("SAGA_STARTED", listener)
    dispatcher.unsubscribe("SAGA_STARTED", listener)
    dispatcher.unsubscribe("NEVER_HEARD_OF", listener)
    dispatcher.publish(event())
    assert len(heard) == 1


def test_events_of_one_commit_are_one_line_in_the_log() -> None:
    dispatcher = EventDispatcher()
    dispatcher.subscribe(ALL, lambda one: None)
    with capture_logs() as lines:
        dispatcher.publish(event(), event("SAGA_COMPLETED", sequence=2))
        dispatcher.publish()
    assert [(line["event"], line["correlation_id"], line["events"], line["handled"]) for line in lines] == [
        ("events_published", "cid-1", ["1 SAGA_STARTED", "2 SAGA_COMPLETED"], 2)
    ]


def test_a_failing_subscriber_is_logged_and_disturbs_nobody() -> None:
    dispatcher, heard = EventDispatcher(), []  # type: ignore[var-annotated]

    def fails(one: SagaEvent) -> None:
        raise RuntimeError("no")

    dispatcher.subscribe("SAGA_STARTED", fails)
    dispatcher.subscribe("SAGA_STARTED", heard.append)
    with capture_logs() as logged:
        dispatcher.publish(event())
    assert len(heard) == 1
    (line,) = [entry for entry in logged if entry["event"] == "event_handler_failed"]
    assert (line["correlation_id"], line["event_type"]) == ("cid-1", "SAGA_STARTED")


def test_a_subscriber_may_subscribe_unsubscribe_and_publish_itself() -> None:
    dispatcher, heard = EventDispatcher(), []  # type: ignore[var-annotated]

    def once(one: SagaEvent) -> None:
        dispatcher.unsubscribe("SAGA_STARTED", once)
        dispatcher.subscribe("SAGA_COMPLETED", heard.append)
        dispatcher.publish(event("SAGA_COMPLETED", sequence=2))

    dispatcher.subscribe("SAGA_STARTED", once)
    dispatcher.publish(event())
    dispatcher.publish(event())
    assert [one.sequence for one in heard] == [2]


def test_the_history_is_bounded_in_order_and_filtered_by_saga() -> None:
    dispatcher = EventDispatcher(history=3)
    for sequence in range(1, 5):
        dispatcher.publish(event(cid=f"cid-{sequence % 2}", sequence=sequence))
    assert [one.sequence for one in dispatcher.get_event_history()] == [2, 3, 4]
    assert [one.sequence for one in dispatcher.get_event_history("cid-0")] == [2, 4]
    assert dispatcher.get_event_history("unknown") == []


def test_the_history_is_a_copy() -> None:
    dispatcher = EventDispatcher()
    dispatcher.get_event_history().append(event())
    assert dispatcher.get_event_history() == []


def test_many_threads_publish_and_subscribe_at_once() -> None:
    dispatcher, heard = EventDispatcher(), []  # type: ignore[var-annotated]
    dispatcher.subscribe(ALL, heard.append)

    def work() -> None:
        for sequence in range(100):
            listener = list[SagaEvent]().append
            dispatcher.subscribe("SAGA_STARTED", listener)
            dispatcher.publish(event(sequence=sequence))
            dispatcher.unsubscribe("SAGA_STARTED", listener)

    at_once(*[work] * 8)
    assert len(heard) == len(dispatcher.get_event_history()) == 800


def test_an_event_on_the_wire() -> None:
    one = event()
    assert one.to_dict() == {
        "event_id": one.event_id,
        "event_type": "SAGA_STARTED",
        "correlation_id": "cid-1",
        "sequence": 1,
        "timestamp": one.timestamp.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "data": {},
    }


# The publisher


class Gate:
    """A subscriber that hangs until it is let go."""

    def __init__(self) -> None:
        self.reached, self.open, self.heard = threading.Event(), threading.Event(), []  # type: ignore[var-annotated]

    def __call__(self, one: SagaEvent) -> None:
        self.reached.set()
        assert self.open.wait(PATIENCE)
        self.heard.append(one.sequence)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.open.set()


def test_a_hanging_subscriber_blocks_no_saga_and_loses_only_events_over_the_queue(gate: Gate) -> None:
    dispatcher = EventDispatcher()
    dispatcher.subscribe(ALL, gate)
    hand_over = Publisher(dispatcher, size=2)
    hand_over([event(sequence=1)])
    assert gate.reached.wait(PATIENCE)
    with capture_logs() as logged:
        for sequence in (2, 3, 4, 5):
            hand_over([event(sequence=sequence)])
    dropped = [line["sequence"] for line in logged if line["event"] == "event_dropped"]
    assert dropped == [4, 5]
    gate.open.set()
    hand_over.flush()
    assert gate.heard == [1, 2, 3]


def test_flush_waits_for_what_was_handed_over_and_order_is_kept() -> None:
    dispatcher = EventDispatcher()
    hand_over = Publisher(dispatcher)
    hand_over([event(sequence=1), event(sequence=2)])
    hand_over([event(sequence=3)])
    hand_over.flush()
    assert [one.sequence for one in dispatcher.get_event_history()] == [1, 2, 3]


def test_threads_that_begin_publishing_together_start_one_thread() -> None:
    dispatcher = EventDispatcher()
    hand_over = Publisher(dispatcher)
    at_once(*[lambda: hand_over([event()])] * 8)
    hand_over.flush()
    assert len(dispatcher.get_event_history()) == 8


def test_a_booking_is_heard_of_in_process_with_all_its_events_in_order(desk: Desk, world: World) -> None:
    cid = desk.book().json()["correlation_id"]
    publisher.flush()
    heard = event_dispatcher.get_event_history(cid)
    assert [one.sequence for one in heard] == list(range(1, 11))
    assert [one.to_dict() for one in heard] == desk.get(f"/api/saga/events/{cid}/")["events"]
