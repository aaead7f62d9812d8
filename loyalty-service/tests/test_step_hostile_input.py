import pytest
from service_kit.testing.calls import envelope
from service_kit.testing.hostility import Hostility, Target, assert_bad_values_are_named

from tests.conftest import AWARD, REVERSE, booking

ENVELOPE = ("correlation_id", "step_number", "simulate_failure", "booking_data")


@pytest.fixture
def action() -> Target:
    return Target(AWARD, envelope("hostile", booking()), "booking_data")


@pytest.fixture
def compensation() -> Target:
    return Target(REVERSE, envelope("hostile"))


class TestAwardMiles(Hostility):
    @pytest.fixture
    def target(self, action: Target) -> Target:
        return action


class TestReverseMiles(Hostility):
    @pytest.fixture
    def target(self, compensation: Target) -> Target:
        return compensation


@pytest.mark.django_db
@pytest.mark.parametrize("field", [*ENVELOPE, "user_id", "flight_fare"])
def test_bad_values_of_award_miles_are_400_and_named(action: Target, field: str) -> None:
    assert_bad_values_are_named(action, field)


@pytest.mark.django_db
@pytest.mark.parametrize("field", [*ENVELOPE])
def test_bad_values_of_reverse_miles_are_400_and_named(compensation: Target, field: str) -> None:
    assert_bad_values_are_named(compensation, field)
