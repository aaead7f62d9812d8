"""Services that were restored to different moments: the participants forget, or the saga log does."""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_sagas.models import ManualSettlement
from service_kit.security.models import AuditEntry

from flight.models import Booking, Seat, Ticket
from tests.audit_reads import Reads, forget, reads, run
from tests.saga_world import Desk, World
from tests.settling import settle as end_settlement

__all__ = ["reads"]


def settle(*, apply: bool = True) -> tuple[int, list[str]]:
    out = StringIO()
    given: dict[str, Any] = {"since": "2000-01-01T00:00Z", "settled": -3600.0, "actor": "ada"}
    try:
        words = [f"--{name}={value}" for name, value in given.items()]
        call_command(
            "settle_restore", *words, *(["--apply", "--reason=restored"] if apply else []), stdout=out
        )
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue().splitlines()
    return 0, out.getvalue().splitlines()


def forget_at_participants(world: World, cid: str, *steps: str) -> None:
    for step in steps:
        world.participants.records.pop((cid, step))
    kinds = {"AuthorizePayment": "AUTHORIZED", "AwardMiles": "AWARD"}
    gone = {kinds[step] for step in steps}
    world.participants.ledger[:] = [
        one for one in world.participants.ledger if one.correlation_id != cid or one.kind not in gone
    ]


def test_call_of_a_saga_that_the_log_does_not_know_is_undone(desk: Desk, world: World, reads: Reads) -> None:
    lost = desk.book().json()["correlation_id"]
    _lose(lost, desk.status(lost)["settlement"])
    shown = settle(apply=False)
    assert shown == (
        1,
        [f"UNDO {lost} AuthorizePayment", f"UNDO {lost} AwardMiles", "0 sagas checked, 2 to settle"],
    )
    assert world.participants.records[(lost, "AwardMiles")].state == "DONE"
    assert settle() == (0, [*shown[1], "0 sagas checked, 0 to settle"])
    states = {
        step: world.participants.records[(lost, step)].state for step in ("AuthorizePayment", "AwardMiles")
    }
    assert states == {"AuthorizePayment": "UNDONE", "AwardMiles": "UNDONE"}
    assert run()[0] == 0
    told = AuditEntry.objects.filter(action="settle-lost").values_list("actor", "correlation_id", "reason")
    assert list(told) == [("ada", lost, "restored")] * 2
    assert set(ManualSettlement.objects.values_list("step", flat=True)) == {"AuthorizePayment", "AwardMiles"}
    # The world's own rules know no restore: these calls have no saga.
    for kept in (world.participants.breaches, world.participants.records, world.participants.ledger):
        kept.clear()


def _lose(cid: str, settlement: str) -> None:
    """The backend's database of a day before the booking."""
    for table in ("sagas_event", "sagas_saga"):
        forget(table, [cid, settlement])
    Ticket.objects.filter(booking__correlation_id=cid).delete()
    Booking.objects.filter(correlation_id=cid).delete()
    Seat.objects.filter(correlation_id=cid).delete()


def test_miles_that_loyalty_has_forgotten_are_awarded_again(desk: Desk, world: World, reads: Reads) -> None:
    cid = desk.book().json()["correlation_id"]
    forget_at_participants(world, cid, "AwardMiles")
    assert settle() == (
        0,
        [f"AGAIN {cid} AwardMiles", "1 sagas checked, 1 to settle", "1 sagas checked, 0 to settle"],
    )
    assert world.participants.records[(cid, "AwardMiles")].state == "DONE"
    assert run()[0] == 0


def test_trip_whose_payment_is_forgotten_is_cancelled_without_a_fee(
    desk: Desk, world: World, reads: Reads
) -> None:
    cid = desk.book().json()["correlation_id"]
    forget_at_participants(world, cid, "AuthorizePayment")
    code, lines = settle()
    assert (code, lines[0].split()[:2]) == (0, ["CANCEL", cid])
    saga = desk.status(cid)
    assert (saga["status"], saga["reason"]) == ("COMPENSATED", "CANCELLED_BY_OPERATOR")
    assert run()[0] == 0


def test_money_that_came_back_at_an_older_payment_is_given_back_again(
    desk: Desk, world: World, reads: Reads
) -> None:
    booked = desk.book().json()
    cid = booked["correlation_id"]
    before = dict(world.participants.records), list(world.participants.ledger)
    desk.post(f"/api/bookings/{booked['booking_reference']}/cancel/")
    world.participants.records.update(before[0])
    world.participants.ledger[:] = before[1]
    code, lines = settle()
    assert (code, lines[:2]) == (0, [f"AGAIN {cid} ReverseMiles", f"AGAIN {cid} CancelPayment"])
    assert run()[0] == 0


def test_settlement_of_a_cancelled_trip_whose_payment_is_forgotten_ends(
    desk: Desk, world: World, reads: Reads
) -> None:
    booked = desk.book().json()
    cid = booked["correlation_id"]
    desk.post(f"/api/bookings/{booked['booking_reference']}/cancel/")
    world.participants.records.pop((cid, "AuthorizePayment"))
    moved = {one.kind for one in world.participants.ledger} - {"AWARD", "REVERSAL"}
    world.participants.ledger[:] = [one for one in world.participants.ledger if one.kind not in moved]
    end_settlement(desk)
    settlement = desk.status(cid)["settlement"]
    assert desk.status(settlement)["steps"][0]["error_code"] == "PAYMENT_NOT_FOUND"
    assert settle()[1][0] == f"AGAIN {cid} CancelPayment"
    desk.recover(after=3600)
    told = desk.status(settlement)
    assert (told["status"], told["result"]["not_needed"]) == ("COMPLETED", True)
    assert run()[0] == 0
    # The world's own rules know no restore: payment was told twice, and remembers once.
    world.participants.successes.clear()


def test_settling_needs_a_reason(desk: Desk) -> None:
    with pytest.raises(CommandError, match="--reason"):
        call_command("settle_restore", "--since", "2000-01-01", "--apply")


def test_effect_that_another_course_of_the_saga_has_left_is_undone(
    desk: Desk, world: World, reads: Reads
) -> None:
    """The restored saga turned back before it came to AwardMiles, which loyalty had done before."""
    other = desk.book().json()["correlation_id"]
    cid = desk.book(simulate_authorizepayment_fail=True).json()["correlation_id"]
    key = (other, "AwardMiles")
    world.participants.records[(cid, "AwardMiles")] = world.participants.records[key]
    entry = next(
        one for one in world.participants.ledger if (one.correlation_id, one.kind) == (other, "AWARD")
    )
    world.participants.ledger.append(replace(entry, correlation_id=cid, trip=cid))
    assert settle()[1][0] == f"AGAIN {cid} ReverseMiles"
    assert run()[0] == 0
    world.participants.breaches.clear()
