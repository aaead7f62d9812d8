from typing import Any

import pytest
from pytest_django import Settings
from service_kit.testing.calls import envelope, post, snapshot
from service_kit.testing.hostile import BAD_VALUES
from service_kit.testing.hostility import Hostility, Target, assert_bad_values_are_named

from tests.conftest import AUTHORIZE, CANCEL, CAPTURE, REFUND, booking

ENVELOPE = ("correlation_id", "step_number", "simulate_failure", "booking_data")


@pytest.fixture
def action() -> Target:
    return Target(AUTHORIZE, envelope("hostile", booking()), "booking_data")


@pytest.fixture
def compensation() -> Target:
    return Target(CANCEL, envelope("hostile"))


class TestAuthorizePayment(Hostility):
    @pytest.fixture
    def target(self, action: Target) -> Target:
        return action


class TestCancelPayment(Hostility):
    @pytest.fixture
    def target(self, compensation: Target) -> Target:
        return compensation


class TestCapturePayment(Hostility):
    @pytest.fixture
    def target(self) -> Target:
        return Target(CAPTURE, envelope("hostile", {"amount": 10, "payment_id": "trip"}), "booking_data")


class TestRefundPayment(Hostility):
    @pytest.fixture
    def target(self) -> Target:
        return Target(REFUND, envelope("hostile", {"amount": 10, "payment_id": "trip"}), "booking_data")


@pytest.mark.django_db
@pytest.mark.parametrize("url", [CAPTURE, REFUND])
@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("amount", BAD_VALUES["flight_fare"]),
        ("payment_id", BAD_VALUES["correlation_id"]),
        ("settle", BAD_VALUES["simulate_failure"]),
    ],
)
def test_bad_values_of_capture_and_refund_are_400_and_named(url: str, field: str, values: list[Any]) -> None:
    target = Target(url, envelope("hostile", {"amount": 10, "payment_id": "trip"}), "booking_data")
    assert_bad_values_are_named(target, field, values)


@pytest.mark.django_db
def test_refund_without_an_amount_is_400() -> None:
    answer = post(REFUND, envelope("hostile", {"payment_id": "trip"}))
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["booking_data.amount"])


@pytest.mark.django_db
@pytest.mark.parametrize("field", [*ENVELOPE, "user_id", "flight_fare", "payment", "payment.card_token"])
def test_bad_values_of_authorize_payment_are_400_and_named(action: Target, field: str) -> None:
    assert_bad_values_are_named(action, field)


@pytest.mark.django_db
@pytest.mark.parametrize("field", [*ENVELOPE])
def test_bad_values_of_cancel_payment_are_400_and_named(compensation: Target, field: str) -> None:
    assert_bad_values_are_named(compensation, field)


@pytest.mark.django_db
def test_every_bad_field_is_named_at_once() -> None:
    bad = {"user_id": "a b", "flight_fare": "500", "payment": {"card_token": "4"}}
    answer = post(AUTHORIZE, {"correlation_id": "test-1", "step_number": "1", "booking_data": bad})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {
        "step_number",
        "booking_data.user_id",
        "booking_data.flight_fare",
        "booking_data.payment.card_token",
    }
    assert answer.json()["correlation_id"] == "test-1"


@pytest.mark.django_db
@pytest.mark.parametrize("missing", ["correlation_id", "booking_data"])
def test_missing_part_are_400_and_named(missing: str) -> None:
    body = envelope("test-1", booking())
    del body[missing]
    answer = post(AUTHORIZE, body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [missing])


@pytest.mark.django_db
def test_card_token_is_required_outside_demo_mode(
    settings: Settings, service_headers: dict[str, str]
) -> None:
    settings.DEMO_MODE = False
    before = snapshot()
    answer = post(AUTHORIZE, envelope("test-1", {"user_id": 1, "flight_fare": 5}), **service_headers)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["booking_data.payment"])
    assert snapshot() == before
