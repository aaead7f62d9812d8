"""A trip of several flights by direct calls."""

import json
from typing import Any

import pytest
from pytest_django import Settings
from service_kit.testing.calls import envelope, post, snapshot
from service_kit.testing.protocol import assert_done, assert_problem, assert_refused

from flight.models import Booking, Flight, SeatState, Ticket
from tests.conftest import OwnSeats
from tests.invariants import rows
from tests.step_pairs import (
    CANCEL_SEAT,
    CONFIRM,
    JANE,
    JOHN,
    RESERVE,
    booking,
    confirm,
    confirm_trip,
    held_seats,
    reserve,
    reserve_trip,
    sold_seats,
    trip_of,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE = True


def test_reservation_of_a_trip_answers_what_was_held_on_each_flight(trip: list[Flight]) -> None:
    wanted = [{"flight_id": trip[0].id, "seat_numbers": ["14A", "9B"]}, {"flight_id": trip[2].id}]
    body = assert_done(reserve_trip(trip, "test-1", people=2, flights=wanted), "test-1")
    assert (body["seats_reserved"], body["seat_numbers"]) == (4, ["14A", "9B", "4A", "4B"])
    assert body["flight"]["id"] == trip[0].id
    assert [(one["flight_id"], one["seat_class"], one["seat_numbers"]) for one in body["flights"]] == [
        (trip[0].id, "economy", ["14A", "9B"]),
        (trip[2].id, "economy", ["4A", "4B"]),
    ]
    assert held_seats("test-1") == 4


def test_a_seat_taken_on_the_second_flight_leaves_none_on_the_first(
    trip: list[Flight], own_seats: OwnSeats
) -> None:
    own_seats(trip[1], "12A", state=SeatState.SOLD)
    wanted = [{"flight_id": flight.id, "seat_numbers": ["12A"]} for flight in trip]
    answer = reserve_trip(trip, "test-1", flights=wanted)
    assert_refused(answer, "test-1", "SEAT_UNAVAILABLE")
    assert answer.json()["error"] == "Seat 12A of flight ZZ102 is taken."
    assert held_seats("test-1") == 0


def test_flights_that_do_not_connect_are_400_and_store_nothing(trip: list[Flight]) -> None:
    before = snapshot()
    answer = reserve_trip([trip[1], trip[0]], "test-1")
    assert_problem(answer, 400, "INVALID", "test-1")
    assert list(answer.json()["errors"]) == ["booking_data.flights[1].flight_id"]
    assert snapshot() == before
    assert_done(reserve_trip(trip[:2], "test-1"), "test-1")


@pytest.mark.parametrize("path", [RESERVE, CONFIRM])
def test_both_forms_at_once_are_400(trip: list[Flight], path: str) -> None:
    body = trip_of(trip, flight_id=trip[0].id)
    answer = post(path, envelope("test-1", body))
    assert_problem(answer, 400, "INVALID", "test-1")
    assert list(answer.json()["errors"]) == ["booking_data.flight_id"]


@pytest.mark.parametrize("path", [RESERVE, CONFIRM])
def test_neither_form_is_400(trip: list[Flight], path: str) -> None:
    body = {name: value for name, value in trip_of(trip).items() if name != "flights"}
    answer = post(path, envelope("test-1", body))
    assert_problem(answer, 400, "INVALID", "test-1")
    assert answer.json()["errors"] == {"booking_data.flight_id": "is required"}


def test_confirmation_of_a_trip_answers_a_ticket_for_each_passenger_and_flight(trip: list[Flight]) -> None:
    wanted = [{"flight_id": trip[0].id, "seat_numbers": ["14A", "9B"]}, {"flight_id": trip[1].id}]
    both = {"passengers": [JOHN, JANE], "flights": wanted}
    reserve_trip(trip, "test-1", **both)
    body = assert_done(confirm_trip(trip, "test-1", **both), "test-1")
    assert [(one["flight_number"], one["passenger"], one["seat_number"]) for one in body["tickets"]] == [
        ("ZZ101", "John Doe", "14A"),
        ("ZZ101", "Jane Doe", "9B"),
        ("ZZ102", "John Doe", "4A"),
        ("ZZ102", "Jane Doe", "4B"),
    ]
    kept = Ticket.objects.order_by("segment", "passenger")
    assert list(kept.values_list("flight_id", "segment", "passenger", "first_name")) == [
        (trip[0].id, 1, 1, "John"),
        (trip[0].id, 1, 2, "Jane"),
        (trip[1].id, 2, 1, "John"),
        (trip[1].id, 2, 2, "Jane"),
    ]
    assert (Booking.objects.get().flight_id, sold_seats("test-1")) == (trip[0].id, 4)


def test_confirming_a_part_of_a_trip_is_refused(trip: list[Flight]) -> None:
    reserve_trip(trip, "test-1")
    assert_refused(confirm(trip[0], "test-1"), "test-1", "SEAT_NOT_HELD")
    assert (held_seats("test-1"), sold_seats("test-1")) == (3, 0)


def test_confirming_more_than_was_reserved_is_refused(trip: list[Flight]) -> None:
    reserve(trip[0], "test-1", people=3)
    assert_refused(confirm_trip(trip, "test-1", people=1), "test-1", "SEAT_NOT_HELD")
    assert held_seats("test-1") == 3


def test_cancelled_seats_of_a_trip_are_all_released(trip: list[Flight]) -> None:
    reserve_trip(trip, "test-1", people=2)
    assert assert_done(post(CANCEL_SEAT, envelope("test-1")), "test-1")["seats_released"] == 6
    assert held_seats("test-1") == 0


def test_a_hold_of_an_earlier_release_is_confirmed(flight: Flight) -> None:
    """Its record says nothing of `flights`."""
    reserve(flight, "test-1", passengers=[JOHN, JANE], seat_numbers=["14A", "9B"])
    (record,) = rows("SELECT answer FROM guard_step_record")
    answer: dict[str, Any] = json.loads(record["answer"])
    del answer["flights"]
    rows("UPDATE guard_step_record SET answer = %s RETURNING step", json.dumps(answer))
    tickets = confirm(flight, "test-1", passengers=[JOHN, JANE]).json()["tickets"]
    assert [(one["passenger"], one["seat_number"], one["flight_number"]) for one in tickets] == [
        ("John Doe", "14A", "ZZ101"),
        ("Jane Doe", "9B", "ZZ101"),
    ]


def test_one_flight_is_the_same_call_in_either_form(flight: Flight) -> None:
    first = reserve(flight, "test-1")
    assert post(RESERVE, envelope("test-1", booking(flight))).content == first.content
    repeat = reserve_trip([flight], "test-1")
    assert (repeat.content, repeat["Idempotent-Replayed"]) == (first.content, "true")
