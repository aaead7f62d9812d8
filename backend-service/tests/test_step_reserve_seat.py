"""Reserving and cancelling seats by direct calls."""

import re
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from pytest_django import Settings
from service_kit.testing.calls import at_once, envelope, post, snapshot
from service_kit.testing.protocol import assert_done, assert_problem, assert_refused

from flight.models import Flight, Seat, SeatState
from tests.conftest import MakeFlight, OwnSeats
from tests.step_pairs import CANCEL_SEAT, JANE, JOHN, RESERVE, booking, confirm, held_seats, reserve

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE = True


def all_but(flight: Flight, *free: str) -> list[str]:
    """Every economy seat of an A320 but these."""
    seats = [f"{row}{letter}" for row in range(4, 28) for letter in "ABCDEF"]
    return [seat for seat in seats if seat not in free]


def test_reservation_answers_what_was_held(flight: Flight, now: datetime, settings: Settings) -> None:
    body = assert_done(reserve(flight, "test-1", people=2), "test-1")
    assert body["reservation_id"].startswith("res-")
    assert (body["seats_reserved"], body["seat_numbers"]) == (2, ["4A", "4B"])
    assert body["flight"] == {
        "id": flight.id,
        "flight_number": "ZZ101",
        "origin": "DFW",
        "destination": "ORD",
    }
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}\.[0-9]{6}Z", body["expires_at"])
    hold = datetime.fromisoformat(body["expires_at"]) - now
    assert timedelta(0) <= hold - timedelta(minutes=settings.HOLD_MINUTES) < timedelta(minutes=1)
    assert list(Seat.objects.order_by("id").values_list("seat_number", "seat_class", "state")) == [
        ("4A", "economy", "HELD"),
        ("4B", "economy", "HELD"),
    ]


def test_wanted_seats_are_held_in_the_order_of_their_passengers(flight: Flight) -> None:
    body = reserve(flight, "test-1", people=2, seat_numbers=["12B", "12A"]).json()
    assert body["seat_numbers"] == ["12B", "12A"]


def test_seats_are_chosen_side_by_side_where_a_row_has_room(flight: Flight, own_seats: OwnSeats) -> None:
    own_seats(flight, "4A", "4B", "4C", "4D")
    assert reserve(flight, "test-1", people=3).json()["seat_numbers"] == ["5A", "5B", "5C"]
    assert reserve(flight, "test-2", people=2).json()["seat_numbers"] == ["4E", "4F"]


def test_scattered_seats_are_taken_when_no_row_has_room(flight: Flight, own_seats: OwnSeats) -> None:
    own_seats(flight, *all_but(flight, "5C", "9A", "27F"))
    assert reserve(flight, "test-1", people=3).json()["seat_numbers"] == ["27F", "5C", "9A"]


@pytest.mark.parametrize("state", [SeatState.HELD, SeatState.SOLD])
def test_all_seats_or_none_when_one_is_taken(flight: Flight, own_seats: OwnSeats, state: SeatState) -> None:
    own_seats(flight, "12B", state=state)
    before = snapshot()
    answer = reserve(flight, "test-1", people=3, seat_numbers=["12A", "12B", "12C"])
    assert_refused(answer, "test-1", "SEAT_UNAVAILABLE")
    assert "12B" in answer.json()["error"]
    assert snapshot()["flight_seat"] == before["flight_seat"]


def test_all_seats_or_none_when_too_few_are_left(flight: Flight, own_seats: OwnSeats) -> None:
    own_seats(flight, *all_but(flight, "5C", "9A"))
    assert_refused(reserve(flight, "test-1", people=3), "test-1", "SEAT_UNAVAILABLE")
    assert held_seats("test-1") == 0
    assert reserve(flight, "test-2", people=2).json()["seat_numbers"] == ["5C", "9A"]


@pytest.mark.parametrize(
    ("seat_class", "seat"), [("economy", "1A"), ("business", "12A"), ("economy", "99Z"), ("first", "1A")]
)
def test_seat_that_the_class_does_not_have_is_refused(flight: Flight, seat_class: str, seat: str) -> None:
    answer = reserve(flight, "test-1", seat_class=seat_class, seat_numbers=[seat])
    assert_refused(answer, "test-1", "SEAT_UNAVAILABLE")


def test_class_that_the_aircraft_does_not_have_is_refused(flight: Flight) -> None:
    assert_refused(reserve(flight, "test-1", seat_class="first"), "test-1", "SEAT_UNAVAILABLE")


def test_seats_of_the_asked_class_are_assigned(flight: Flight) -> None:
    assert reserve(flight, "test-1", seat_class="business").json()["seat_numbers"] == ["1A"]


