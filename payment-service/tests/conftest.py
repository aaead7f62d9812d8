from typing import Any

import pytest
from service_kit.credentials import service_bearer
from service_kit.testing.protocol import Pair
from service_kit.testing.unguarded import django_db_setup  # noqa: F401  what is emptied between tests

from payment.models import EntryKind, LedgerEntry

AUTHORIZE = "/api/saga/authorize-payment/"
CANCEL = "/api/saga/cancel-payment/"


def booking(**changes: Any) -> dict[str, Any]:
    return {"user_id": 1, "flight_fare": 500.0, "payment": {"card_token": "tok_ok"}, **changes}


def held_cents(correlation_id: str) -> int:
    """What the ledger holds on the card for a booking."""
    entries = LedgerEntry.objects.filter(correlation_id=correlation_id)
    return sum(entry.amount * (1 if entry.kind == EntryKind.AUTHORIZED else -1) for entry in entries)


@pytest.fixture
def pair() -> Pair:
    return Pair(
        step="AuthorizePayment",
        action=AUTHORIZE,
        compensation=CANCEL,
        booking=booking(),
        same={"flight_fare": 500, "user_id": "1"},
        other=booking(flight_fare=500.01),
        refused=booking(payment={"card_token": "tok_declined"}),
        refusal="PAYMENT_DECLINED",
        worth=55000,
        live=held_cents,
    )


@pytest.fixture
def service_headers() -> dict[str, str]:
    """What the backend sends to prove who it is."""
    return {"Authorization": service_bearer(caller="backend", audience="payment")}
