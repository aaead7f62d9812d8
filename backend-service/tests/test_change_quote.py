"""What a change of a trip would cost, before it is asked for."""

from datetime import timedelta
from typing import Any

import pytest

from flight.models import Flight, Quote
from tests.booked_trip import Trip, trip
from tests.saga_world import World

__all__ = ["trip"]
"A fixture."


def test_quote_says_what_is_paid_and_until_when_it_holds(trip: Trip) -> None:
    told = trip.quote(trip.dearer)
    found = Quote.objects.get()
    assert found.expires_at - found.created_at == timedelta(minutes=15)
    assert told == {
        "quote_id": str(found.id),
        "booking_reference": trip.reference,
        "correlation_id": trip.booking,
        "flights": [
            {"flight_id": trip.dearer.id, "seat_class": "economy", "seat_numbers": [], "fare": 500.1}
        ],
        "paid": 450.0,
        "amount": 550.1,
        "difference": 100.1,
        "miles": 100,
        "currency": "USD",
        "expires_at": told["expires_at"],
    }


def test_quote_of_a_cheaper_trip_is_below_zero(trip: Trip) -> None:
    told = trip.quote(trip.cheaper)
    assert (told["difference"], told["amount"], told["miles"]) == (-100.0, 350.0, -100)


def test_other_seats_of_the_same_flight_cost_nothing_whatever_it_costs_today(trip: Trip) -> None:
    Flight.objects.filter(pk=trip.flight.pk).update(economy_fare=99999)
    told = trip.quote({"flight_id": trip.flight.id, "seat_numbers": ["7A", "9C"]})
    assert (told["difference"], told["miles"]) == (0.0, 0)


@pytest.mark.parametrize(
    ("flights", "named"),
    [
        ([], "flights"),
        ([{}], "flights[0].flight_id"),
        ([{"flight_id": 0}], "flights[0].flight_id"),
        ([{"flight_id": 999999}], "flights[0].flight_id"),
        ([{"flight_id": "own", "seat_class": "first"}], "flights[0].seat_class"),
        ([{"flight_id": "own", "seat_class": "steerage"}], "flights[0].seat_class"),
        ([{"flight_id": "own", "seat_numbers": ["7C"]}], "flights[0].seat_numbers"),
        ([{"flight_id": "own", "seat_numbers": ["7C", "7C"]}], "flights[0].seat_numbers"),
        ([{"flight_id": "own"}], "flights"),
        ([{"flight_id": "own", "seat_numbers": ["7A", "7B"]}], "flights"),
        ([{"flight_id": "own"}, {"flight_id": "dearer"}], "flights"),
    ],
)
def test_bad_change_is_400_and_named(trip: Trip, flights: list[dict[str, Any]], named: str) -> None:
    ids = {"own": trip.flight.id, "dearer": trip.dearer.id}
    asked = [
        {**each, **({"flight_id": ids.get(each["flight_id"], each["flight_id"])} if each else {})}
        for each in flights
    ]
    assert named in trip.quote(*asked, expect=400)["errors"]
    assert not Quote.objects.exists()


def test_seat_that_is_taken_or_not_there_is_not_quoted(trip: Trip, own_seats: Any) -> None:
    own_seats(trip.dearer, "7A")
    for seats in (["7A", "7B"], ["99A", "7B"]):
        told = trip.quote({"flight_id": trip.dearer.id, "seat_numbers": seats}, expect=409)
        assert told["code"] == "SEAT_UNAVAILABLE"


def test_flight_that_is_closed_is_not_quoted(trip: Trip, world: World) -> None:
    Flight.objects.filter(pk=trip.dearer.pk).update(departs_at=world.clock() + timedelta(minutes=5))
    assert trip.quote(trip.dearer, expect=409)["code"] == "FLIGHT_CLOSED"


def test_departed_trip_is_not_changed(trip: Trip, world: World) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    Flight.objects.filter(pk=trip.flight.pk).update(departs_at=world.clock() - timedelta(minutes=1))
    assert trip.quote(trip.dearer, expect=409)["code"] == "DEPARTED"
    assert (trip.change(quote).status_code, trip.change(quote).json()["code"]) == (409, "DEPARTED")


def test_booking_by_direct_calls_is_not_changed(trip: Trip, make_booking: Any) -> None:
    made = make_booking()
    told = trip.desk.post(
        f"/api/bookings/{made.reference}/change-quote/", {"flights": [{"flight_id": trip.dearer.id}]}
    )
    assert (told.status_code, told.json()["code"]) == (409, "NOT_CHANGEABLE")
    made.tickets.all().delete()
    made.delete()
