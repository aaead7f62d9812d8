from typing import Any

import pytest
from service_kit.testing.callers import service_bearer
from service_kit.testing.protocol import Pair
from service_kit.testing.unguarded import django_db_setup  # noqa: F401  what is emptied between tests

from hotel.models import EntryKind, LedgerEntry, Stock

STOCK = 100


def booking(**changes: Any) -> dict[str, Any]:
    return {"room": "standard", "price": 90.5, **changes}


def reserved(correlation_id: str) -> int:
    """What a booking holds by the ledger; the stock must say the same in sum."""

    def net(**which: str) -> int:
        entries = LedgerEntry.objects.filter(**which)
        return (
            entries.filter(kind=EntryKind.RESERVED).count() - entries.filter(kind=EntryKind.CANCELLED).count()
        )

    assert Stock.objects.get(room="standard").free == STOCK - net(room="standard")
    return net(correlation_id=correlation_id)


@pytest.fixture
def pair(transactional_db: None) -> Pair:
    for room, free in (("standard", STOCK), ("sold out", 0)):
        Stock.objects.update_or_create(room=room, defaults={"free": free})
    return Pair(
        step="ReserveRoom",
        action="/api/saga/reserve-room/",
        compensation="/api/saga/cancel-room/",
        booking=booking(),
        same={"price": 90.50, "room": "standard"},
        other=booking(price=91),
        refused=booking(room="sold out"),
        refusal="ROOM_UNAVAILABLE",
        worth=1,
        live=reserved,
    )


@pytest.fixture
def service_headers() -> dict[str, str]:
    """What the backend sends to prove who it is."""
    return {"Authorization": service_bearer(caller="backend", audience="hotel")}
