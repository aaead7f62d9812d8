"""What becomes of fields that nobody reads."""

from typing import Annotated, Any

import pytest
from django.test import RequestFactory
from service_kit.booking_data import BookingData, Name, Payment
from service_kit.inputs import Input, UserId, items
from service_kit.problems import Problem
from service_kit.saga_steps import StepRequest
from service_kit.unknown_fields import is_strict, read


class Person(Input):
    first_name: Name
    last_name: Name


class Trip(BookingData):
    user_id: UserId
    passengers: Annotated[tuple[Person, ...], *items(1, 9)]
    payment: Payment


class TripRequest(StepRequest):
    booking_data: Trip


ADA = {"first_name": "Ada", "last_name": "Lovelace"}
TRIP: dict[str, Any] = {"user_id": 1, "passengers": [ADA]}
ASKING = [
    *["flight_id_2", "flightId", "flight_ids", "return_flight_id", "flight2", "flightid", "legs", "segments"],
    *["seat_numbers_2", "seat", "seats", "seat_clas", "seatClass", "cabin", "class", "passenger_count"],
    *[
        "price",
        "total_price",
        "amount_2",
        "currency",
        "discount",
        "fees",
        "service-fee",
        "adults",
        "children",
    ],
    *["surcharge", "refund", "quote", "quoteid", "voucher", "couponCode", "tip", "outbound", "inbound_1"],
    *["return_date", "fare", "payment_2", "Flight ID 2", "card_token", "cardToken", "card", "card_number"],
]
HARMLESS = [
    *[
        "note",
        "trace",
        "status",
        "miles_awarded",
        "booking_reference",
        "feedback",
        "legal",
        "return_url",
        "loyalty_card",
    ],
    *["source", "locale", "x", "", "classification"],
]


def noted(source: dict[str, Any], *, strict: bool = False) -> tuple[dict[str, str], tuple[str, ...]]:
    """The errors and the hints."""
    try:
        return {}, read(Trip, {**TRIP, **source}, strict=strict)[1]
    except Problem as problem:
        return dict(problem.errors or {}), ()


@pytest.mark.parametrize("name", ASKING)
def test_a_field_that_asks_for_flights_seats_or_money_is_refused_by_its_name(name: str) -> None:
    errors, _ = noted({name: 2})
    assert list(errors) == [name] and errors[name].startswith("is not served")


@pytest.mark.parametrize("name", ["return", "way_back", "trips", ""])
@pytest.mark.parametrize("flight", [{"flight_id": 2}, [1, {"flight_id": 2}]])
def test_a_further_flight_is_refused_whatever_it_is_called(name: str, flight: Any) -> None:
    errors, _ = noted({name: flight})
    assert errors == {name: "is not served"}


@pytest.mark.parametrize("name", HARMLESS)
def test_any_other_unknown_field_is_ignored(name: str) -> None:
    assert noted({name: 2}) == ({}, ())


@pytest.mark.parametrize("name", [*HARMLESS, *ASKING])
def test_strict_handling_refuses_every_unknown_field(name: str) -> None:
    errors, hints = noted({name: 2}, strict=True)
    assert list(errors) == [name] and errors[name].startswith("is not a known field") and not hints


@pytest.mark.parametrize(
    ("name", "meant"), [("contact_inf", "contact_info"), ("userId", "user_id"), ("pasengers", "passengers")]
)
def test_a_near_miss_gets_a_hint(name: str, meant: str) -> None:
    assert noted({name: 2}) == ({}, (f"{name} is not a known field; did you mean {meant}?",))


def test_a_refused_near_miss_names_what_was_meant() -> None:
    assert noted({"seat_clas": "first"})[0] == {"seat_clas": "is not served; did you mean seat_class?"}


def test_unknown_fields_are_found_wherever_the_known_ones_stand() -> None:
    body = {**TRIP, "passengers": [ADA, {**ADA, "seat": "1A"}], "payment": {"amount": 1}}
    with pytest.raises(Problem) as caught:
        read(TripRequest, {"correlation_id": "x", "booking_data": body, "flight_id": 1})
    assert set(caught.value.errors or {}) == {
        "flight_id",
        "booking_data.passengers[1].seat",
        "booking_data.payment.amount",
    }


@pytest.mark.parametrize("name", ["token", "card", "card_number", "cardNumber", "number"])
def test_a_card_by_another_name_is_refused_where_a_card_is_asked_for(name: str) -> None:
    body = {**TRIP, "payment": {name: "tok_declined"}}
    with pytest.raises(Problem) as caught:
        read(TripRequest, {"correlation_id": "x", "booking_data": body})
    assert list(caught.value.errors or {}) == [f"booking_data.payment.{name}"]


def test_a_hint_names_the_place_of_the_near_miss() -> None:
    body = {**TRIP, "passengers": [ADA, {**ADA, "first_nam": "C"}]}
    _, hints = read(TripRequest, {"correlation_id": "x", "booking_data": body})
    assert hints == ("booking_data.passengers[1].first_nam is not a known field; did you mean first_name?",)


def test_unknown_and_invalid_fields_are_named_together() -> None:
    errors, _ = noted({"user_id": None, "flight_id_2": 1})
    assert set(errors) == {"user_id", "flight_id_2"}


@pytest.mark.parametrize("strict", [False, True])
def test_what_the_envelope_carries_for_other_steps_is_known_and_not_validated(strict: bool) -> None:
    others: dict[str, Any] = {"flight_id": None, "contact_info": 1, "flight_fare": "x", "seat_numbers": {}}
    others |= {"amount": 1, "seat_class": 1, "other_charges": -1, "flights": [{"flight_id_2": 1}]}
    assert noted(others, strict=strict) == ({}, ())


def test_what_is_named_and_hinted_is_bounded_and_printable() -> None:
    many: dict[str, Any] = {f"flight_id_{number}": 1 for number in range(5000)}
    assert len(noted(many)[0]) == 20
    misses: dict[str, Any] = {f"user_id{number}": 1 for number in range(5000)}
    assert len(noted(misses)[1]) == 5
    errors, _ = noted({'seat_"\r\nX: 1ü' + "x" * 180: 1})
    (name,) = errors
    assert len(name) <= 250 and name.isascii()


@pytest.mark.parametrize(
    ("header", "asked"),
    [
        ("handling=strict", True),
        ('respond-async, handling="strict"', True),
        ("Handling = Strict; wait=10", True),
        ("handling=lenient", False),
        ("", False),
    ],
)
def test_a_preference_is_read_as_rfc_7240_writes_it(header: str, asked: bool) -> None:
    request = RequestFactory().post("/", headers={"Prefer": header})
    assert is_strict(request) is asked
