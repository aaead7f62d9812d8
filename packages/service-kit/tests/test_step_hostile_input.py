import pytest
from service_kit.testing.calls import envelope
from service_kit.testing.hostility import Hostility, Target, assert_bad_values_are_named
from service_kit.testing.protocol import Pair


class TestAddEntry(Hostility):
    @pytest.fixture
    def target(self, pair: Pair) -> Target:
        return Target(pair.action, envelope("hostile", pair.booking), "booking_data")


class TestRemoveEntry(Hostility):
    @pytest.fixture
    def target(self, pair: Pair) -> Target:
        return Target(pair.compensation, envelope("hostile"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "field", ["correlation_id", "step_number", "simulate_failure", "booking_data", "user_id", "flight_fare"]
)
def test_bad_values_are_400_and_named(pair: Pair, field: str) -> None:
    target = Target(pair.action, envelope("hostile", pair.booking), "booking_data")
    assert_bad_values_are_named(target, field)
