"""Outside demo mode: whose trip may be changed by which caller."""

from typing import Any

import pytest
from django.conf import LazySettings
from service_kit.security.models import AuditEntry

from tests.booked_trip import Trip, trip
from tests.saga_callers import token
from tests.saga_participants import never_arrives
from tests.saga_world import World

__all__ = ["trip"]
"A fixture."


def ask(trip: Trip, what: str, body: Any, who: dict[str, str]) -> Any:
    return trip.desk.post(f"/api/bookings/{trip.reference}/{what}/", body, headers=who)


@pytest.fixture
def quoted(trip: Trip, settings: LazySettings) -> str:
    """A quote of the dearer trip, from then on outside demo mode."""
    quote: str = trip.quote(trip.dearer)["quote_id"]
    settings.DEMO_MODE = False
    return quote


@pytest.mark.parametrize("what", ["change-quote", "change"])
def test_strangers_see_no_booking_and_auditors_change_nothing(trip: Trip, quoted: str, what: str) -> None:
    body = {"flights": [{"flight_id": trip.dearer.id}], "quote_id": quoted}
    stranger, auditor = token("2"), token("9", "auditor")
    assert [ask(trip, what, body, who).status_code for who in (stranger, auditor)] == [404, 403]
    assert ask(trip, what, body, {}).status_code == 404
    trip.is_as_booked()


def test_dearer_trip_needs_a_card(trip: Trip, quoted: str) -> None:
    refused = ask(trip, "change", {"quote_id": quoted}, token("1"))
    assert (refused.status_code, [*refused.json()["errors"]]) == (400, ["payment"])
    paid = ask(trip, "change", {"quote_id": quoted, "payment": {"card_token": "tok_ok"}}, token("1"))
    assert paid.json()["success"]


def test_operator_changes_for_a_reason_that_is_kept(trip: Trip, quoted: str) -> None:
    body, operator = {"quote_id": quoted, "payment": {"card_token": "tok_ok"}}, token("9", "operator")
    refused = ask(trip, "change", body, operator)
    assert (refused.status_code, [*refused.json()["errors"]]) == (400, ["reason"])
    done = ask(trip, "change", {**body, "reason": "asked by telephone"}, operator).json()
    assert done["success"]
    entry = AuditEntry.objects.get(correlation_id=done["correlation_id"])
    assert (entry.actor, entry.action, entry.reason) == ("9", "change-booking", "asked by telephone")


def test_open_change_does_not_count_as_a_booking(trip: Trip, quoted: str, world: World) -> None:
    world.participants.always("AdjustMiles", never_arrives)
    body = {"quote_id": quoted, "payment": {"card_token": "tok_ok"}}
    assert ask(trip, "change", body, token("1")).status_code == 202
    assert trip.desk.book(headers=token("1")).json()["success"]
