"""Trips that were changed, after a restore to different moments."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import LazySettings
from django_sagas import json_text
from django_sagas.clock import utc_now
from service_kit.security.models import AuditEntry

from flight.models import Booking
from tests.audit_reads import Reads, reads, run
from tests.booked_trip import Trip, trip
from tests.saga_participants import MILES, answers
from tests.saga_world import World
from tests.settling import settle as end_settlement
from tests.test_settle_restore import settle

__all__ = ["reads", "trip"]
"Fixtures."


def forget(world: World, cid: str, *steps: str) -> None:
    """What a participant of an earlier day does not know yet of a change."""
    kinds = {"AuthorizePayment": "AUTHORIZED", "RefundPayment": "REFUNDED", "AdjustMiles": "ADJUSTED"}
    participants = world.participants
    for step in steps:
        record = participants.records.pop((cid, step))
        if step == "CapturePayment":
            participants.captured.pop(str(record.used["payment_id"]), None)
    gone = {kinds.get(step) for step in steps}
    participants.ledger[:] = [
        one for one in participants.ledger if one.correlation_id != cid or one.kind not in gone
    ]


def lose(world: World, name: str, cid: str, data: dict[str, Any]) -> None:
    """A call that a change has made of which the log of an earlier day knows nothing."""
    world.participants.take(name, json_text.dumps({"correlation_id": cid, "booking_data": data}))


def verbs(lines: list[str]) -> list[tuple[str, str]]:
    """What settles which saga, in the first pass."""
    found = [line.split() for line in lines]
    first = next(place for place, words in enumerate(found) if words[1:3] == ["sagas", "checked,"])
    return [(words[0], words[1]) for words in found[:first]]


def is_cancelled(trip: Trip, world: World) -> None:
    """Everything has gone back, once, and the trip says so."""
    assert trip.desk.status(trip.booking)["status"] == "COMPENSATED"
    assert Booking.objects.get().status == "CANCELLED"
    assert world.participants.money_of(trip.booking) == world.participants.miles_of(trip.booking) == 0


def closed(world: World) -> None:
    """The world's own rules know no restore: its records are what a test has made of them."""
    told = world.participants
    for kept in (told.breaches, told.records, told.ledger, told.successes):
        kept.clear()


def test_refund_and_miles_of_a_cheaper_trip_that_are_forgotten_are_done_again(
    trip: Trip, reads: Reads, world: World
) -> None:
    end_settlement(trip.desk)
    change = trip.changed(trip.cheaper)["correlation_id"]
    before = trip.state()
    forget(world, change, "CapturePayment", "RefundPayment", "AdjustMiles")
    world.participants.captured[trip.booking] = Decimal(450)  # By the settlement.
    code, lines = settle()
    assert (code, verbs(lines)) == (0, [("AGAIN", trip.booking)])
    assert trip.state() == before and run()[0] == 0


def test_trip_whose_dearer_payment_is_forgotten_is_cancelled(trip: Trip, reads: Reads, world: World) -> None:
    change = trip.changed(trip.dearer)["correlation_id"]
    forget(world, change, "AuthorizePayment", "CapturePayment")
    code, lines = settle()
    assert (code, verbs(lines)) == (0, [("CANCEL", trip.booking)])
    is_cancelled(trip, world)
    assert trip.desk.status(trip.booking)["result"]["fee"] == 0
    assert run()[0] == 0


def test_change_that_waits_for_a_lost_payment_ends_with_its_trip(
    trip: Trip, reads: Reads, world: World
) -> None:
    lost = answers(200, {"success": False, "error": "There is none.", "error_code": "PAYMENT_NOT_FOUND"})
    world.participants.always("CapturePayment", lost)
    change = trip.change(trip.quote(trip.dearer)["quote_id"]).json()["correlation_id"]
    forget(world, change, "AuthorizePayment")
    world.participants.heal()
    code, lines = settle()
    assert (code, verbs(lines)) == (0, [("CANCEL", trip.booking)])
    end_settlement(trip.desk)
    ended = trip.desk.status(change)
    assert (ended["status"], ended["result"]["not_needed"]) == ("COMPLETED", True)
    is_cancelled(trip, world)
    assert run()[0] == 0
    closed(world)


def test_dearer_change_that_the_log_has_lost_gives_its_money_back(
    trip: Trip, reads: Reads, world: World
) -> None:
    paid = {"user_id": "1", "trip_id": trip.booking, "flight_fare": 0.5, "other_charges": 0}
    lose(world, "AuthorizePayment", "lost-1", paid)
    code, lines = settle()
    assert (code, verbs(lines)) == (0, [("UNDO", "lost-1")])
    trip.is_as_booked()
    world.participants.breaches.clear()
    del world.participants.records["lost-1", "AuthorizePayment"]


def test_trip_with_the_miles_of_a_change_that_the_log_has_lost_is_cancelled(
    trip: Trip, reads: Reads, world: World
) -> None:
    end_settlement(trip.desk)
    lose(world, "AdjustMiles", "lost-1", {"user_id": "1", "trip_id": trip.booking, "miles": 100})
    code, lines = settle()
    assert (code, verbs(lines)) == (0, [("AGAIN", trip.booking), ("NOTE", "lost-1")])
    assert lines[0].endswith(": the trip was cancelled instead")
    is_cancelled(trip, world)
    assert run()[0] == 0
    closed(world)


def test_refund_of_a_change_that_the_log_has_lost_is_no_fee_of_the_cancelled_trip(
    trip: Trip, reads: Reads, world: World
) -> None:
    end_settlement(trip.desk)
    lose(world, "RefundPayment", "lost-1", {"payment_id": trip.booking, "amount": 100})
    code, lines = settle()
    assert (code, verbs(lines)) == (0, [("CANCEL", trip.booking), ("NOTE", "lost-1")])
    is_cancelled(trip, world)
    assert trip.desk.status(trip.booking)["result"]["fee"] == 0
    closed(world)


def test_fee_whose_payment_is_forgotten_is_noted_and_an_alarm(
    trip: Trip, reads: Reads, world: World, settings: LazySettings
) -> None:
    settings.CANCELLATION_FEES = {"economy": 5_000}
    end_settlement(trip.desk)
    Booking.objects.update(created_at=utc_now() - timedelta(days=2))
    assert trip.cancel().json()["fee"] == 100.0
    world.participants.records.pop((trip.booking, "AuthorizePayment"))
    world.participants.ledger[:] = [one for one in world.participants.ledger if one.kind in MILES]
    code, lines = settle()
    assert (code, verbs(lines)) == (0, [("AGAIN", trip.booking)])
    (alarm,) = AuditEntry.objects.filter(action="fee-not-kept").values_list("reason", flat=True)
    assert alarm == "100.00 USD of the fee could not be kept: payment has lost it"
    assert run()[0] == 0
    closed(world)


def test_fee_of_a_cancellation_that_the_log_has_lost_stays_kept(
    trip: Trip, reads: Reads, world: World
) -> None:
    end_settlement(trip.desk)
    lose(world, "CancelPayment", trip.booking, {"keep": 100})
    code, lines = settle()
    assert (code, verbs(lines)) == (0, [("CANCEL", trip.booking)])
    assert trip.desk.status(trip.booking)["result"]["fee"] == 100.0
    assert world.participants.money_of(trip.booking) == 100 and run()[0] == 0
    world.participants.breaches.clear()
