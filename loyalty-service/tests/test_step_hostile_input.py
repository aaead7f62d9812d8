import pytest
from service_kit.testing.calls import envelope
from service_kit.testing.hostile import BAD_VALUES
from service_kit.testing.hostility import Hostility, Target, assert_bad_values_are_named

from tests.conftest import ADJUST, AWARD, REVERSE, TRIP, booking

ENVELOPE = ("correlation_id", "step_number", "simulate_failure", "booking_data")


@pytest.fixture
def action() -> Target:
    return Target(AWARD, envelope("hostile", booking()), "booking_data")


@pytest.fixture
def compensation() -> Target:
    return Target(REVERSE, envelope("hostile"))


@pytest.fixture
def adjustment() -> Target:
    taken = {"user_id": 1, "trip_id": TRIP, "miles": -120}
    return Target(ADJUST, envelope("hostile", taken), "booking_data")


class TestAwardMiles(Hostility):
    @pytest.fixture
    def target(self, action: Target) -> Target:
        return action


class TestReverseMiles(Hostility):
    @pytest.fixture
    def target(self, compensation: Target) -> Target:
        return compensation


class TestAdjustMiles(Hostility):
    @pytest.fixture
    def target(self, adjustment: Target) -> Target:
        return adjustment


@pytest.mark.django_db
@pytest.mark.parametrize("field", [*ENVELOPE, "user_id", "flight_fare"])
def test_bad_values_of_award_miles_are_400_and_named(action: Target, field: str) -> None:
    assert_bad_values_are_named(action, field)


@pytest.mark.django_db
@pytest.mark.parametrize("field", [*ENVELOPE])
def test_bad_values_of_reverse_miles_are_400_and_named(compensation: Target, field: str) -> None:
    assert_bad_values_are_named(compensation, field)


@pytest.mark.django_db
@pytest.mark.parametrize("field", [*ENVELOPE, "user_id"])
def test_bad_values_of_adjust_miles_are_400_and_named(adjustment: Target, field: str) -> None:
    assert_bad_values_are_named(adjustment, field)


@pytest.mark.django_db
def test_adjustment_names_a_trip_and_at_most_the_miles_of_the_dearest_booking(adjustment: Target) -> None:
    assert_bad_values_are_named(adjustment, "trip_id", BAD_VALUES["correlation_id"])
    assert_bad_values_are_named(
        adjustment, "miles", [0, True, "5", 1.5, 5.0, None, [], {}, 1_000_001, -1_000_001]
    )
