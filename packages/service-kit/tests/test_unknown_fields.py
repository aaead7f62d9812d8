"""What becomes of fields that nobody reads."""

from typing import Any

import pytest
from django.test import RequestFactory
from service_kit.fields import Fields
from service_kit.unknown_fields import BOOKING, ENVELOPE, note, prefers

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
    *["return_date", "fare", "payment_2", "Flight ID 2"],
]
HARMLESS = [
    *["note", "trace", "status", "miles_awarded", "booking_reference", "feedback", "legal", "return_url"],
    *["source", "locale", "x", "", "classification"],
]


def noted(source: dict[str, Any], *, strict: bool = False) -> tuple[dict[str, str], tuple[str, ...]]:
    body = Fields(source)
    hints = note(body, source, BOOKING, strict=strict)
    return body.errors, hints


@pytest.mark.parametrize("name", ASKING)
def test_a_field_that_asks_for_flights_seats_or_money_is_refused_by_its_name(name: str) -> None:
    errors, _ = noted({name: 2})
    assert list(errors) == [name] and errors[name].startswith("is not served")


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
    people = [{"first_name": "A", "last_name": "B"}, {"first_nam": "C", "seat": "1A"}]
    source = {"booking_data": {"passengers": people, "payment": {"amount": 1}}, "flight_id": 1}
    body = Fields(source)
    hints = note(body, source, ENVELOPE, strict=False)
    asked = ["flight_id", "booking_data.passengers[1].seat", "booking_data.payment.amount"]
    assert list(body.errors) == asked
    assert hints == ("booking_data.passengers[1].first_nam is not a known field; did you mean first_name?",)


def test_every_known_field_passes() -> None:
    people = [{"first_name": "A", "last_name": "B", "gender": "male"}]
    whole = {**dict.fromkeys(BOOKING, 1), "passengers": people, "payment": {"card_token": "tok_ok"}}
    assert noted(whole, strict=True) == ({}, ())


def test_what_is_named_and_hinted_is_bounded_and_printable() -> None:
    many: dict[str, Any] = {f"flight_id_{number}": 1 for number in range(5000)}
    assert len(noted(many)[0]) == 20
    misses: dict[str, Any] = {f"user_id{number}": 1 for number in range(5000)}
    assert len(noted(misses)[1]) == 5
    errors, _ = noted({'seat_"\r\nX: 1ü' + "x" * 500: 1})
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
    assert prefers(request, "handling=strict") is asked
