"""Changes whose payment has expired between the swap of the tickets and the capture."""

from typing import Any

import pytest

from tests.booked_trip import Trip
from tests.saga_participants import never_arrives
from tests.saga_world import World
from tests.settling import settle


def change_to(trip: Trip, flight: Any) -> str:
    """A change whose money is not captured; its correlation id."""
    answer = trip.change(trip.quote(flight)["quote_id"])
    assert answer.status_code == 202, answer.content
    cid: str = answer.json()["correlation_id"]
    return cid


@pytest.fixture
def refunding(trip: Trip, world: World) -> str:
    """A cheaper trip, of which the booking's own payment has expired; its settlement has found out too."""
    world.participants.expired.add(trip.booking)
    cid = change_to(trip, trip.cheaper)
    settle(trip.desk)
    return cid


@pytest.fixture
def paying(trip: Trip, world: World) -> str:
    """A dearer trip, of which the payment over the difference has expired."""
    settle(trip.desk)
    world.participants.then("CapturePayment", never_arrives)
    cid = change_to(trip, trip.dearer)
    world.participants.expired.add(cid)
    trip.desk.recover()
    return cid
