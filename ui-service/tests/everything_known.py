"""Services that know of all that a traveller's pages show."""

import pytest
from django.test import Client
from pytest_django import Settings

from tests.desk import DECLINED, DEFINITIONS, LOYALTY, RUNNING, SAGA, Desk, booking, return_booking, saga
from ui.models import User

CANCELLED = saga(
    "COMPENSATED", "UNDONE UNDONE RESOLVED UNDONE", reason="CANCELLED_BY_USER", booking_reference="ABC234"
)
UNDOING = saga("COMPENSATING", "DONE UNDOING REFUSED PENDING", needs_attention=True)


@pytest.fixture
def world(client: Client, desk: Desk, traveller: User, settings: Settings) -> None:
    """Outside demo mode, where no page has switches for learners."""
    client.force_login(traveller)
    settings.DEMO_MODE = False
    desk.sells()
    desk.answers("/api/saga/definitions/", DEFINITIONS)
    desk.lists(RUNNING, UNDOING, DECLINED)
    desk.lists_trips(traveller.traveller_id, booking(), booking(status="CANCELLED"))
    path = f"/api/tickets/user/{traveller.traveller_id}/"
    desk.answers(path, {"results": [booking()], "next": None})
    desk.answers("/api/bookings/ABC234/", booking())
    desk.quotes_a_cancellation()
    desk.answers("/api/bookings/RET234/", return_booking(booking_reference="RET234"))
    desk.answers("/api/bookings/GNE234/", booking(status="CANCELLED"))
    entry = {"correlation_id": SAGA, "kind": "AWARD", "miles": 161, "created_at": "2026-11-23T02:00:00.1Z"}
    for user in ("demo", traveller.traveller_id):
        account = {"user_id": user, "balance": 161, "tier": "Member", "in_debt": False, "entries": [entry]}
        desk.answers(f"/api/loyalty/{user}/", account, base=LOYALTY)
