"""start-booking as a request: deadline, respond-async, Idempotency-Key, overload, errors, and its cost."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.test import Client
from django_sagas import saga_log
from django_sagas.clock import utc_now
from service_kit.testing import callers

from tests.invariants import events_of, rows, sagas
from tests.saga_participants import answers, meanwhile, never_arrives
from tests.saga_world import START, Desk, World, around_statements, at_once, when
from tests.test_saga_scripts import undone

KEY = {"Idempotency-Key": "first-try"}


def stored() -> tuple[int, int]:
    """Sagas that book, and their events."""
    booked = sagas()
    return len(booked), sum(len(events_of(saga["correlation_id"])) for saga in booked)


# What became of a start-booking whose answer was lost


def listed(desk: Desk, **query: str) -> list[str]:
    answer = desk.client.get("/api/saga/", query)
    assert answer.status_code == 200
    return [saga["correlation_id"] for saga in answer.json()["results"]]


def test_saga_of_an_idempotency_key_is_found_by_its_user_only(desk: Desk) -> None:
    cid = desk.book(headers=KEY).json()["correlation_id"]
    desk.book(headers={"Idempotency-Key": "second-try"})
    assert listed(desk, user_id="1", idempotency_key="first-try") == [cid]
    assert listed(desk, user_id="2", idempotency_key="first-try") == []
    assert listed(desk, user_id="1", idempotency_key="never-sent") == []


def test_foreign_idempotency_key_is_a_404_outside_demo_mode(desk: Desk, settings: LazySettings) -> None:
    desk.book(headers=KEY)
    settings.DEMO_MODE = False
    token = callers.user_token(user_id="2", role="traveller", audience="backend")
    query = {"user_id": "1", "idempotency_key": "first-try"}
    answer = desk.client.get("/api/saga/", query, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"idempotency_key": "first-try"}, "user_id"),
        ({"user_id": "1", "idempotency_key": "two words"}, "idempotency_key"),
        ({"user_id": "1", "idempotency_key": ""}, "idempotency_key"),
    ],
)
def test_idempotency_key_is_asked_about_with_its_user(desk: Desk, query: dict[str, str], field: str) -> None:
    answer = desk.client.get("/api/saga/", query)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


# Accepted, to be worked on elsewhere


@pytest.mark.parametrize("prefer", ["respond-async", "Respond-Async, wait=10", "wait=5; respond-async"])
def test_respond_async_is_accepted_and_recovery_books(desk: Desk, world: World, prefer: str) -> None:
    answer = desk.book(headers={"Prefer": prefer})
    body = answer.json()
    cid = body["correlation_id"]
    assert answer.status_code == 202
    assert body == {
        "correlation_id": cid,
        "status": "PENDING",
        "message": "The booking is being worked on; see its status.",
    }
    assert answer.headers["Location"] == f"/api/saga/status/{cid}/"
    assert world.events(cid) == ["SAGA_STARTED"]
    assert world.seats(cid) == []
    assert world.participants.calls() == []
    assert desk.recover(after=0) == 1
    assert desk.status(cid)["result"]["success"] is True


def test_another_preference_is_not_async(desk: Desk) -> None:
    assert desk.book(headers={"Prefer": "return=minimal"}).status_code == 200


def test_a_request_whose_time_is_used_up_answers_202_and_its_saga_goes_on(
    desk: Desk, world: World, settings: LazySettings
) -> None:
    settings.SAGA_REQUEST_DEADLINE = 0.0
    answer = desk.book()
    cid = answer.json()["correlation_id"]
    assert (answer.status_code, world.participants.calls()) == (202, [])
    saga = world.row(cid)
    assert (saga.owner, saga.due_at is not None) == ("", True)
    desk.recover(after=0)
    assert world.row(cid).status == "COMPLETED"


def test_a_call_gets_what_is_left_of_the_requests_time(world: World) -> None:
    given: list[float] = []

    class Timed:
        def call(self, call: Any, *, timeout: float) -> Any:
            given.append(round(timeout, 3))
            world.clock.advance(6)
            return world.participants.call(call, timeout=timeout)

    made = world.new_saga()
    deadline = world.clock() + timedelta(seconds=10)
    saga = world.orchestrator(participants=Timed()).start(made, deadline=deadline)
    assert given == [8.0, 4.0]
    assert saga is not None and saga.status == "RUNNING"
    assert world.statuses(saga.correlation_id) == ["DONE", "DONE", "DONE", "PENDING"]


def test_a_deadline_that_passed_before_the_call_is_unknown_and_nothing_is_sent(world: World) -> None:
    made = world.new_saga()

    def late(events: Any) -> None:
        world.clock.advance(11)

    deadline = world.clock() + timedelta(seconds=10)
    saga = world.orchestrator(publish=late).start(made, deadline=deadline)
    assert saga is not None
    assert world.statuses(saga.correlation_id)[1] == "UNKNOWN"
    assert world.participants.calls() == []


# Idempotency-Key


def test_a_repeat_gets_the_same_saga(desk: Desk, world: World) -> None:
    first, second = desk.book(headers=KEY), desk.book(headers=KEY)
    assert (second.status_code, second.content) == (200, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(sagas()) == 1
    assert world.participants.calls() == ["AuthorizePayment", "AwardMiles"]


def test_a_repeat_after_a_failure_gets_the_same_failure(desk: Desk, world: World) -> None:
    first = desk.book(headers=KEY, payment={"card_token": "tok_declined"})
    second = desk.book(headers=KEY, payment={"card_token": "tok_declined"})
    assert (second.status_code, second.content) == (200, first.content)
    assert len(sagas()) == 1


@pytest.mark.parametrize(
    "change", [{"seat_class": "business"}, {"expected_amount": 450}, {"payment": {"card_token": "tok_other"}}]
)
def test_the_same_key_with_another_body_is_422(desk: Desk, change: dict[str, Any]) -> None:
    first = desk.book(headers=KEY)
    second = desk.book(headers=KEY, **change)
    assert second.status_code == 422
    assert second.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert second.json()["correlation_id"] == first.json()["correlation_id"]
    assert len(sagas()) == 1


def test_unknown_fields_and_headers_are_no_other_body(desk: Desk) -> None:
    first = desk.book(headers=KEY)
    second = desk.book(headers={**KEY, "X-Correlation-ID": "other", "Prefer": "respond-async"}, colour="red")
    assert second.content == first.content


def test_a_key_belongs_to_its_user(desk: Desk) -> None:
    first, second = desk.book(headers=KEY), desk.book(headers=KEY, user_id="2")
    assert first.json()["correlation_id"] != second.json()["correlation_id"]
    assert desk.book(headers=KEY, user_id=1).content == first.content


def test_without_a_key_every_post_is_a_new_saga(desk: Desk) -> None:
    assert desk.book().json()["correlation_id"] != desk.book().json()["correlation_id"]


def test_a_repeat_after_a_cancellation_says_that_it_is_cancelled(desk: Desk) -> None:
    first = desk.book(headers=KEY).json()
    desk.post(f"/api/bookings/{first['booking_reference']}/cancel/")
    repeat = desk.book(headers=KEY)
    assert repeat.status_code == 200
    assert repeat.json() == {
        "success": False,
        "correlation_id": first["correlation_id"],
        "status": "COMPENSATED",
        "message": f"Booking {first['booking_reference']} was cancelled and everything was undone; "
        "nothing is charged.",
        "steps_completed": 4,
        "booking_reference": first["booking_reference"],
        "failed_step": None,
        "error": "The booking was cancelled.",
        "error_code": "CANCELLED_BY_USER",
        "compensation_result": undone("ConfirmBooking", "AwardMiles", "AuthorizePayment", "ReserveSeat"),
        "refund": 450.0,
        "fee": 0.0,
        "miles": 400,
    }
    assert desk.status(first["correlation_id"])["result"] == repeat.json()


def test_a_repeat_while_it_is_being_cancelled_promises_nothing(desk: Desk, world: World) -> None:
    first = desk.book(headers=KEY).json()
    world.participants.always("ReverseMiles", never_arrives)
    desk.post(f"/api/bookings/{first['booking_reference']}/cancel/")
    repeat = desk.book(headers=KEY).json()
    assert (repeat["success"], repeat["status"]) == (False, "COMPENSATING")
    assert repeat["message"] == (
        f"Booking {first['booking_reference']} was cancelled; what it took is being given back."
    )
    assert repeat["compensation_result"] == undone("ConfirmBooking")


def test_a_repeat_while_a_failed_booking_is_undone_says_neither_success_nor_that_it_is_done(
    desk: Desk, world: World
) -> None:
    world.participants.always("CancelPayment", never_arrives)
    for _ in range(2):
        answer = desk.book(headers=KEY, simulate_awardmiles_fail=True)
        assert answer.status_code == 202
        assert answer.json() == {
            "correlation_id": answer.json()["correlation_id"],
            "status": "COMPENSATING",
            "message": "The booking failed; what it took is being given back.",
        }


def test_a_repeat_while_the_first_still_runs_gets_its_202(desk: Desk, world: World) -> None:
    during: list[Any] = []
    world.participants.then("AwardMiles", meanwhile(lambda: during.append(desk_of(world).book(headers=KEY))))
    first = desk.book(headers=KEY)
    (second,) = during
    assert second.status_code == 202
    assert second.json()["status"] == "RUNNING"
    assert second.json()["correlation_id"] == first.json()["correlation_id"]
    assert first.json()["status"] == "COMPLETED"


def desk_of(world: World) -> Desk:
    """Another client of the same backend."""
    return Desk(world, Client())


def test_a_race_of_threads_with_one_key_makes_one_saga(desk: Desk, world: World) -> None:
    answers_of = at_once(*[lambda: desk_of(world).book(headers=KEY)] * 6)
    assert {answer.status_code for answer in answers_of} <= {200, 202}
    assert len({answer.json()["correlation_id"] for answer in answers_of}) == 1
    assert stored()[0] == 1
    world.settle()
    assert len(rows("SELECT 1 FROM flight_booking")) == 1


def test_a_twin_that_was_faster_between_look_and_insert_wins(desk: Desk, world: World) -> None:
    twin: list[Any] = []

    def overtake(sql: str) -> None:
        if "idempotency_scope = " in sql and not twin:
            twin.append(None)
            twin[0] = desk_of(world).book(headers=KEY)

    with around_statements(after=overtake):
        late = desk.book(headers=KEY)
    assert late.json() == twin[0].json()
    assert late.headers["Idempotent-Replayed"] == "true"
    assert len(sagas()) == 1
    assert world.participants.calls() == ["AuthorizePayment", "AwardMiles"]


def test_a_twin_that_was_faster_wins_over_an_accepted_booking_too(desk: Desk, world: World) -> None:
    twin: list[Any] = []

    def overtake(sql: str) -> None:
        if "idempotency_scope = " in sql and not twin:
            twin.append(None)
            twin[0] = desk_of(world).book(headers=KEY)

    with around_statements(after=overtake):
        late = desk.book(headers={**KEY, "Prefer": "respond-async"})
    assert late.json() == twin[0].json()
    assert len(sagas()) == 1


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "ümlaut", "tab\t"])
def test_a_key_that_is_no_key_is_400_and_nothing_is_stored(desk: Desk, key: str) -> None:
    answer = desk.book(headers={"Idempotency-Key": key})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["Idempotency-Key"])
    assert stored() == (0, 0)


# Refused before anything is written


def test_overload_is_503_before_anything_is_written(desk: Desk, settings: LazySettings) -> None:
    settings.SAGA_MAX_RUNNING = 0
    answer = desk.book(headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (503, "OVERLOADED")
    assert int(answer.headers["Retry-After"]) >= 1
    assert stored() == (0, 0)
    settings.SAGA_MAX_RUNNING = 1000
    assert desk.book(headers=KEY).status_code == 200


def test_overload_does_not_refuse_a_repeat(desk: Desk, settings: LazySettings) -> None:
    first = desk.book(headers=KEY)
    settings.SAGA_MAX_RUNNING = 0
    assert desk.book(headers=KEY).content == first.content


def test_compensating_sagas_do_not_count_as_load(desk: Desk, world: World) -> None:
    world.participants.always("CancelPayment", answers(503))
    desk.book(simulate_awardmiles_fail=True)
    world.participants.always("AuthorizePayment", never_arrives)
    desk.book()
    desk.book(headers={"Prefer": "respond-async"})
    assert saga_log.count_running(utc_now()) == 2


@pytest.mark.parametrize(
    ("change", "status", "fields"),
    [
        ({"flight_id": 999_999}, 404, None),
        ({"seat_class": "first"}, 400, ["seat_class"]),
        ({"seat_class": "roof"}, 400, ["seat_class"]),
        ({"passengers": []}, 400, ["passengers"]),
        ({"user_id": None, "flight_id": "1"}, 400, ["flight_id", "user_id"]),
        ({"expected_amount": "450"}, 400, ["expected_amount"]),
        ({"simulate_reserveseat_fail": "yes"}, 400, ["simulate_reserveseat_fail"]),
        ({"seat_numbers": ["12A"]}, 400, ["seat_numbers"]),
    ],
)
def test_a_bad_request_starts_no_saga_and_its_key_stays_free(
    desk: Desk, change: dict[str, Any], status: int, fields: list[str] | None
) -> None:
    answer = desk.book(headers=KEY, **change)
    assert answer.status_code == status
    assert fields is None or sorted(answer.json()["errors"]) == fields
    assert stored() == (0, 0)
    assert desk.book(headers=KEY).status_code == 200


def test_an_empty_choice_of_seats_leaves_the_choice_to_the_service(desk: Desk) -> None:
    answer = desk.book(seat_numbers=[])
    assert (answer.status_code, answer.json()["seats_reserved"]) == (200, 2)


# Outside demo mode


@pytest.fixture
def live(settings: LazySettings) -> dict[str, str]:
    """Not in demo mode, and the traveller with user id 1 is logged in."""
    settings.DEMO_MODE = False
    token = callers.user_token(user_id="1", role="traveller", audience="backend")
    return {"Authorization": f"Bearer {token}"}


def test_outside_demo_mode_a_booking_needs_its_user(desk: Desk, live: dict[str, str]) -> None:
    assert desk.book().status_code == 401
    assert desk.book(headers=live, user_id="2").status_code == 403
    for asked in ({"simulate_awardmiles_fail": True}, {"simulate_wait": 1}):
        assert desk.book(headers=live, **asked).status_code == 403
    assert stored() == (0, 0)
    assert desk.book(headers=live).status_code == 200


# What it costs


def ran_by(desk: Desk, **how: Any) -> list[str]:
    """The verbs of what SQLite ran for one booking, apart from BEGIN, and from the looks at faults and at
    the number of sagas, which are due by the clock."""
    desk.book(**how)
    ran: list[str] = []
    connection.connection.set_trace_callback(ran.append)
    assert desk.book(**how).status_code == 200
    connection.connection.set_trace_callback(None)
    own = [sql for sql in ran if "guard_fault" not in sql and "COUNT(*)" not in sql]
    return [verb for sql in own if (verb := sql.split()[0].upper()) != "BEGIN"]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's driver shows each statement it runs")
def test_a_booking_costs_three_commits_and_at_most_fourteen_statements(desk: Desk, world: World) -> None:
    world.participants.watch = lambda received: None  # It reads the database too.
    verbs = ran_by(desk)
    assert verbs.count("COMMIT") == 3
    assert len(verbs) - 3 <= 14, "\n".join(verbs)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="SQLite's driver shows each statement it runs")
def test_outside_demo_mode_the_limits_cost_a_booking_one_commit_and_one_look(
    desk: Desk, world: World, live: dict[str, str], settings: LazySettings
) -> None:
    world.participants.watch = lambda received: None
    counted = ran_by(desk, headers=live)
    settings.DEMO_MODE = True
    free = ran_by(desk)
    # Besides, one look at what the caller has under way.
    looks = [place for place, verb in enumerate(counted) if verb == "SELECT"]
    assert counted[:2] == ["INSERT", "COMMIT"]
    assert any(counted[2:place] + counted[place + 1 :] == free for place in looks)


# The database does not answer


@pytest.mark.parametrize("fragment", ["INSERT INTO sagas_saga (", "INSERT INTO flight_seat"])
def test_a_database_that_is_busy_before_the_first_commit_is_503_and_nothing_is_stored(
    desk: Desk, fragment: str
) -> None:
    with around_statements(before=when(fragment, OperationalError("database is locked"))):
        answer = desk.book(headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_BUSY")
    assert "Retry-After" in answer.headers
    assert stored() == (0, 0)
    assert desk.book(headers=KEY).status_code == 200


@pytest.mark.parametrize("times", [1, 1000], ids=["once", "for good"])
def test_a_database_that_goes_away_after_the_first_commit_is_202_with_the_sagas_id(
    desk: Desk, world: World, times: int
) -> None:
    with around_statements(before=when("UPDATE sagas_saga", OperationalError("disk full"), times=times)):
        answer = desk.book(headers=KEY)
    cid = answer.json()["correlation_id"]
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/saga/status/{cid}/")
    assert world.row(cid).status == "RUNNING"
    desk.recover()
    assert world.row(cid).status == "COMPLETED"
    assert desk.book(headers=KEY).json()["correlation_id"] == cid


def test_many_threads_on_one_service_all_finish(desk: Desk, world: World) -> None:
    """Nothing waits on its own service over HTTP, so one thread after the other gets its turn.

    Beside other work on the machine the 2 s for the database can run out: a 503, which stored nothing.
    """
    statuses = at_once(*[lambda: desk_of(world).book().status_code] * 20)
    assert len(statuses) == 20 and set(statuses) <= {200, 202, 503}
    assert 200 in statuses and stored()[0] == 20 - statuses.count(503)


def test_start_booking_answers_get_with_405(desk: Desk) -> None:
    answer = desk.client.get(START)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST, OPTIONS")


# Fields that are not served


@pytest.mark.parametrize(
    "asked",
    [
        {"flight_id_2": 2},
        {"return_flight_id": 2},
        {"seat_numbers_2": ["12A"]},
        {"seat_clas": "first"},
        {"total_price": 1},
    ],
)
def test_a_body_that_asks_for_what_is_not_done_starts_no_saga(
    desk: Desk, world: World, asked: dict[str, Any]
) -> None:
    answer = desk.book(**asked)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, list(asked))
    assert stored() == (0, 0) and not world.participants.received


def test_a_near_miss_of_a_known_name_is_hinted_at_and_strict_handling_refuses_it(desk: Desk) -> None:
    lenient = desk.book(expected_amout=450)
    assert (lenient.status_code, lenient.json()["success"]) == (200, True)
    hint = "expected_amout is not a known field; did you mean expected_amount?"
    assert lenient["Warning"] == f'299 - "{hint}"'
    strict = desk.book(expected_amout=450, headers={"Prefer": "handling=strict"})
    assert (strict.status_code, list(strict.json()["errors"])) == (400, ["expected_amout"])
    assert not desk.book(headers={"Prefer": "handling=strict"}).has_header("Warning")


def test_a_direct_call_leaves_no_saga_and_its_404_says_so(desk: Desk) -> None:
    body = {"correlation_id": "direct-1", "booking_data": desk.world.body()}
    assert desk.post("/api/saga/reserve-seat/", body).status_code == 200
    for read in ("status", "events"):
        answer = desk.client.get(f"/api/saga/{read}/direct-1/")
        assert answer.status_code == 404 and "Steps called directly belong to none" in answer.json()["detail"]
