"""How much a page asks for: never more with more to show."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.desk import (
    BACKEND,
    COMPLETED,
    DEFINITIONS,
    EVENTS,
    LOYALTY,
    PAYMENT,
    SAGA,
    Desk,
    airport,
    booking,
    event,
    flight,
)
from ui.models import User

# The session, the traveller, and what a page writes into the session.
MOST_QUERIES = 6


def world(desk: Desk, traveller: User, size: int) -> None:
    """`size` flights, trips, sagas, entries and events."""
    desk.sells(*[flight(number) for number in range(1, size + 1)])
    days = [{"date": f"2099-12-{n + 1:02d}", "lowest_fare": 100.0} for n in range(min(size, 7))]
    desk.answers("/api/flights/fares/", {"days": days, "other_charges": 50.0})
    desk.answers("/api/flights/lowest/", {"results": []})
    desk.answers("/api/places/destinations/", {"results": [airport("ORD", "Chicago")] * size})
    trips = [
        booking(booking_reference=f"ABC2{n:02d}".replace("0", "A").replace("1", "B")) for n in range(size)
    ]
    desk.answers(f"/api/tickets/user/{traveller.traveller_id}/", {"results": trips, "next": None})
    desk.lists_trips(traveller.traveller_id, *trips)
    desk.answers("/api/bookings/ABC234/", booking(tickets=booking()["tickets"] * min(size, 9)))
    desk.quotes_a_cancellation()
    desk.lists(*[{**COMPLETED, "correlation_id": f"c{n}"} for n in range(size)])
    desk.audits()
    desk.answers("/api/saga/definitions/", DEFINITIONS)
    for base in (BACKEND, LOYALTY, PAYMENT):
        desk.answers("/api/demo/faults/", {"faults": [], "kinds": {}}, base=base)
    desk.tells(COMPLETED, EVENTS + [event(n, "SAGA_STEP_STARTED", step="AwardMiles") for n in range(5, size)])
    entries = [
        {"correlation_id": f"c{n}", "kind": "AWARD", "miles": 1, "created_at": ""} for n in range(size)
    ]
    for user in ("demo", traveller.traveller_id):
        desk.answers(f"/api/loyalty/{user}/", {"balance": 1, "entries": entries}, base=LOYALTY)
    desk.answers(f"/api/payments/{SAGA}/", {"status": "AUTHORIZED", "authorization_id": "a"}, base=PAYMENT)


@pytest.mark.parametrize(
    ("page", "calls"),
    [
        ("/", 0),
        ("/flights/?origin=X+(DFW)&destination=X+(ORD)&depart=2099-12-07", 1),
        ("/flights/fares/?from=DFW&to=ORD&day=2099-12-07", 1),
        ("/flights/calendar/?origin=X+(DFW)&destination=X+(ORD)", 2),
        ("/where/", 1),
        ("/where/?from=DFW", 3),
        ("/book/seats/?flight=1&passengers=1", 2),
        ("/book/passengers/?flight=1&passengers=1", 1),
        (f"/progress/{SAGA}/?how=1", 2),
        ("/trips/", 2),
        ("/trips/ABC234/", 1),
        ("/trips/ABC234/cancel/", 2),
        ("/miles/", 2),
        ("/console/", 3),
        ("/console/audit/", 1),
        (f"/console/{SAGA}/", 6),
        ("/faults/", 5),
    ],
)
def test_calls_and_queries_do_not_grow_with_what_is_shown(
    client: Client, desk: Desk, traveller: User, page: str, calls: int
) -> None:
    client.force_login(traveller)
    # What is kept for all pages is read once.
    client.get("/")
    for size in (2, 50):
        world(desk, traveller, size)
        before = len(desk.calls)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(page).status_code == 200
        assert len(desk.calls) - before == calls
        assert len(asked) <= MOST_QUERIES