def test_released_seat_is_free_again(flight: Flight, own_seats: OwnSeats) -> None:
    own_seats(flight, "12A", state=SeatState.RELEASED)
    assert_done(reserve(flight, "test-1", seat_numbers=["12A"]), "test-1")


@pytest.mark.parametrize(("minutes", "open_for_sale"), [(-60, False), (30, False), (59, False), (70, True)])
def test_flight_closes_for_sale_before_it_departs(
    make_flight: MakeFlight, now: datetime, minutes: int, open_for_sale: bool
) -> None:
    flight = make_flight(departs_at=now + timedelta(minutes=minutes))
    answer = reserve(flight, "test-1")
    if open_for_sale:
        assert_done(answer, "test-1")
    else:
        assert_refused(answer, "test-1", "FLIGHT_CLOSED")
        assert held_seats("test-1") == 0


@pytest.mark.parametrize("flight_id", [999_999, 2**63 - 1])
def test_flight_that_does_not_exist_is_refused(flight: Flight, flight_id: int) -> None:
    assert_refused(reserve(flight, "test-1", flight_id=flight_id), "test-1", "FLIGHT_NOT_FOUND")


def test_passengers_in_another_order_are_another_request(flight: Flight) -> None:
    reserve(flight, "test-1", passengers=[JOHN, JANE])
    answer = reserve(flight, "test-1", passengers=[JANE, JOHN])
    assert_problem(answer, 422, "DIFFERENT_REQUEST", "test-1")


def test_cancelled_seats_are_counted_and_free_again(flight: Flight) -> None:
    reserve(flight, "test-1", people=3, seat_numbers=["12A", "12B", "12C"])
    body = assert_done(post(CANCEL_SEAT, envelope("test-1")), "test-1")
    assert (body["seats_released"], body["status"]) == (3, "CANCELLED")
    assert Seat.objects.filter(state=SeatState.RELEASED, released_at__isnull=False).count() == 3
    assert_done(reserve(flight, "test-2", seat_numbers=["12B"]), "test-2")


def test_cancelling_seats_leaves_other_calls_seats_alone(flight: Flight) -> None:
    reserve(flight, "test-1")
    reserve(flight, "test-2")
    post(CANCEL_SEAT, envelope("test-1"))
    assert (held_seats("test-1"), held_seats("test-2")) == (0, 1)


def test_cancelling_sold_seats_is_an_order_violation_and_stores_nothing(flight: Flight) -> None:
    reserve(flight, "test-1")
    confirm(flight, "test-1")
    before = snapshot()
    for _ in range(2):
        assert_problem(post(CANCEL_SEAT, envelope("test-1")), 409, "ORDER_VIOLATION", "test-1")
    assert snapshot() == before


@pytest.mark.django_db(transaction=True)
def test_one_seat_wanted_by_many_at_once_goes_to_one(flight: Flight) -> None:
    answers = at_once(*[lambda: reserve(flight, str(uuid4()), seat_numbers=["12A"])] * 8)
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["success"] for answer in answers) == [False] * 7 + [True]
    assert Seat.objects.filter(seat_number="12A").count() == 1


@pytest.mark.django_db(transaction=True)
def test_overlapping_wishes_at_once_are_all_or_nothing(flight: Flight) -> None:
    wishes = (["12A", "12B"], ["12B", "12C"], ["12C", "12D"], ["12D", "12A"])
    cids = [str(uuid4()) for _ in wishes]
    at_once(
        *(
            lambda cid=cid, seats=seats: reserve(flight, cid, people=2, seat_numbers=seats)
            for cid, seats in zip(cids, wishes, strict=True)
        )
    )
    assert {held_seats(cid) for cid in cids} == {0, 2}
    assert 1 <= sum(held_seats(cid) == 2 for cid in cids) <= 2


@pytest.mark.django_db(transaction=True)
def test_last_seats_at_once_are_all_sold_and_none_twice(flight: Flight, own_seats: OwnSeats) -> None:
    own_seats(flight, *all_but(flight, "5C", "9A", "9B"))
    answers = at_once(*[lambda: reserve(flight, str(uuid4()))] * 8)
    given = [seat for answer in answers if answer.json()["success"] for seat in answer.json()["seat_numbers"]]
    assert sorted(given) == ["5C", "9A", "9B"]
    refused = [answer.json()["error_code"] for answer in answers if not answer.json()["success"]]
    assert refused == ["SEAT_UNAVAILABLE"] * 5


def test_unknown_user_fields_are_neither_used_nor_kept(flight: Flight) -> None:
    body = envelope("test-1", booking(flight, status="CONFIRMED", secret="do-not-keep"))
    assert b"do-not-keep" not in post(RESERVE, body).content
    assert "do-not-keep" not in repr(snapshot())
