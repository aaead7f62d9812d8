from typing import Any

import pytest
from django_sagas.clock import utc_now
from pytest_django import Settings
from service_kit.testing.calls import envelope, post
from service_kit.testing.protocol import Pair
from service_kit.testing.unguarded import django_db_setup  # noqa: F401  what is emptied between tests

from loyalty.models import Account, LedgerEntry

AWARD = "/api/saga/award-miles/"
REVERSE = "/api/saga/reverse-miles/"
ADJUST = "/api/saga/adjust-miles/"
TRIP = "trip-1"


def booking(**changes: Any) -> dict[str, Any]:
    return {"user_id": 1, "flight_fare": 500.75, **changes}


def miles_of(correlation_id: str) -> int:
    """What the ledger gives under one correlation id; the balances must say the same in sum."""
    balances = sum(Account.objects.values_list("balance", flat=True))
    assert balances == sum(LedgerEntry.objects.values_list("miles", flat=True))
    return sum(LedgerEntry.objects.filter(correlation_id=correlation_id).values_list("miles", flat=True))


@pytest.fixture
def closed_account(transactional_db: None) -> Account:
    return Account.objects.create(user_id="closed", balance=0, closed=True, created_at=utc_now())


@pytest.fixture
def pair(closed_account: Account) -> Pair:
    return Pair(
        step="AwardMiles",
        action=AWARD,
        compensation=REVERSE,
        booking=booking(),
        same={"flight_fare": 500.75, "user_id": "1", "flights": [{"flight_id": 1}, {"flight_id": 2}]},
        other=booking(user_id=2),
        refused=booking(user_id=closed_account.user_id),
        refusal="ACCOUNT_CLOSED",
        worth=500,
        live=miles_of,
    )


@pytest.fixture
def adjustment(transactional_db: None, settings: Settings) -> Pair:
    """Of a trip that has earned 500 miles."""
    demo_mode, settings.DEMO_MODE = settings.DEMO_MODE, True
    assert post(AWARD, envelope(TRIP, booking())).status_code == 200
    settings.DEMO_MODE = demo_mode
    taken = {"user_id": 1, "trip_id": TRIP, "miles": -120}
    return Pair(
        step="AdjustMiles",
        action=ADJUST,
        compensation="",
        booking=taken,
        same={**taken, "user_id": "1"},
        other={**taken, "miles": 120},
        refused={**taken, "miles": -501},
        refusal="TOO_MANY_MILES",
        worth=-120,
        live=miles_of,
    )
