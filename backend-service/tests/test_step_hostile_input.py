"""Hostile bodies at the backend's four step endpoints and at start-booking."""

import pytest
from service_kit.testing.calls import envelope, post, snapshot
from service_kit.testing.hostile import CARD
from service_kit.testing.hostility import Hostility, Target, assert_bad_values_are_named, assert_refused

from flight.models import Flight
from tests.step_pairs import CANCEL_BOOKING, CANCEL_SEAT, CONFIRM, RESERVE, booking

START = "/api/saga/start-booking/"
ENVELOPE = ("correlation_id", "step_number", "simulate_failure", "booking_data")
PASSENGERS = ("passengers", "passengers[0].first_name", "passengers[0].last_name", "passengers[0].gender")
CONTACT = ("contact_info", "contact_info.email", "contact_info.mobile")
SEATS = ("seat_class", "seat_numbers")
PAYMENT = ("payment", "payment.card_token")


@pytest.fixture
def reserve(flight: Flight) -> Target:
    return Target(RESERVE, envelope("hostile", booking(flight)), "booking_data")


@pytest.fixture
def confirm(flight: Flight) -> Target:
    return Target(CONFIRM, envelope("hostile", booking(flight)), "booking_data")


@pytest.fixture
def start(flight: Flight) -> Target:
    return Target(START, booking(flight, payment={"card_token": "tok_ok"}))


class TestReserveSeat(Hostility):
    @pytest.fixture
    def target(self, reserve: Target) -> Target:
        return reserve


class TestConfirmBooking(Hostility):
    @pytest.fixture
    def target(self, confirm: Target) -> Target:
        return confirm


class TestCancelSeat(Hostility):
    @pytest.fixture
    def target(self) -> Target:
        return Target(CANCEL_SEAT, envelope("hostile"))


class TestCancelBooking(Hostility):
    @pytest.fixture
    def target(self) -> Target:
        return Target(CANCEL_BOOKING, envelope("hostile"))


class TestStartBooking(Hostility):
    @pytest.fixture
    def target(self, start: Target) -> Target:
        return start


@pytest.mark.django_db
@pytest.mark.parametrize("field", [*ENVELOPE, "flight_id", *PASSENGERS, *SEATS])
def test_bad_values_of_reserve_seat_are_400_and_named(reserve: Target, field: str) -> None:
    assert_bad_values_are_named(reserve, field)


@pytest.mark.django_db
@pytest.mark.parametrize("field", [*ENVELOPE, "flight_id", "user_id", *PASSENGERS, *CONTACT])
def test_bad_values_of_confirm_booking_are_400_and_named(confirm: Target, field: str) -> None:
    assert_bad_values_are_named(confirm, field)


@pytest.mark.django_db
@pytest.mark.parametrize("url", [CANCEL_SEAT, CANCEL_BOOKING])
@pytest.mark.parametrize("field", [*ENVELOPE])
def test_bad_values_of_a_compensation_are_400_and_named(url: str, field: str) -> None:
    assert_bad_values_are_named(Target(url, envelope("hostile")), field)


@pytest.mark.django_db
@pytest.mark.parametrize("field", ["flight_id", "user_id", *PASSENGERS, *CONTACT, *SEATS, *PAYMENT])
def test_bad_values_of_start_booking_are_400_and_named(start: Target, field: str) -> None:
    assert_bad_values_are_named(start, field)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "flag",
    [f"simulate_{step}_fail" for step in ("reserveseat", "authorizepayment", "awardmiles", "confirmbooking")],
)
def test_failure_switch_that_is_no_boolean_is_400_and_named(start: Target, flag: str) -> None:
    assert_bad_values_are_named(start, flag, [None, 0, 1, "true", "", [], {}])


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 201, "ü", "a\tb", CARD, CARD.replace(" ", "")])
def test_bad_idempotency_key_is_400_and_no_saga_is_started(start: Target, key: str) -> None:
    before = snapshot()
    body = assert_refused(post(start.url, start.valid, Idempotency_Key=key), 400)
    assert list(body["errors"]) == ["Idempotency-Key"]
    assert snapshot() == before


@pytest.mark.django_db
def test_every_bad_field_of_start_booking_is_named_at_once(start: Target) -> None:
    body = assert_refused(post(START, {"passengers": [{}, {"first_name": ""}], "seat_class": 1}), 400)
    assert set(body["errors"]) == {
        "flight_id",
        "user_id",
        "contact_info",
        "seat_class",
        "passengers[0].first_name",
        "passengers[0].last_name",
        "passengers[1].first_name",
        "passengers[1].last_name",
    }
