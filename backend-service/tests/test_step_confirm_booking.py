"""Confirming and cancelling bookings by direct calls."""

import re
from typing import Any

import pytest
from pytest_django import Settings
from service_kit.testing.calls import envelope, post, snapshot
from service_kit.testing.hostile import INJECTIONS
from service_kit.testing.protocol import assert_done, assert_problem, assert_refused
from structlog.testing import capture_logs

from flight.models import Booking, BookingStatus, Flight, Seat, Ticket
from tests.conftest import MakeFlight
from tests.step_pairs import (
    CANCEL_BOOKING,
    CANCEL_SEAT,
    JANE,
    JOHN,
    booking,
    confirm,
    held_seats,
    reserve,
    sold_seats,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE = True


def cancel(cid: str = "test-1") -> Any:
    return post(CANCEL_BOOKING, envelope(cid))


def release(cid: str = "test-1") -> Any:
    return post(CANCEL_SEAT, envelope(cid))


def test_confirmation_answers_a_reference_and_a_ticket_for_each_passenger(flight: Flight) -> None:
    reserve(flight, "test-1", passengers=[JOHN, JANE], seat_numbers=["12A", "12B"])
    body = assert_done(confirm(flight, "test-1", passengers=[JOHN, JANE]), "test-1")
    assert re.fullmatch(r"[A-Z2-9]{6}", body["booking_reference"])
    assert body["status"] == "CONFIRMED"
    assert [(one["passenger"], one["seat_number"]) for one in body["tickets"]] == [
        ("John Doe", "12A"),
        ("Jane Doe", "12B"),
    ]
    assert all(re.fullmatch(r"973-[0-9]{10}", one["ticket_number"]) for one in body["tickets"])
    kept = Booking.objects.get()
    assert (kept.reference, kept.status, kept.user_id) == (body["booking_reference"], "CONFIRMED", "1")
    assert (kept.email, kept.mobile, kept.amount) == ("john@example.com", "+1234567890", None)
    assert set(Ticket.objects.values_list("ticket_number", flat=True)) == {
        one["ticket_number"] for one in body["tickets"]
    }


def test_each_passenger_gets_the_seat_at_their_place(flight: Flight) -> None:
    reserve(flight, "test-1", passengers=[JOHN, JANE], seat_numbers=["14A", "9B"])
    tickets = confirm(flight, "test-1", passengers=[JOHN, JANE]).json()["tickets"]
    seats = [(one["passenger"], one["seat_number"]) for one in tickets]
    assert seats == [("John Doe", "14A"), ("Jane Doe", "9B")]


def test_confirming_what_was_never_reserved_is_refused(flight: Flight) -> None:
    assert_refused(confirm(flight, "test-1"), "test-1", "SEAT_NOT_HELD")
    assert Booking.objects.count() == 0


def test_confirming_after_the_seats_were_cancelled_is_refused(flight: Flight) -> None:
    reserve(flight, "test-1")
    release()
    assert_refused(confirm(flight, "test-1"), "test-1", "SEAT_NOT_HELD")
    assert (sold_seats("test-1"), Booking.objects.count()) == (0, 0)


def test_confirming_another_calls_seats_is_refused(flight: Flight) -> None:
    reserve(flight, "test-1")
    assert_refused(confirm(flight, "test-2"), "test-2", "SEAT_NOT_HELD")
    assert (held_seats("test-1"), sold_seats("test-1")) == (1, 0)


def test_confirming_on_another_flight_is_refused(flight: Flight, make_flight: MakeFlight) -> None:
    reserve(flight, "test-1")
    assert_refused(confirm(make_flight(number="ZZ102"), "test-1"), "test-1", "SEAT_NOT_HELD")
    assert held_seats("test-1") == 1


@pytest.mark.parametrize("people", [1, 3])
def test_confirming_another_number_of_passengers_is_refused(flight: Flight, people: int) -> None:
    reserve(flight, "test-1", people=2)
    assert_refused(confirm(flight, "test-1", people=people), "test-1", "SEAT_NOT_HELD")
    assert held_seats("test-1") == 2


def test_cancelled_bookings_seats_are_held_until_they_are_cancelled_too(flight: Flight) -> None:
    reserve(flight, "test-1", people=2)
    reference = confirm(flight, "test-1", people=2).json()["booking_reference"]
    body = assert_done(cancel(), "test-1")
    assert (body["booking_reference"], body["status"]) == (reference, "CANCELLED")
    assert Booking.objects.get().status == BookingStatus.CANCELLED
    assert (held_seats("test-1"), sold_seats("test-1")) == (2, 0)
    assert release().json()["seats_released"] == 2
    assert (held_seats("test-1"), sold_seats("test-1")) == (0, 0)


def test_seat_of_a_cancelled_call_can_be_sold_again(flight: Flight) -> None:
    for cid in ("test-1", "test-2"):
        reserve(flight, cid, seat_numbers=["12A"])
        confirm(flight, cid)
        if cid == "test-1":
            cancel(cid), release(cid)
    assert list(Seat.objects.order_by("id").values_list("state", flat=True)) == ["RELEASED", "SOLD"]


def test_confirming_after_the_bookings_compensation_is_409(flight: Flight) -> None:
    reserve(flight, "test-1")
    confirm(flight, "test-1")
    cancel()
    before = snapshot()
    assert_problem(confirm(flight, "test-1"), 409, "ALREADY_COMPENSATED", "test-1")
    assert snapshot() == before


@pytest.mark.parametrize("text", INJECTIONS.values(), ids=INJECTIONS)
def test_hostile_name_is_kept_and_answered_word_for_word_and_never_logged(flight: Flight, text: str) -> None:
    passengers = [{"first_name": text, "last_name": text}]
    with capture_logs() as lines:
        assert_done(reserve(flight, "test-1", passengers=passengers), "test-1")
        answer = confirm(flight, "test-1", passengers=passengers)
    assert answer.json()["tickets"][0]["passenger"] == f"{text} {text}"
    ticket = Ticket.objects.get()
    assert (ticket.first_name, ticket.last_name) == (text, text)
    assert [line["event"] for line in lines] == ["request"] * 2
    assert text not in repr(lines)


def test_repeat_of_a_confirmation_with_a_hostile_name_is_word_for_word(flight: Flight) -> None:
    passengers = [{"first_name": INJECTIONS["emoji"], "last_name": INJECTIONS["right_to_left"]}]
    reserve(flight, "test-1", passengers=passengers)
    first, second = (confirm(flight, "test-1", passengers=passengers) for _ in range(2))
    assert (first.content, second["Idempotent-Replayed"]) == (second.content, "true")


@pytest.mark.parametrize(
    "mobile", ["12345", "+12345", "+1 234-567 890", "1" * 20, "+" + "1 " * 14 + "1", "0" * 20]
)
def test_mobile_by_syntax_only(flight: Flight, mobile: str) -> None:
    reserve(flight, "test-1")
    contact = {"email": "john@example.com", "mobile": mobile}
    assert_done(confirm(flight, "test-1", contact_info=contact), "test-1")
    kept = Booking.objects.get().mobile
    assert kept == mobile and len(kept) <= (Booking._meta.get_field("mobile").max_length or 0)


def test_mobile_may_pass_the_check_of_card_numbers(flight: Flight) -> None:
    reserve(flight, "test-1")
    contact = {"email": "john@example.com", "mobile": "4111111111111111"}
    assert_done(confirm(flight, "test-1", contact_info=contact), "test-1")


def test_nine_passengers_with_names_of_100_characters_are_taken(flight: Flight) -> None:
    passengers = [{"first_name": "é" * 100, "last_name": "👩" * 100}] * 9
    assert_done(reserve(flight, "test-1", passengers=passengers), "test-1")
    assert_done(confirm(flight, "test-1", passengers=passengers), "test-1")
    assert booking(flight)["user_id"] == 1 and sold_seats("test-1") == 9
