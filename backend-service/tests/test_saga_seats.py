"""Many buyers at once: every seat is sold once, a full cabin is full, and nobody else pays."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from flight.aircraft import seats_of_class
from flight.models import Flight, Seat, SeatState
from tests.invariants import CAPACITY, rows
from tests.saga_participants import loses_its_reply
from tests.saga_world import Desk, World, at_once

SOLD_OUT = {"SEAT_UNAVAILABLE"}


def buyer(world: World, number: int, **changes: Any) -> Callable[[], Any]:
    """One passenger who books a business seat."""
    passenger = {"first_name": "Buyer", "last_name": f"Number {number}"}

    def buy() -> Any:
        asked: dict[str, Any] = {
            "user_id": number,
            "passengers": [passenger],
            "seat_class": "business",
        } | changes
        return Desk(world, Client()).book(**asked)

    return buy


def fill(own_seats: Any, world: World, leave: int) -> None:
    """Somebody owns every business seat but so many."""
    seats = seats_of_class(world.flight.aircraft, "business")
    own_seats(world.flight, *seats[leave:], state=SeatState.SOLD)


def outcomes(world: World, answers: list[Any]) -> Counter[str]:
    """How the bookings ended, those too that recovery had to finish; a 503 promised nothing."""
    assert {answer.status_code for answer in answers} <= {200, 202, 503}
    world.settle()
    cids = [answer.json()["correlation_id"] for answer in answers if answer.status_code != 503]
    return Counter(world.row(cid).status.value for cid in cids)


def paid(world: World) -> set[str]:
    balance: Counter[str] = Counter()
    for entry in world.participants.ledger:
        if entry.kind in ("AUTHORIZED", "CANCELLED"):
            balance[entry.account] += int(entry.amount)
    return {account for account, amount in balance.items() if amount}


def holders() -> list[str]:
    return [row["user_id"] for row in rows("SELECT user_id FROM flight_booking WHERE status = 'CONFIRMED'")]


def test_a_hundred_buyers_fill_a_cabin_of_twelve_and_no_seat_is_sold_twice(desk: Desk, world: World) -> None:
    answers = at_once(*[buyer(world, number) for number in range(1, 101)])
    ended = outcomes(world, answers)
    assert ended["COMPLETED"] == CAPACITY["business"] == 12
    sold = Seat.objects.filter(flight=world.flight, state=SeatState.SOLD)
    assert len({seat.seat_number for seat in sold}) == sold.count() == 12
    assert paid(world) == set(holders())
    assert len(holders()) == 12
    refused = [answer.json() for answer in answers if answer.json().get("success") is False]
    assert {answer["error_code"] for answer in refused} <= SOLD_OUT


def test_fifty_buyers_of_the_last_seat_have_one_winner(desk: Desk, world: World, own_seats: Any) -> None:
    fill(own_seats, world, leave=1)
    answers = at_once(*[buyer(world, number) for number in range(1, 51)])
    assert outcomes(world, answers)["COMPLETED"] == 1
    assert len(holders()) == 1
    assert paid(world) == set(holders())


def test_bookings_of_the_same_seats_in_another_order_never_deadlock(desk: Desk, world: World) -> None:
    pair = [{"first_name": "A", "last_name": "B"}, {"first_name": "C", "last_name": "D"}]
    wishes = [["1A", "1D"], ["1D", "1A"]] * 8
    works = [
        buyer(world, number, passengers=pair, seat_numbers=wish)
        for number, wish in enumerate(wishes, start=1)
    ]
    assert outcomes(world, at_once(*works))["COMPLETED"] == 1
    assert len(holders()) == 1


def test_a_group_gets_all_its_seats_or_none(desk: Desk, world: World, own_seats: Any) -> None:
    fill(own_seats, world, leave=2)
    three = [{"first_name": "A", "last_name": str(number)} for number in range(3)]
    body = buyer(world, 1, passengers=three)().json()
    assert body["error_code"] == "SEAT_UNAVAILABLE"
    assert body["error"] == "Only 2 business seats are left on flight ZZ101."
    assert world.seats(body["correlation_id"]) == []
    assert buyer(world, 2, passengers=three[:2])().json()["success"] is True


def test_a_seat_that_was_given_back_is_sold_again(desk: Desk, world: World, own_seats: Any) -> None:
    fill(own_seats, world, leave=1)
    failed = buyer(world, 1, simulate_confirmbooking_fail=True)().json()
    assert failed["status"] == "COMPENSATED"
    won = buyer(world, 2)().json()
    assert won["success"] is True
    assert [state for _, state in world.seats(failed["correlation_id"])] == ["RELEASED"]
    assert [seat for seat, _ in world.seats(failed["correlation_id"])] == won["seat_numbers"]


def test_a_seat_whose_saga_waits_is_not_sold_to_anybody_else(
    desk: Desk, world: World, own_seats: Any
) -> None:
    fill(own_seats, world, leave=1)
    world.participants.then("AwardMiles", loses_its_reply)
    waiting = buyer(world, 1)().json()
    assert buyer(world, 2)().json()["error_code"] == "SEAT_UNAVAILABLE"
    desk.recover()
    assert world.row(waiting["correlation_id"]).status == "COMPLETED"


@pytest.mark.parametrize("scarce", [0, 1, 2])
def test_the_last_seat_of_one_flight_of_a_trip_has_one_winner_and_strays_none(
    desk: Desk, world: World, own_seats: Any, trip: list[Flight], scarce: int
) -> None:
    """Every other buyer names the seat."""
    *sold, last = seats_of_class(trip[scarce].aircraft, "business")
    own_seats(trip[scarce], *sold, state=SeatState.SOLD)

    def buyer_of_all(number: int) -> Callable[[], Any]:
        cabin = {"seat_class": "business", **({"seat_numbers": [last]} if number % 2 else {})}
        asked = [
            {"flight_id": flight.id, **(cabin if place == scarce else {})}
            for place, flight in enumerate(trip)
        ]
        passenger = {"first_name": "Buyer", "last_name": f"Number {number}"}
        return lambda: Desk(world, Client()).book_trip(*asked, user_id=number, passengers=[passenger])

    for turn in range(2):
        answers = at_once(*[buyer_of_all(10 * turn + number) for number in range(1, 9)])
        ended = outcomes(world, answers)
        assert ended["COMPLETED"] == 1 and set(ended) <= {"COMPLETED", "COMPENSATED"}
        live = rows(
            "SELECT flight_id, correlation_id FROM flight_seat"
            " WHERE state IN ('HELD', 'SOLD') AND correlation_id <> 'other'"
        )
        (winner,) = {seat["correlation_id"] for seat in live}
        assert sorted(seat["flight_id"] for seat in live) == sorted(flight.id for flight in trip)
        assert len(paid(world)) == 1
        assert desk.post(f"/api/bookings/{world.row(winner).reference}/cancel/").status_code == 200


@pytest.mark.parametrize("seat_class", ["economy", "business"])
def test_seats_are_of_the_class_that_was_paid_for(desk: Desk, world: World, seat_class: str) -> None:
    body = buyer(world, 1, seat_class=seat_class)().json()
    (seat,) = rows("SELECT seat_class FROM flight_seat WHERE correlation_id = %s", body["correlation_id"])
    assert seat["seat_class"] == seat_class
    assert body["amount"] == {"economy": 250.0, "business": 650.0}[seat_class]


def test_a_flight_that_closed_for_sale_takes_no_booking(
    desk: Desk, world: World, make_flight: Any, now: Any
) -> None:
    closed = make_flight(number="ZZ999", departs_at=now)
    body = buyer(world, 1, flight_id=closed.id)().json()
    assert (body["failed_step"], body["error_code"]) == ("ReserveSeat", "FLIGHT_CLOSED")


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (0, "No business seat is left on flight ZZ101."),
        (1, "Only one business seat is left on flight ZZ101."),
    ],
)
def test_refusal_says_in_words_how_many_seats_are_left(
    desk: Desk, world: World, own_seats: Any, left: int, said: str
) -> None:
    fill(own_seats, world, leave=left)
    two = [{"first_name": "A", "last_name": str(number)} for number in range(2)]
    assert buyer(world, 1, passengers=two)().json()["error"] == said
