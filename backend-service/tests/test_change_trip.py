"""A booked trip is changed: what is paid and moved, once for each quote."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from flight.models import Booking, Flight, Quote, Seat, Ticket
from tests.booked_trip import Trip, trip
from tests.saga_world import Desk, World, at_once

__all__ = ["trip"]
"A fixture."

FORWARD = [
    "HoldSeats",
    "AuthorizePayment",
    "SwapTickets",
    "CapturePayment",
    "AdjustMiles",
    "ReleaseOldSeats",
    "SendConfirmation",
]


# The change


def test_dearer_trip_pays_the_difference_and_earns_its_miles(trip: Trip, world: World) -> None:
    done = trip.changed({"flight_id": trip.dearer.id, "seat_numbers": ["9C", "9D"]})
    change = done["correlation_id"]
    held = {"flight_number": "ZZ201", "origin": "DFW", "destination": "ORD", "flight_id": trip.dearer.id}
    assert done == {
        "success": True,
        "correlation_id": change,
        "status": "COMPLETED",
        "message": f"The trip of booking {trip.reference} was changed.",
        "steps_completed": 7,
        "booking_reference": trip.reference,
        "seat_numbers": ["9C", "9D"],
        "seats_reserved": 2,
        "flights": [{**held, "seat_class": "economy", "seat_numbers": ["9C", "9D"]}],
        "amount": 550.1,
        "difference": 100.1,
        "miles": 100,
        "not_needed": False,
    }
    assert [step.name for step in world.row(change).steps] == FORWARD
    assert world.participants.calls(change) == ["AuthorizePayment", "CapturePayment", "AdjustMiles"]
    assert trip.sent(change) == {
        "AuthorizePayment": {
            "user_id": "1",
            "trip_id": trip.booking,
            "flight_fare": Decimal("100.10"),
            "other_charges": Decimal(0),
            "payment": {"card_token": "tok_ok"},
        },
        "CapturePayment": {"payment_id": change, "settle": True},
        "AdjustMiles": {"user_id": "1", "trip_id": trip.booking, "miles": 100},
    }
    seats = {(trip.dearer.id, "9C"), (trip.dearer.id, "9D")}
    assert trip.state() == (seats, Decimal("550.10"), Decimal(500))
    assert world.seats(change) == [("7A", "RELEASED"), ("7B", "RELEASED")]
    assert Booking.objects.get().flight_id == trip.dearer.id
    world.check_quiet()


def test_cheaper_trip_gives_the_difference_back(trip: Trip, world: World) -> None:
    done = trip.changed(trip.cheaper)
    change = done["correlation_id"]
    assert (done["difference"], done["miles"], done["amount"]) == (-100.0, -100, 350.0)
    assert world.participants.calls(change) == ["CapturePayment", "RefundPayment", "AdjustMiles"]
    assert trip.state()[1:] == (Decimal(350), Decimal(300))
    assert trip.sent(change) == {
        "CapturePayment": {"payment_id": trip.booking, "settle": True},
        "RefundPayment": {"payment_id": trip.booking, "amount": 100, "settle": True},
        "AdjustMiles": {"user_id": "1", "trip_id": trip.booking, "miles": -100},
    }


def test_equal_trip_moves_neither_money_nor_miles(trip: Trip, world: World) -> None:
    done = trip.changed({"flight_id": trip.flight.id, "seat_numbers": ["7B", "9C"]})
    assert world.participants.calls(done["correlation_id"]) == []
    assert trip.state() == ({(trip.flight.id, "7B"), (trip.flight.id, "9C")}, Decimal(450), Decimal(400))
    assert world.seats(done["correlation_id"]) == [("7A", "RELEASED")]
    tickets = Ticket.objects.order_by("passenger").values_list("first_name", "seat_number")
    assert list(tickets) == [("John", "7B"), ("Jane", "9C")]


def test_passengers_exchange_their_seats(trip: Trip, world: World) -> None:
    done = trip.changed({"flight_id": trip.flight.id, "seat_numbers": ["7B", "7A"]})
    tickets = Ticket.objects.order_by("passenger").values_list("first_name", "seat_number")
    assert list(tickets) == [("John", "7B"), ("Jane", "7A")]
    assert world.seats(done["correlation_id"]) == []


def test_another_class_of_the_same_flight_is_a_change(trip: Trip) -> None:
    done = trip.changed({"flight_id": trip.flight.id, "seat_class": "business"})
    assert (done["difference"], done["miles"]) == (800.0, 800)
    assert {ticket.seat_class for ticket in Ticket.objects.all()} == {"business"}


def test_booking_shows_the_trip_as_it_is(trip: Trip) -> None:
    trip.changed(trip.dearer)
    shown = trip.desk.get(f"/api/bookings/{trip.reference}/")
    assert shown["flight"]["id"] == shown["flights"][0]["id"] == trip.dearer.id
    assert (shown["amount"], shown["flight_fare"], shown["other_charges"]) == (550.1, 500.1, 50.0)


def test_second_change_begins_where_the_first_ended(trip: Trip) -> None:
    trip.changed(trip.dearer)
    told = trip.quote(trip.cheaper)
    assert (told["paid"], told["amount"], told["difference"], told["miles"]) == (550.1, 350.0, -200.1, -200)


def test_trip_of_several_flights_changes_where_it_differs(
    desk: Desk, world: World, make_flight: Callable[..., Flight], trip: Trip
) -> None:
    day = timedelta(days=1)
    second = make_flight(number="ZZ301", route="ORD-JFK", departs_at=trip.flight.departs_at + day)
    later = make_flight(
        number="ZZ302", route="ORD-JFK", departs_at=second.departs_at + day, fares=(30000, 60000, None)
    )
    flights = [{"flight_id": trip.flight.id, "seat_numbers": ["20A", "20B"]}, {"flight_id": second.id}]
    body = {key: value for key, value in world.body().items() if key != "flight_id"}
    made = desk.post("/api/saga/start-booking/", {**body, "flights": flights}).json()
    trip.reference, trip.booking = made["booking_reference"], made["correlation_id"]
    done = trip.changed(trip.flight, later)
    assert (done["difference"], done["amount"]) == (200.0, 1050.0)
    assert [flight["flight_id"] for flight in done["flights"]] == [trip.flight.id, later.id]
    assert done["flights"][0]["seat_numbers"] == ["20A", "20B"]
    assert Seat.objects.filter(flight=second, state__in=("HELD", "SOLD")).count() == 0
    assert "flights[1].flight_id" in trip.quote(later, trip.flight, expect=400)["errors"]


# One key, one saga


def test_repeat_of_the_quote_answers_the_same_saga(trip: Trip) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    first, again = trip.change(quote), trip.change(quote, payment={"card_token": "tok_declined"})
    assert first.content == again.content
    assert (first.headers.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
    Quote.objects.all().delete()
    assert trip.change(quote).content == first.content


def test_same_quote_at_the_same_moment_makes_one_saga(trip: Trip, world: World) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    answers = at_once(*[lambda: trip.change(quote)] * 2)
    assert {answer.status_code for answer in answers} <= {200, 202}
    assert len({answer.json()["correlation_id"] for answer in answers}) == 1
    world.settle()
    assert trip.state()[1:] == (Decimal("550.10"), Decimal(500))


def test_quote_that_has_expired_is_409(trip: Trip) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    before = timedelta(hours=1)
    found = Quote.objects.get()
    Quote.objects.update(created_at=found.created_at - before, expires_at=found.expires_at - before)
    answer = trip.change(quote)
    assert (answer.status_code, answer.json()["code"]) == (409, "QUOTE_EXPIRED")
    trip.is_as_booked()


@pytest.mark.parametrize("what", ["price", "trip"])
def test_quote_of_what_has_changed_since_is_409(trip: Trip, what: str) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    if what == "price":
        Flight.objects.filter(pk=trip.dearer.pk).update(economy_fare=20001)
    else:
        trip.changed(trip.cheaper)
    answer = trip.change(quote)
    assert (answer.status_code, answer.json()["code"]) == (409, "QUOTE_CHANGED")


@pytest.mark.parametrize("quote", [str(uuid4()), "x", "", None, 1])
def test_quote_that_is_none_is_400_and_named(trip: Trip, quote: Any) -> None:
    answer = trip.change(quote)
    assert (answer.status_code, [*answer.json()["errors"]]) == (400, ["quote_id"])


def test_quote_of_a_cancellation_is_none_of_a_change(trip: Trip) -> None:
    quote = trip.desk.get(f"/api/bookings/{trip.reference}/cancel-quote/")["quote_id"]
    assert trip.change(quote).status_code == 400


def test_change_that_is_accepted_goes_on_by_itself(trip: Trip, world: World) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    accepted = trip.change(quote, headers={"Prefer": "respond-async"})
    assert accepted.status_code == 202
    assert accepted["Location"] == f"/api/saga/status/{accepted.json()['correlation_id']}/"
    assert accepted.json()["booking_reference"] == trip.reference
    world.settle()
    shown = trip.desk.status(accepted.json()["correlation_id"])
    assert (shown["status"], shown["definition"], shown["booking_reference"]) == (
        "COMPLETED",
        "change-trip",
        trip.reference,
    )
    assert trip.change(quote).json() == shown["result"]
