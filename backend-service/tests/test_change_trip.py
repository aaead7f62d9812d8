"""A booked trip is changed: the quote, the saga, and a cancellation afterwards."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django_sagas.clock import utc_now
from django_sagas.database import execute
from service_kit.security.models import AuditEntry

from flight import services
from flight.models import Booking, Flight, Quote, Seat, SeatState, Ticket
from tests.saga_participants import loses_its_reply, meanwhile, never_arrives, refuses
from tests.saga_world import Desk, World, at_once
from tests.test_saga_audit import Reads, reads, run
from tests.test_saga_operator import token

FORWARD = [
    "HoldSeats",
    "AuthorizePayment",
    "SwapTickets",
    "CapturePayment",
    "AdjustMiles",
    "ReleaseOldSeats",
    "SendConfirmation",
]
__all__ = ["reads"]
"A fixture."


@dataclass
class Trip:
    """A booking of two economy seats for 400.00 and 50.00 charges, and what may become of it."""

    desk: Desk
    world: World
    flight: Flight
    dearer: Flight
    "500.10 for both"
    cheaper: Flight
    "300.00 for both"
    reference: str
    booking: str
    "its correlation id"

    def quote(self, *flights: Any, expect: int = 200) -> Any:
        asked = [{"flight_id": each.id} if isinstance(each, Flight) else each for each in flights]
        told = self.desk.post(f"/api/bookings/{self.reference}/change-quote/", {"flights": asked})
        assert told.status_code == expect, told.content
        return told.json()

    def change(self, quote: str, *, headers: Any = None, **more: Any) -> Any:
        body = {"quote_id": quote, **more}
        return self.desk.post(f"/api/bookings/{self.reference}/change/", body, headers=headers)

    def changed(self, *flights: Any) -> Any:
        done = self.change(self.quote(*flights)["quote_id"])
        assert (done.status_code, done.json()["success"]) == (200, True), done.content
        return done.json()

    def cancel(self) -> Any:
        return self.desk.post(f"/api/bookings/{self.reference}/cancel/")

    def state(self) -> tuple[set[tuple[int, str]], Decimal, Decimal]:
        """Seats, money and miles as they are; tickets and sold seats are the same."""
        tickets = Ticket.objects.filter(booking=self.reference).values_list("flight_id", "seat_number")
        sold = Seat.objects.filter(correlation_id=self.booking, state=SeatState.SOLD)
        assert {*sold.values_list("flight_id", "seat_number")} == {*tickets}
        participants = self.world.participants
        return {*tickets}, participants.money_of(self.booking), participants.miles_of(self.booking)

    def sent(self, change: str) -> dict[str, Any]:
        received = self.world.participants.received
        return {one.name: one.body["booking_data"] for one in received if one.correlation_id == change}

    def is_as_booked(self) -> None:
        seats = {(self.flight.id, "7A"), (self.flight.id, "7B")}
        assert self.state() == (seats, Decimal(450), Decimal(400))
        found = Booking.objects.get()
        assert (found.amount, found.busy_with, found.changed_by) == (45000, "", "")


@pytest.fixture
def trip(desk: Desk, world: World, make_flight: Callable[..., Flight], settings: LazySettings) -> Trip:
    settings.QUOTE_SECONDS = 900
    made = desk.book(seat_numbers=["7A", "7B"]).json()
    assert made["success"]
    return Trip(
        desk,
        world,
        world.flight,
        make_flight(number="ZZ201", fares=(25005, 60000, None)),
        make_flight(number="ZZ202", fares=(15000, 45000, None)),
        made["booking_reference"],
        made["correlation_id"],
    )


# The quote


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


# The change


def test_dearer_trip_pays_the_difference_and_earns_its_miles(trip: Trip, world: World) -> None:
    done = trip.changed({"flight_id": trip.dearer.id, "seat_numbers": ["9C", "9D"]})
    change = done["correlation_id"]
    held = {"flight_number": "ZZ201", "origin": "DFW", "destination": "ORD", "flight_id": trip.dearer.id}
    assert done == {
        "success": True,
        "correlation_id": change,
        "status": "COMPLETED",
        "message": f"The trip of booking {trip.reference} is changed.",
        "steps_completed": 7,
        "booking_reference": trip.reference,
        "seat_numbers": ["9C", "9D"],
        "seats_reserved": 2,
        "flights": [{**held, "seat_class": "economy", "seat_numbers": ["9C", "9D"]}],
        "amount": 550.1,
        "difference": 100.1,
        "miles": 100,
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


# What goes wrong


def test_declined_card_leaves_the_trip_as_it_was(trip: Trip, world: World) -> None:
    answer = trip.change(trip.quote(trip.dearer)["quote_id"], payment={"card_token": "tok_declined"})
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert (answer.json()["failed_step"], answer.json()["error_code"]) == (
        "AuthorizePayment",
        "PAYMENT_DECLINED",
    )
    assert (
        answer.json()["message"]
        == f"The trip of booking {trip.reference} is as it was; the change costs nothing."
    )
    trip.is_as_booked()
    world.check_quiet()
    trip.changed(trip.dearer)


def test_seat_that_is_lost_meanwhile_leaves_the_trip_as_it_was(trip: Trip, own_seats: Any) -> None:
    quote = trip.quote({"flight_id": trip.dearer.id, "seat_numbers": ["7A", "7B"]})["quote_id"]
    own_seats(trip.dearer, "7B", state=SeatState.SOLD)
    answer = trip.change(quote).json()
    assert (answer["success"], answer["error_code"], answer["compensation_result"]) == (
        False,
        "SEAT_UNAVAILABLE",
        [],
    )
    trip.is_as_booked()


def test_payment_that_stays_unknown_is_given_back(trip: Trip, world: World) -> None:
    world.participants.always("AuthorizePayment", loses_its_reply)
    answer = trip.change(trip.quote(trip.dearer)["quote_id"])
    assert answer.status_code == 202
    for _ in range(6):
        world.recover()
    world.settle()
    assert trip.desk.status(answer.json()["correlation_id"])["reason"] == "DEADLINE_EXCEEDED"
    trip.is_as_booked()


@pytest.mark.parametrize("step", ["CapturePayment", "AdjustMiles"])
def test_after_the_swap_a_change_only_goes_forward(trip: Trip, world: World, step: str) -> None:
    world.participants.always(step, refuses("SIMULATED_FAILURE"))
    answer = trip.change(trip.quote(trip.dearer)["quote_id"])
    assert answer.status_code == 202
    cid = answer.json()["correlation_id"]
    for _ in range(6):
        world.recover()
    assert (world.row(cid).status, bool(world.row(cid).attention)) == ("RUNNING", True)
    stopped = trip.desk.post(f"/api/saga/{cid}/cancel/")
    assert (stopped.status_code, stopped.json()["code"]) == (409, "NOT_CANCELLABLE")
    world.settle()
    assert world.row(cid).status == "COMPLETED"
    assert trip.state()[1:] == (Decimal("550.10"), Decimal(500))


def test_operator_calls_a_change_off_before_the_swap(trip: Trip, world: World) -> None:
    world.participants.always("AuthorizePayment", never_arrives)
    cid = trip.change(trip.quote(trip.dearer)["quote_id"]).json()["correlation_id"]
    stopped = trip.desk.post(f"/api/saga/{cid}/cancel/")
    assert stopped.status_code in (200, 202)
    world.settle()
    assert trip.desk.status(cid)["result"]["error_code"] == "CANCELLED_BY_OPERATOR"
    trip.is_as_booked()


# One saga at a time


def test_change_under_way_keeps_others_and_a_cancellation_away(trip: Trip, world: World) -> None:
    other = trip.quote(trip.cheaper)["quote_id"]
    world.participants.always("AdjustMiles", never_arrives)
    assert trip.change(trip.quote(trip.dearer)["quote_id"]).status_code == 202
    for refused, code in (
        (trip.change(other), "CHANGE_UNDER_WAY"),
        (trip.cancel(), "NOT_CANCELLABLE"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, code)
        assert int(refused["Retry-After"]) >= 1
    assert trip.quote(trip.cheaper, expect=409)["code"] == "CHANGE_UNDER_WAY"
    world.settle()
    assert trip.cancel().json()["status"] == "COMPENSATED"


def test_of_two_changes_at_the_same_moment_one_is_done(trip: Trip, world: World) -> None:
    quotes = [trip.quote(flight)["quote_id"] for flight in (trip.dearer, trip.cheaper)]
    one, other = at_once(*[lambda quote=quote: trip.change(quote) for quote in quotes])
    world.settle()
    done = [each for each in (one, other) if each.json().get("success")]
    assert len(done) <= 1
    assert Booking.objects.get().changed_by in {
        each.json()["correlation_id"] for each in (one, other) if "correlation_id" in each.json()
    }


def test_cancellation_keeps_changes_away(trip: Trip, world: World) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    world.participants.always("ReverseMiles", never_arrives)
    assert trip.cancel().status_code == 202
    for refused in (
        trip.change(quote),
        trip.desk.post(
            f"/api/bookings/{trip.reference}/change-quote/", {"flights": [{"flight_id": trip.dearer.id}]}
        ),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "NOT_CHANGEABLE")
    world.settle()
    assert trip.change(quote).json()["code"] == "NOT_CHANGEABLE"


def test_booking_cancelled_while_its_change_waits_is_not_changed(trip: Trip, world: World) -> None:
    """The change is accepted and has not begun."""
    accepted = trip.change(trip.quote(trip.dearer)["quote_id"], headers={"Prefer": "respond-async"})
    assert trip.cancel().json()["status"] == "COMPENSATED"
    world.settle()
    result = trip.desk.status(accepted.json()["correlation_id"])["result"]
    assert (result["success"], result["error_code"]) == (False, "NOT_CHANGEABLE")
    world.check_quiet()


def test_booking_that_was_cancelled_all_the_same_is_not_swapped(trip: Trip, world: World) -> None:
    """The last guard: whatever has cancelled it, tickets of a cancelled booking are not changed."""

    def cancelled() -> None:
        services.cancel_booking(correlation_id=trip.booking, now=utc_now())

    world.participants.then("AuthorizePayment", meanwhile(cancelled))
    answer = trip.change(trip.quote(trip.dearer)["quote_id"]).json()
    assert (answer["failed_step"], answer["error_code"]) == ("SwapTickets", "BOOKING_CHANGED")
    assert not Seat.objects.filter(flight=trip.dearer, state__in=("HELD", "SOLD")).exists()
    Booking.objects.update(status="CONFIRMED", cancelled_at=None)
    Seat.objects.filter(correlation_id=trip.booking).update(state="SOLD")


# Outside demo mode


def ask(trip: Trip, what: str, body: Any, who: dict[str, str]) -> Any:
    return trip.desk.post(f"/api/bookings/{trip.reference}/{what}/", body, headers=who)


@pytest.fixture
def quoted(trip: Trip, settings: LazySettings) -> str:
    """A quote of the dearer trip, from then on outside demo mode."""
    quote: str = trip.quote(trip.dearer)["quote_id"]
    settings.DEMO_MODE = False
    return quote


@pytest.mark.parametrize("what", ["change-quote", "change"])
def test_strangers_see_no_booking_and_auditors_change_nothing(trip: Trip, quoted: str, what: str) -> None:
    body = {"flights": [{"flight_id": trip.dearer.id}], "quote_id": quoted}
    stranger, auditor = token("2"), token("9", "auditor")
    assert [ask(trip, what, body, who).status_code for who in (stranger, auditor)] == [404, 403]
    assert ask(trip, what, body, {}).status_code == 404
    trip.is_as_booked()


def test_dearer_trip_needs_a_card(trip: Trip, quoted: str) -> None:
    refused = ask(trip, "change", {"quote_id": quoted}, token("1"))
    assert (refused.status_code, [*refused.json()["errors"]]) == (400, ["payment"])
    paid = ask(trip, "change", {"quote_id": quoted, "payment": {"card_token": "tok_ok"}}, token("1"))
    assert paid.json()["success"]


def test_operator_changes_for_a_reason_that_is_kept(trip: Trip, quoted: str) -> None:
    body, operator = {"quote_id": quoted, "payment": {"card_token": "tok_ok"}}, token("9", "operator")
    refused = ask(trip, "change", body, operator)
    assert (refused.status_code, [*refused.json()["errors"]]) == (400, ["reason"])
    done = ask(trip, "change", {**body, "reason": "asked by telephone"}, operator).json()
    assert done["success"]
    entry = AuditEntry.objects.get(correlation_id=done["correlation_id"])
    assert (entry.actor, entry.action, entry.reason) == ("9", "change-booking", "asked by telephone")


def test_open_change_does_not_count_as_a_booking(trip: Trip, quoted: str, world: World) -> None:
    world.participants.always("AdjustMiles", never_arrives)
    body = {"quote_id": quoted, "payment": {"card_token": "tok_ok"}}
    assert ask(trip, "change", body, token("1")).status_code == 202
    assert trip.desk.book(headers=token("1")).json()["success"]


# Afterwards


@pytest.mark.parametrize("changes", [("dearer",), ("cheaper",), ("dearer", "cheaper"), ("cheaper", "dearer")])
def test_cancellation_gives_back_everything_that_is_there_then(
    trip: Trip, world: World, changes: tuple[str, ...]
) -> None:
    for change in changes:
        trip.changed(getattr(trip, change))
    amount = Booking.objects.get().amount or 0
    cancelled = trip.cancel().json()
    assert (cancelled["status"], cancelled["refund"] + cancelled["fee"]) == ("COMPENSATED", amount / 100)
    assert not Seat.objects.filter(state__in=("HELD", "SOLD")).exists()
    participants = world.participants
    assert participants.money_of(trip.booking) == participants.miles_of(trip.booking) == 0
    world.check_quiet()


def test_departure_of_the_new_first_flight_ends_the_time_to_cancel(trip: Trip, world: World) -> None:
    later = trip.flight.departs_at + timedelta(days=9)
    Flight.objects.filter(pk=trip.dearer.pk).update(departs_at=later, arrives_at=later + timedelta(hours=3))
    trip.changed(trip.dearer)
    assert world.row(trip.booking).reversible_until == later


# The auditor


def test_auditor_finds_a_changed_trip_as_its_log_says(trip: Trip, reads: Reads) -> None:
    trip.changed(trip.dearer)
    assert "\n".join(run()[1]) == "2 sagas checked, 0 drifted, 0 unverified, 0 changed meanwhile"
    trip.changed(trip.cheaper)
    assert run()[0] == 0
    trip.change(trip.quote(trip.dearer)["quote_id"], payment={"card_token": "tok_declined"})
    assert run()[0] == 0
    trip.cancel()
    assert "\n".join(run()[1]) == "4 sagas checked, 0 drifted, 0 unverified, 0 changed meanwhile"


def test_auditor_is_content_while_a_change_goes_on(trip: Trip, reads: Reads, world: World) -> None:
    world.participants.always("RefundPayment", never_arrives)
    trip.change(trip.quote(trip.cheaper)["quote_id"])
    assert run()[0] == 0


@pytest.mark.parametrize(
    ("sabotage", "repair", "about"),
    [
        ("state = 'RELEASED'", "state = 'SOLD'", "ReserveSeat"),
        ("seat_number = '30A'", "seat_number = '9C'", "ReserveSeat"),
    ],
)
def test_auditor_finds_a_changed_trip_without_its_new_seat(
    trip: Trip, reads: Reads, sabotage: str, repair: str, about: str
) -> None:
    trip.changed({"flight_id": trip.dearer.id, "seat_numbers": ["9C", "9D"]})
    seat = Seat.objects.get(flight=trip.dearer, seat_number="9C").pk
    execute(f"UPDATE flight_seat SET {sabotage} WHERE id = {seat}")  # noqa: S608
    code, lines = run()
    assert code == 1 and about in lines[0]
    execute(f"UPDATE flight_seat SET {repair} WHERE id = {seat}")  # noqa: S608


def test_auditor_finds_a_difference_that_was_not_given_back(trip: Trip, reads: Reads, world: World) -> None:
    trip.changed(trip.cheaper)
    ledger = world.participants.ledger
    refund = next(one for one in ledger if one.kind == "REFUNDED")
    ledger.remove(refund)
    code, lines = run()
    assert code == 1 and "expected 350.00 USD held or taken" in lines[0]
    ledger.append(refund)


# Faults of the console


OWN_STEPS = ["HoldSeats", "SwapTickets", "ReleaseOldSeats", "SendConfirmation"]


@pytest.fixture
def fault(desk: Desk, settings: LazySettings) -> Callable[..., None]:
    settings.DEMO_MODE = True

    def put(step: str, **asked: Any) -> None:
        body = {"faults": [{"step": step, "times": 1, **asked}]}
        answer = desk.client.put("/api/demo/faults/", body, content_type="application/json")
        assert answer.status_code == 200, answer.content

    return put


@pytest.mark.parametrize("step", OWN_STEPS)
def test_fault_of_each_own_step_is_met_and_the_change_still_ends(
    trip: Trip, world: World, fault: Callable[..., None], step: str
) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    fault(step, kind="fail")
    answer = trip.change(quote)
    assert answer.status_code == 202
    cid = answer.json()["correlation_id"]
    world.settle()
    row = world.row(cid)
    assert {one.name: one.attempts for one in row.steps}[step] == 2
    assert row.status == "COMPLETED"


@pytest.mark.parametrize("step", OWN_STEPS)
def test_refusal_is_taken_before_the_tickets_are_swapped_and_only_delays_what_follows(
    trip: Trip, world: World, fault: Callable[..., None], step: str
) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    fault(step, kind="refuse")
    cid = trip.change(quote).json()["correlation_id"]
    world.settle()
    refused = step in ("HoldSeats", "SwapTickets")
    assert world.row(cid).status == ("COMPENSATED" if refused else "COMPLETED")
    if refused:
        trip.is_as_booked()


def test_fault_of_a_step_that_runs_elsewhere_is_400(desk: Desk) -> None:
    body = {"faults": [{"step": "AuthorizePayment", "kind": "fail"}]}
    answer = desk.client.put("/api/demo/faults/", body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["faults[0].step"])
