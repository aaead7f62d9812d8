"""A trip of several flights is one booking: one saga, one payment, one award, one reference."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django_sagas import json_text
from service_kit.testing import callers

from flight.inputs import Confirm, Reserve
from flight.models import Booking, Flight, SeatState
from flight.saga_requests import START_BOOKING
from tests.conftest import MakeFlight, OwnSeats
from tests.invariants import rows
from tests.saga_world import Desk, World

KEY = {"Idempotency-Key": "trip-1"}
ECONOMY = [f"{row}{letter}" for row in range(4, 28) for letter in "ABCDEF"]


def live_seats() -> list[tuple[int, str]]:
    live = "SELECT flight_id, seat_number FROM flight_seat WHERE state IN ('HELD', 'SOLD')"
    mine = f"{live} AND correlation_id <> 'other' ORDER BY flight_id, seat_number"
    return [(row["flight_id"], row["seat_number"]) for row in rows(mine)]


def wrong(answer: Any) -> list[str]:
    assert (answer.status_code, rows("SELECT 1 FROM sagas_saga")) == (400, [])
    return sorted(answer.json()["errors"])


def test_a_return_is_one_booking(desk: Desk, world: World, trip: list[Flight]) -> None:
    there, back = trip[0], trip[2]
    body = desk.book_trip(there, back).json()
    cid = body["correlation_id"]
    assert (body["success"], body["steps_completed"]) == (True, 4)
    assert body["flights"] == [
        {
            "flight_id": there.id,
            "flight_number": "ZZ101",
            "origin": "DFW",
            "destination": "ORD",
            "seat_class": "economy",
            "seat_numbers": ["4A", "4B"],
        },
        {
            "flight_id": back.id,
            "flight_number": "ZZ103",
            "origin": "JFK",
            "destination": "DFW",
            "seat_class": "economy",
            "seat_numbers": ["4A", "4B"],
        },
    ]
    assert (body["seats_reserved"], body["seat_numbers"]) == (4, ["4A", "4B", "4A", "4B"])
    assert (body["amount"], body["miles_awarded"]) == (850.0, 800)  # Charges once a booking.
    assert world.participants.calls(cid) == ["AuthorizePayment", "AwardMiles"]
    assert Booking.objects.get().flight_id == there.id
    assert world.row(cid).reversible_until == there.departs_at


def test_a_status_names_every_flight(desk: Desk, trip: list[Flight]) -> None:
    body = desk.book_trip(*trip).json()
    status = desk.status(body["correlation_id"])
    assert (status["flight_id"], status["flights"]) == (trip[0].id, [flight.id for flight in trip])
    assert status["result"] == body
    started = desk.get(f"/api/saga/events/{body['correlation_id']}/")["events"][0]
    assert started["data"]["flights"] == status["flights"]


def test_a_booking_shows_each_flight_with_its_seats_and_tickets(desk: Desk, trip: list[Flight]) -> None:
    asked = [
        {"flight_id": trip[0].id, "seat_numbers": ["12B", "12A"]},
        {"flight_id": trip[1].id, "seat_class": "business", "seat_numbers": ["1A", "1C"]},
    ]
    made = desk.book_trip(*asked).json()
    assert made["amount"] == (2 * 200 + 2 * 600) + 50
    shown = desk.get(f"/api/bookings/{made['booking_reference']}/")
    assert shown["flight"]["id"] == trip[0].id
    assert [flight["id"] for flight in shown["flights"]] == [trip[0].id, trip[1].id]
    assert [flight["seat_class"] for flight in shown["flights"]] == ["economy", "business"]
    tickets = [(one["flight_number"], one["passenger"], one["seat_number"]) for one in shown["tickets"]]
    assert tickets == [
        ("ZZ101", "Jane Doe", "12A"),
        ("ZZ101", "John Doe", "12B"),
        ("ZZ102", "John Doe", "1A"),
        ("ZZ102", "Jane Doe", "1C"),
    ]
    assert [flight["tickets"] for flight in shown["flights"]] == [shown["tickets"][:2], shown["tickets"][2:]]
    assert shown["flights"][1]["seat_numbers"] == ["1A", "1C"]


def test_a_single_flight_is_answered_with_its_flights_too(desk: Desk, flight: Flight) -> None:
    body = desk.book(seat_numbers=["12A", "12B"]).json()
    (flown,) = body["flights"]
    assert (flown["flight_id"], flown["seat_numbers"]) == (flight.id, ["12A", "12B"])
    assert body["seat_numbers"] == ["12A", "12B"]


@pytest.mark.parametrize("full", [0, 1, 2])
def test_a_trip_without_a_seat_on_one_flight_keeps_none_on_the_others(
    desk: Desk, world: World, trip: list[Flight], own_seats: OwnSeats, full: int
) -> None:
    own_seats(trip[full], *ECONOMY[1:], state=SeatState.SOLD)
    body = desk.book_trip(*trip).json()
    assert (body["failed_step"], body["error_code"]) == ("ReserveSeat", "SEAT_UNAVAILABLE")
    assert body["error"] == f"Only one economy seat is left on flight {trip[full].flight_number}."
    assert live_seats() == [] and world.participants.received == []


@pytest.mark.parametrize("step", ["AuthorizePayment", "AwardMiles", "ConfirmBooking"])
def test_a_trip_that_fails_later_gives_back_the_seats_of_every_flight(
    desk: Desk, trip: list[Flight], step: str
) -> None:
    body = desk.book_trip(*trip, **{f"simulate_{step.lower()}_fail": True}).json()
    assert (body["status"], body["failed_step"]) == ("COMPENSATED", step)
    assert live_seats() == []


def test_a_cancelled_trip_gives_back_the_seats_of_every_flight(desk: Desk, trip: list[Flight]) -> None:
    made = desk.book_trip(*trip).json()
    assert len(live_seats()) == 6
    answer = desk.post(f"/api/bookings/{made['booking_reference']}/cancel/")
    assert answer.json()["status"] == "COMPENSATED"
    assert live_seats() == []


def test_each_flight_of_a_trip_can_be_its_last_seat(
    desk: Desk, trip: list[Flight], own_seats: OwnSeats
) -> None:
    for flight in trip:
        own_seats(flight, *ECONOMY[2:], state=SeatState.SOLD)
    assert desk.book_trip(*trip).json()["success"] is True
    assert desk.book_trip(*trip[:2]).json()["error_code"] == "SEAT_UNAVAILABLE"


def test_participants_are_told_every_flight_of_a_trip_and_the_only_one_as_before(
    desk: Desk, world: World, trip: list[Flight]
) -> None:
    desk.book_trip(*trip[:2])
    desk.book()
    told = [received.body["booking_data"] for received in world.participants.received]
    assert [(one.get("flights"), one.get("flight_id")) for one in told] == [
        *[([{"flight_id": trip[0].id}, {"flight_id": trip[1].id}], None)] * 2,
        *[(None, trip[0].id)] * 2,
    ]


# What is asked for


def test_a_flight_that_leaves_before_the_one_before_has_arrived_is_named(
    desk: Desk, trip: list[Flight], make_flight: MakeFlight
) -> None:
    assert wrong(desk.book_trip(trip[2], trip[0])) == ["flights[1].flight_id"]
    assert wrong(desk.book_trip(trip[0], trip[2], trip[1])) == ["flights[2].flight_id"]
    on_the_dot = make_flight(number="ZZ104", route="ORD-JFK", departs_at=trip[0].arrives_at)
    assert wrong(desk.book_trip(trip[0], on_the_dot)) == ["flights[1].flight_id"]
    later = trip[0].arrives_at + timedelta(minutes=1)
    assert desk.book_trip(trip[0], make_flight(number="ZZ105", departs_at=later)).json()["success"] is True


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"flights": []}, ["flights"]),
        ({"flights": None}, ["flights"]),
        ({"flights": "1"}, ["flights"]),
        ({"flights": [{"flight_id": place} for place in range(1, 8)]}, ["flights"]),
        ({"flights": [1]}, ["flights[0]"]),
        ({"flights": [{}, {"flight_id": 0}]}, ["flights[0].flight_id", "flights[1].flight_id"]),
        ({"flights": [{"flight_id": 1}, {"flight_id": 2}, {"flight_id": 1}]}, ["flights[2].flight_id"]),
        ({"flights": [{"flight_id": 1, "seat_numbers": ["4A"]}]}, ["flights[0].seat_numbers"]),
        ({"flights": [{"flight_id": 1, "seat_numbers": ["4A", "4A"]}]}, ["flights[0].seat_numbers"]),
        ({"flights": [{"flight_id": 1, "seat_class": "cargo"}]}, ["flights[0].seat_class"]),
        ({"flights": [{"flight_id": 1, "seat_number": "4A"}]}, ["flights[0].seat_number"]),
        ({"flight_id": 1}, ["flight_id"]),
        ({"seat_class": "economy"}, ["seat_class"]),
        ({"seat_numbers": ["4A", "4B"]}, ["seat_numbers"]),
        ({"flight_id_2": 1, "return_date": "2027-01-01"}, ["flight_id_2", "return_date"]),
    ],
)
def test_a_trip_in_a_form_that_is_not_served_is_400_by_name(
    desk: Desk, trip: list[Flight], changes: dict[str, Any], named: list[str]
) -> None:
    assert wrong(desk.book_trip(*trip, **changes)) == named


def test_a_class_that_one_flight_does_not_have_is_named(desk: Desk, trip: list[Flight]) -> None:
    first_class = {"flight_id": trip[1].id, "seat_class": "first"}
    assert wrong(desk.book_trip(trip[0], first_class)) == ["flights[1].seat_class"]


def test_a_trip_with_a_flight_that_does_not_exist_is_404(desk: Desk, trip: list[Flight]) -> None:
    assert desk.book_trip(trip[0], {"flight_id": 999_999}).status_code == 404
    assert rows("SELECT 1 FROM sagas_saga") == []


def test_another_price_than_the_one_expected_is_refused(desk: Desk, trip: list[Flight]) -> None:
    body = desk.book_trip(*trip[:2], expected_amount=450).json()
    assert body["error_code"] == "PRICE_CHANGED"
    assert desk.book_trip(*trip[:2], expected_amount=850).json()["success"] is True


# Repeats


def test_a_repeat_with_its_key_is_the_same_trip(desk: Desk, trip: list[Flight]) -> None:
    first, repeat = (desk.book_trip(*trip, headers=KEY) for _ in range(2))
    assert (repeat.content, repeat["Idempotent-Replayed"]) == (first.content, "true")
    for other in (trip[:2], trip[1:]):
        assert desk.book_trip(*other, headers=KEY).status_code == 422


def test_one_flight_is_the_same_request_in_either_form(desk: Desk, flight: Flight) -> None:
    first = desk.book(headers=KEY)
    assert desk.book_trip(flight, headers=KEY).content == first.content


def test_fingerprints_of_a_single_flight_are_those_of_earlier_releases() -> None:
    """As release 1.0 wrote them: a repeat of a key or of a step's call still matches."""
    body = {
        "flight_id": 1,
        "user_id": "1",
        "passengers": [{"first_name": name, "last_name": "Doe"} for name in ("John", "Jane")],
        "contact_info": {"email": "john@example.com", "mobile": "+1234567890"},
        "payment": {"card_token": "tok_ok"},
    }
    asked = {**body, "seat_class": "business", "seat_numbers": ["1A", "1B"]}
    priced = {**asked, "expected_amount": 450}
    assert [
        START_BOOKING.read(body).fingerprint(),
        START_BOOKING.read(priced).fingerprint(),
        json_text.fingerprint(Reserve.read(body).used()),
        json_text.fingerprint(Reserve.read(asked).used()),
        json_text.fingerprint(Confirm.read(body).used()),
    ] == [
        "775ab41b2c415438166d1fc95b5b7d0bd654537b8257931aa5c499cda8d92e1d",  # pragma: allowlist secret
        "215d4db3b308bcac2c41a38aa3bbaf7a0494fe727c90ea4e1e56ae7f745e192e",  # pragma: allowlist secret
        "3b72d71daaff652461ff5876718204996ae4e483e2c1cd9bd9b1439f2592cada",  # pragma: allowlist secret
        "922579f253cc96c9bfa722222ab71a737989d535c285c4adac4718d6491060df",  # pragma: allowlist secret
        "4a1b3778a6e13af07a52930d0e22f6af9c7e35182d0e2e90b372e43739427862",  # pragma: allowlist secret
    ]


# Limits


def test_limits_count_the_seats_of_every_flight(
    desk: Desk, world: World, trip: list[Flight], settings: LazySettings
) -> None:
    settings.DEMO_MODE = False
    settings.SAGA_MAX_SEATS_OF_USER = 5
    signed = callers.user_token(user_id="1", role="traveller", audience="backend")
    waits = {"Authorization": f"Bearer {signed}", "Prefer": "respond-async"}
    assert desk.book_trip(*trip[:2], headers=waits).status_code == 202
    assert desk.book(headers=waits).status_code == 429
    one = world.body()["passengers"][:1]
    assert desk.book(headers=waits, passengers=one).status_code == 202
    world.settle()
    assert desk.book_trip(*trip, headers=waits).status_code == 202, "a trip alone is let through"
