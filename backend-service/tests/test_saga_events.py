"""Events: published in process at best effort, kept as rows for good, and read in order."""

import threading
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import LazySettings
from django_sagas.clock import utc_now
from django_sagas.events import ALL, EventDispatcher, EventType, SagaEvent, event_dispatcher
from django_sagas.models import SagaEventRow
from django_sagas.publisher import Publisher, publisher
from django_sagas.transition import Transition
from service_kit.testing import callers
from structlog.testing import capture_logs

from tests.invariants import rows
from tests.saga_participants import answers, never_arrives
from tests.saga_world import Desk, World, at_once
from tests.test_saga_scripts import FORWARD

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


# The events endpoint


def events(desk: Desk, cid: str, query: str = "") -> list[dict[str, Any]]:
    answer = desk.get(f"/api/saga/events/{cid}/{query}")
    assert answer["correlation_id"] == cid
    found: list[dict[str, Any]] = answer["events"]
    return found


def test_events_are_read_in_order_each_once(desk: Desk, world: World) -> None:
    cid = desk.book().json()["correlation_id"]
    every = events(desk, cid)
    assert [one["sequence"] for one in every] == list(range(1, len(FORWARD) + 1))
    assert {one["correlation_id"] for one in every} == {cid}
    assert len({one["event_id"] for one in every}) == len(every)
    assert {frozenset(one) for one in every} == {
        frozenset(("event_id", "event_type", "correlation_id", "data", "timestamp", "sequence"))
    }
    pieces = [piece for after in range(0, 12, 3) for piece in events(desk, cid, f"?after={after}")[:3]]
    assert pieces == every


def test_events_after_the_last_one_are_none(desk: Desk) -> None:
    cid = desk.book().json()["correlation_id"]
    assert events(desk, cid, f"?after={len(FORWARD)}") == []
    assert events(desk, cid, "?after=2147483647") == []


def test_more_events_than_a_page_holds_are_all_read_by_following_next(desk: Desk) -> None:
    cid = desk.book().json()["correlation_id"]
    last, many = len(FORWARD), 2100
    rows = [
        SagaEventRow(
            correlation_id=cid,
            sequence=number,
            event_id=f"event-{number}",
            event_type="SAGA_COMPENSATION_FAILED",
            data="{}",
            timestamp=utc_now(),
        )
        for number in range(last + 1, many + 1)
    ]
    SagaEventRow.objects.bulk_create(rows)
    path, found, pages = f"/api/saga/events/{cid}/", [], 0
    while path:
        page = desk.get(path)
        found += [one["sequence"] for one in page["events"]]
        path, pages = page["next"], pages + 1
    assert (found, pages) == (list(range(1, many + 1)), 3)
    SagaEventRow.objects.filter(correlation_id=cid, sequence__gt=last).delete()


def test_every_event_type_is_one_that_the_list_names(desk: Desk, world: World) -> None:
    """`EventType` is what emits, describes and is compared with the pages."""
    world.participants.then("AuthorizePayment", never_arrives)
    desk.book(simulate_confirmbooking_fail=True)
    desk.book(simulate_awardmiles_fail=True)
    world.settle()
    found = {row["event_type"] for row in rows("SELECT DISTINCT event_type FROM sagas_event")}
    assert found <= set(EventType)
    with pytest.raises(AttributeError):
        Transition(world.new_saga(), owner="", now=world.clock()).emit("SAGA_MADE_UP")  # type: ignore[arg-type]


STEP_LINES = {
    "simulate_confirmbooking_fail": [
        ("ReserveSeat", None, "DONE", None),
        ("AuthorizePayment", None, "DONE", None),
        ("AwardMiles", None, "DONE", None),
        ("ConfirmBooking", None, "REFUSED", "SIMULATED_FAILURE"),
        ("AwardMiles", "ReverseMiles", "UNDONE", None),
        ("AuthorizePayment", "CancelPayment", "UNDONE", None),
        ("ReserveSeat", "CancelSeat", "UNDONE", None),
    ],
    "simulate_authorizepayment_fail": [
        ("ReserveSeat", None, "DONE", None),
        ("AuthorizePayment", None, "REFUSED", "SIMULATED_FAILURE"),
        ("ReserveSeat", "CancelSeat", "UNDONE", None),
    ],
}


def lines_of(logged: Any, cid: str) -> list[tuple[str, str | None, str, str | None]]:
    return [
        (line["step"], line.get("compensation"), line["outcome"], line.get("error_code"))
        for line in logged
        if line["event"] == "saga_step" and line["correlation_id"] == cid
    ]


@pytest.mark.parametrize("switch", STEP_LINES)
def test_every_step_failure_and_compensation_is_a_line_in_the_log(desk: Desk, switch: str) -> None:
    with capture_logs() as logged:
        cid = desk.book(**{switch: True}).json()["correlation_id"]
    assert lines_of(logged, cid) == STEP_LINES[switch]


