import pytest
from service_kit.testing.protocol import Pair

from tests.participant.models import Entry


def total(correlation_id: str) -> int:
    return sum(Entry.objects.filter(correlation_id=correlation_id).values_list("amount", flat=True))


@pytest.fixture
def pair() -> Pair:
    return Pair(
        step="AddEntry",
        action="/api/saga/add-entry/",
        compensation="/api/saga/remove-entry/",
        booking={"user_id": 1, "flight_fare": 500},
        same={"flight_fare": 500.00, "user_id": "1"},
        other={"user_id": 1, "flight_fare": 501},
        refused={"user_id": 1, "flight_fare": 13},
        refusal="LIMIT_EXCEEDED",
        worth=50000,
        live=total,
    )
