from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from flight.aircraft import AIRCRAFT
from flight.models import Flight, SeatState
from tests.conftest import MakeFlight, OwnSeats

pytestmark = pytest.mark.django_db


def seats(client: Client, flight: Flight) -> dict[str, Any]:
    answer = client.get(f"/api/flights/{flight.id}/seats/")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_flight_is_described_with_its_prices(client: Client, flight: Flight, own_seats: OwnSeats) -> None:
    own_seats(flight, "12A")
    found = client.get(f"/api/flights/{flight.id}/").json()
    assert (found["id"], found["flight_number"], found["bookable"]) == (flight.id, "ZZ101", True)
    seats = {"seats": 144, "seats_left": 143}
    assert found["seat_classes"][0] == {"seat_class": "economy", "fare": 200, "total": 250, **seats}


def test_departed_flight_is_not_bookable(client: Client, make_flight: MakeFlight, now: datetime) -> None:
    flight = make_flight(departs_at=now - timedelta(hours=1))
    assert client.get(f"/api/flights/{flight.id}/").json()["bookable"] is False


def test_seat_map_shows_what_is_held_sold_and_free(
    client: Client, flight: Flight, own_seats: OwnSeats
) -> None:
    own_seats(flight, "12A", "1A")
    own_seats(flight, "12B", state=SeatState.SOLD)
    own_seats(flight, "12C", state=SeatState.RELEASED)
    found = seats(client, flight)
    status = {seat["seat_number"]: seat["status"] for seat in found["seats"]}
    assert (status["12A"], status["12B"], status["12C"], status["1A"]) == ("held", "sold", "free", "held")
    assert found["counts"] == {
        "economy": {"free": 142, "held": 1, "sold": 1},
        "business": {"free": 11, "held": 1, "sold": 0},
    }


@pytest.mark.parametrize("aircraft", AIRCRAFT)
def test_seat_map_lists_every_seat_once_and_counts_them(
    client: Client, make_flight: MakeFlight, aircraft: str
) -> None:
    found = seats(client, make_flight(aircraft=aircraft))
    assert len({seat["seat_number"] for seat in found["seats"]}) == len(found["seats"])
    assert Counter(seat["seat_class"] for seat in found["seats"]) == {
        seat_class: counts["free"] for seat_class, counts in found["counts"].items()
    }


def test_seat_map_tells_how_to_draw_the_cabins(client: Client, flight: Flight) -> None:
    found = seats(client, flight)
    assert found["cabins"] == [
        {
            "seat_class": "business",
            "rows": [1, 2, 3],
            "letters": ["A", "C", "D", "F"],
            "groups": ["AC", "DF"],
            "aisles_after": ["C"],
            "exit_rows": [],
        },
        {
            "seat_class": "economy",
            "rows": list(range(4, 28)),
            "letters": list("ABCDEF"),
            "groups": ["ABC", "DEF"],
            "aisles_after": ["C"],
            "exit_rows": [11, 12],
        },
    ]
    assert next(seat for seat in found["seats"] if seat["seat_number"] == "12B") == {
        "seat_number": "12B",
        "seat_class": "economy",
        "status": "free",
        "row": 12,
        "letter": "B",
        "position": "middle",
        "exit_row": True,
    }


@pytest.mark.parametrize("flight_id", [0, 999999, 2**63 - 1, 2**63, 10**40])
@pytest.mark.parametrize("tail", ["", "seats/"])
def test_unknown_flight_is_not_found(client: Client, flight_id: int, tail: str) -> None:
    answer = client.get(f"/api/flights/{flight_id}/{tail}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["code"] == "NOT_FOUND"


@pytest.mark.parametrize("flight_id", ["x", "-1", "1.5"])
def test_what_is_no_flight_id_is_not_found(client: Client, flight_id: str) -> None:
    assert client.get(f"/api/flights/{flight_id}/").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/places/search/",
        "/api/flights/search/",
        "/api/flights/fares/",
        "/api/flights/1/",
        "/api/flights/1/seats/",
        "/api/bookings/ABC234/",
        "/api/tickets/user/1/",
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_wrong_method_is_refused_with_the_allowed_ones(client: Client, path: str, method: str) -> None:
    answer = client.generic(method, path)
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
    assert "GET" in answer["Allow"] and method not in answer["Allow"]


def test_flight_and_its_seats_take_two_queries_each(
    client: Client, flight: Flight, own_seats: OwnSeats, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    own_seats(flight, *(f"{row}A" for row in range(4, 28)))
    with django_assert_num_queries(2):
        client.get(f"/api/flights/{flight.id}/")
    with django_assert_num_queries(2):
        seats(client, flight)


def test_flight_for_booking_is_one_query_without_joins(
    flight: Flight, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1) as captured:
        found = Flight.objects.filter(pk=flight.id).first()
        assert found is not None
        assert (found.origin_id, found.destination_id, found.fare("economy")) == ("DFW", "ORD", 20000)
    assert "JOIN" not in captured.captured_queries[0]["sql"]


@pytest.mark.parametrize("first", [SeatState.HELD, SeatState.SOLD])
def test_a_seat_has_one_live_owner(flight: Flight, own_seats: OwnSeats, first: SeatState) -> None:
    own_seats(flight, "12A", state=first, cid="one")
    with pytest.raises(IntegrityError):
        own_seats(flight, "12A", cid="two")


def test_a_released_seat_can_be_owned_again(flight: Flight, own_seats: OwnSeats) -> None:
    own_seats(flight, "12A", state=SeatState.RELEASED, cid="one")
    own_seats(flight, "12A", state=SeatState.RELEASED, cid="two")
    assert own_seats(flight, "12A", cid="three")


def test_a_flight_number_is_flown_once_a_day(flight: Flight, make_flight: MakeFlight) -> None:
    with pytest.raises(IntegrityError):
        make_flight(departs_at=flight.departs_at + timedelta(minutes=5))


@pytest.mark.parametrize("fares", [(0, 60000, None), (20000, 0, None), (20000, 60000, 0)])
def test_a_fare_of_nothing_is_impossible(make_flight: MakeFlight, fares: tuple[int, int, int | None]) -> None:
    with pytest.raises(IntegrityError):
        make_flight(fares=fares)