def test_an_unknown_try_and_a_failed_compensation_are_lines_in_the_log(desk: Desk, world: World) -> None:
    world.participants.then("AwardMiles", answers(503))
    world.participants.then("CancelPayment", answers(400, {"code": "INVALID", "detail": "Bad."}))
    with capture_logs() as logged:
        cid = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
        desk.recover()
    told = lines_of(logged, cid)
    assert ("AwardMiles", None, "UNKNOWN", "UNKNOWN") in told
    assert ("AuthorizePayment", "CancelPayment", "NOT_UNDONE", "INVALID") in told


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "", "2147483648", "99999999999999", "٣"])
def test_after_must_be_a_sequence_number(desk: Desk, after: str) -> None:
    cid = desk.book().json()["correlation_id"]
    answer = desk.client.get(f"/api/saga/events/{cid}/", {"after": after})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["after"])


@pytest.mark.parametrize("what", ["status", "events"])
def test_no_such_saga_is_404(desk: Desk, what: str) -> None:
    assert desk.client.get(f"/api/saga/{what}/no-such-saga/").status_code == 404


@pytest.mark.parametrize("what", ["status", "events"])
def test_another_users_saga_is_the_same_404(desk: Desk, settings: LazySettings, what: str) -> None:
    cid = desk.book().json()["correlation_id"]
    settings.DEMO_MODE = False

    def by(user_id: str, role: str, which: str = cid) -> Any:
        token = callers.user_token(user_id=user_id, role=role, audience="backend")
        path = f"/api/saga/{what}/{which}/"
        return desk.client.get(path, headers={"Authorization": f"Bearer {token}"})

    assert by("1", "traveller").status_code == 200
    assert by("9", "operator").status_code == 200
    foreign, missing = by("2", "traveller"), by("2", "traveller", "no-such-saga")
    assert (foreign.status_code, foreign.json()) == (404, missing.json())
    settings.DEMO_MODE = True


# The status


def test_the_status_of_a_complete_saga(desk: Desk, world: World) -> None:
    result = desk.book().json()
    status = desk.status(result["correlation_id"])
    assert status["result"] == result
    assert {
        name: status[name] for name in ("status", "reason", "needs_attention", "next_attempt_at", "owner")
    } == {
        "status": "COMPLETED",
        "reason": None,
        "needs_attention": False,
        "next_attempt_at": None,
        "owner": None,
    }
    assert status["booking_reference"] == result["booking_reference"]
    assert status["created_at"] <= status["finished_at"]
    assert [(step["name"], step["status"], step["attempts"]) for step in status["steps"]] == [
        ("ReserveSeat", "DONE", 1),
        ("AuthorizePayment", "DONE", 1),
        ("AwardMiles", "DONE", 1),
        ("ConfirmBooking", "DONE", 1),
    ]
    assert all(step["started_at"] and step["finished_at"] and not step["error"] for step in status["steps"])


def test_the_status_of_a_running_saga_has_no_result_and_says_when_it_is_tried_next(
    desk: Desk, world: World
) -> None:
    world.participants.then("AwardMiles", answers(503, b"", Retry_After="9"))
    cid = desk.book().json()["correlation_id"]
    status = desk.status(cid)
    assert "result" not in status
    assert status["finished_at"] is None
    assert status["next_attempt_at"] > status["created_at"]
    award = status["steps"][2]
    assert (award["status"], award["error"], award["finished_at"]) == (
        "UNKNOWN",
        "the participant answered 503",
        None,
    )


def test_the_status_of_a_refused_saga_names_each_steps_state(desk: Desk, world: World) -> None:
    cid = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
    status = desk.status(cid)
    assert [step["status"] for step in status["steps"]] == ["UNDONE", "UNDONE", "REFUSED", "PENDING"]
    assert status["reason"] == "SIMULATED_FAILURE"
    assert status["steps"][2]["error_code"] == "SIMULATED_FAILURE"


# The list


def listed(desk: Desk, query: str = "") -> list[str]:
    return [one["correlation_id"] for one in desk.get(f"/api/saga/{query}")["results"]]


