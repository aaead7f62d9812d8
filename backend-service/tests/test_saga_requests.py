"""start-booking as a request: what it refuses before anything is written, and what it costs."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection
from django_sagas import saga_log
from django_sagas.clock import utc_now
from service_kit.testing import callers

from tests.invariants import stored
from tests.saga_participants import answers, never_arrives
from tests.saga_world import KEY, START, Desk, World

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