@pytest.fixture
def five(desk: Desk, world: World) -> dict[str, str]:
    """One booking of each kind, oldest first, and the settlement of the complete one."""
    made = {
        "complete": desk.book().json(),
        "compensated": desk.book(simulate_awardmiles_fail=True, user_id="2").json(),
        "accepted": desk.book(headers={"Prefer": "respond-async"}).json(),
    }
    world.participants.then("AuthorizePayment", never_arrives)
    made["running"] = desk.book().json()
    world.participants.always("CancelPayment", answers(400, {"code": "X", "detail": "?"}))
    made["stuck"] = desk.book(simulate_awardmiles_fail=True, user_id="2").json()
    five = {name: body["correlation_id"] for name, body in made.items()}
    return five | {"settles": world.row(five["complete"]).facts["ConfirmBooking"]["settlement"]}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["stuck", "running", "accepted", "compensated", "complete"]),
        ("?definition=book-trip", ["stuck", "running", "accepted", "compensated", "complete"]),
        ("?definition=settle-trip", ["settles"]),
        ("?definition=settle-trip&status=RUNNING", []),
        ("?definition=nobody", []),
        ("?status=COMPLETED", ["complete"]),
        ("?status=COMPENSATED", ["compensated"]),
        ("?status=PENDING", ["accepted", "settles"]),
        ("?status=RUNNING", ["running"]),
        ("?status=COMPENSATING", ["stuck"]),
        ("?needs_attention=true", ["stuck"]),
        ("?needs_attention=false", ["running", "accepted", "compensated", "complete"]),
        ("?user_id=2", ["stuck", "compensated"]),
        ("?user_id=2&status=COMPENSATING", ["stuck"]),
        ("?user_id=3", []),
    ],
)
def test_the_list_is_newest_first_and_filtered(
    desk: Desk, five: dict[str, str], query: str, names: list[str]
) -> None:
    assert listed(desk, query) == [five[name] for name in names]


def test_created_after_is_strict_and_takes_any_offset(desk: Desk, world: World, five: dict[str, str]) -> None:
    moment = world.row(five["accepted"]).created_at
    later = [five["stuck"], five["running"]]
    for text in (moment.isoformat(), (moment + timedelta(0)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")):
        answer = desk.client.get("/api/saga/", {"created_after": text})
        assert [one["correlation_id"] for one in answer.json()["results"]] == later
    assert listed(desk, f"?created_after={moment.isoformat()}") == later  # The plus was not escaped.


def test_sagas_are_found_by_the_beginning_of_their_id(desk: Desk, five: dict[str, str]) -> None:
    wanted = five["stuck"]
    for length in (8, 9, 20, 36):
        found = listed(desk, f"?id_prefix={wanted[:length]}")
        assert found == [one for one in listed(desk) if one.startswith(wanted[:length])]
        assert wanted in found
    assert listed(desk, "?id_prefix=ffffffff-ffff") == []


def test_pages_follow_each_other_and_keep_the_filters(desk: Desk, five: dict[str, str]) -> None:
    path, seen = "/api/saga/?limit=2&needs_attention=false&definition=book-trip", []
    for _ in range(10):
        page = desk.get(path)
        seen += [one["correlation_id"] for one in page["results"]]
        if page["next"] is None:
            break
        path = page["next"]
        assert parse_qs(urlsplit(path).query)["needs_attention"] == ["false"]
    assert seen == [five[name] for name in ("running", "accepted", "compensated", "complete")]


def test_a_new_saga_between_two_pages_shifts_nothing(desk: Desk, five: dict[str, str]) -> None:
    first = desk.get("/api/saga/?limit=3&definition=book-trip")
    desk.book()
    second = desk.get(first["next"])
    seen = [one["correlation_id"] for one in first["results"] + second["results"]]
    assert seen == [five[name] for name in ("stuck", "running", "accepted", "compensated", "complete")]


def test_the_list_shows_the_outline_of_each(desk: Desk, five: dict[str, str]) -> None:
    (one,) = desk.get("/api/saga/?status=COMPLETED")["results"]
    assert "result" not in one
    assert one["steps"][0] == {
        "name": "ReserveSeat",
        "compensation": "CancelSeat",
        "status": "DONE",
        "title": "Seats held",
        "error": None,
        "error_code": None,
    }
    assert one["amount"] == 450.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "DONE"),
        ("needs_attention", "maybe"),
        ("user_id", "a b"),
        ("created_after", "yesterday"),
        ("id_prefix", "abc"),
        ("definition", "Book Trip"),
        ("id_prefix", "ABCD"),
        ("id_prefix", "%%%%"),
        ("limit", "0"),
        ("limit", "201"),
        ("cursor", "???"),
        ("cursor", "AAAA"),
        # A moment outside the calendar: it was a 500.
        ("cursor", b64encode(b"0001-01-01T00:00:00+14:00 x").decode()),
        ("cursor", "ü"),
    ],
)
def test_a_filter_that_says_nothing_is_400(desk: Desk, name: str, value: str) -> None:
    answer = desk.client.get("/api/saga/", {name: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


@pytest.mark.parametrize(
    ("user", "role", "query", "status"),
    [
        ("1", "traveller", "", 404),
        ("1", "traveller", "?user_id=2", 404),
        ("1", "traveller", "?user_id=1", 200),
        ("9", "operator", "", 200),
        ("9", "auditor", "", 200),
    ],
)
def test_outside_demo_mode_one_sees_ones_own_list(
    desk: Desk, settings: LazySettings, user: str, role: str, query: str, status: int
) -> None:
    desk.book()
    settings.DEMO_MODE = False
    token = callers.user_token(user_id=user, role=role, audience="backend")
    answer = desk.client.get(f"/api/saga/{query}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status
    assert desk.client.get("/api/saga/").status_code == 401
    settings.DEMO_MODE = True
