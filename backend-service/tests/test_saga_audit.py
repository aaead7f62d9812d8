"""The auditor against a running backend; payment's and loyalty's reads stand at the HTTP edge."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django_sagas.audit import auditor
from django_sagas.database import execute

from flight.models import Confirmation, Flight
from tests.audit_reads import Reads, bring_back, forget, reads, run
from tests.invariants import rows
from tests.saga_callers import EVIDENCE, act, stuck
from tests.saga_participants import answers
from tests.saga_world import SETTLE_AFTER, Desk, World, metric

__all__ = ["reads"]
"A fixture."


def test_a_settlement_is_held_against_the_payment_and_the_mail(
    desk: Desk, world: World, reads: Reads
) -> None:
    kept, cancelled = desk.book().json(), desk.book().json()
    desk.post(f"/api/bookings/{cancelled['booking_reference']}/cancel/")
    desk.recover(after=SETTLE_AFTER + 1)
    ended = {"settled": -2 * SETTLE_AFTER}
    assert run(**ended) == (0, ["4 sagas checked, 0 drifted, 0 unverified, 0 changed meanwhile"])
    cid = desk.status(kept["correlation_id"])["settlement"]
    captured = world.participants.captured.pop(kept["correlation_id"])
    (mail,) = Confirmation.objects.values()
    Confirmation.objects.all().delete()
    lines = run(**ended)[1]
    assert f"DRIFT {cid} CapturePayment: expected captured; seen nothing" in lines
    assert f"DRIFT {cid} SendConfirmation: expected sent; seen nothing" in lines
    world.participants.captured[kept["correlation_id"]] = captured
    Confirmation.objects.create(**mail)


def test_calls_of_sagas_that_the_log_has_lost_are_found_in_the_participants(
    desk: Desk, world: World, reads: Reads
) -> None:
    """The backend was restored to a day before these bookings; payment and loyalty were not."""
    kept = [desk.book().json()["correlation_id"] for _ in range(2)]
    lost = [desk.book().json()["correlation_id"] for _ in range(3)]
    copies = {table: forget(table, lost) for table in ("sagas_event", "sagas_saga")}
    code, lines = run()
    told = sorted(line for line in lines if line.startswith("LOST"))
    assert told == sorted(
        f"LOST {cid} {step}: expected a saga in the log; seen DONE"
        for cid in lost
        for step in ("AuthorizePayment", "AwardMiles")
    )
    assert (code, lines[-1]) == (1, "2 sagas checked, 6 drifted, 0 unverified, 0 changed meanwhile")
    assert not any(cid in line for cid in kept for line in lines)
    reads.caller = ""
    assert run()[0] == 0  # Direct calls are nobody's loss.
    for table, found in reversed(copies.items()):
        bring_back(table, found)


def cancelled(desk: Desk) -> str:
    booked = desk.book().json()
    desk.post(f"/api/bookings/{booked['booking_reference']}/cancel/")
    cid: str = booked["correlation_id"]
    return cid


def test_completed_failed_and_cancelled_sagas_agree_with_their_owners(
    desk: Desk, world: World, reads: Reads
) -> None:
    desk.book()
    desk.book(simulate_reserveseat_fail=True)
    desk.book(simulate_awardmiles_fail=True)
    desk.book(simulate_confirmbooking_fail=True)
    cancelled(desk)
    assert run() == (0, ["5 sagas checked, 0 drifted, 0 unverified, 0 changed meanwhile"])
    assert len({request.headers["Authorization"] for request in reads.asked}) == 2
    assert all("X-Correlation-ID" in request.headers for request in reads.asked)


def test_a_settlement_by_hand_stays_in_the_overview_until_its_owner_agrees(
    desk: Desk, world: World, reads: Reads
) -> None:
    cid = stuck(desk, world)
    act(desk, cid, "resolve", **EVIDENCE)
    reminder = desk.get("/api/saga/overview/")["settled_by_hand"]
    (one,) = reminder["oldest"]
    told = (reminder["count"], one["correlation_id"], one["step"], one["seen"])
    assert told == (1, cid, "AuthorizePayment", None)
    assert f"STILL OPEN {cid} AuthorizePayment: expected nothing or CANCELLED" in str(run())
    reminder = desk.get("/api/saga/overview/")["settled_by_hand"]
    assert (reminder["count"], reminder["oldest"][0]["seen"]) == (1, "AUTHORIZED 450.00 USD")
    assert metric(desk.client.get("/metrics").content.decode(), "sagas_settled_by_hand_open") == 1
    # The bank cancels it; the auditor sees that.
    paid = next(one for one in world.participants.ledger if one.kind == "AUTHORIZED")
    world.participants.ledger.append(replace(paid, kind="CANCELLED", amount=-paid.amount))
    assert "STILL OPEN" not in str(run())
    assert desk.get("/api/saga/overview/")["settled_by_hand"] == {"count": 0, "oldest": []}


def changed(world: World, at: str, **changes: Any) -> None:
    """An owner's ledger is changed behind everybody's back, at the newest entry of this kind."""
    ledger = world.participants.ledger
    place = max(place for place, one in enumerate(ledger) if one.kind == at)
    ledger[place] = replace(ledger[place], **changes)


def test_a_payment_over_another_amount_is_drift_and_nothing_is_repaired(
    desk: Desk, world: World, reads: Reads
) -> None:
    cid = desk.book().json()["correlation_id"]
    changed(world, "AUTHORIZED", amount=Decimal("451.00"))
    before = rows("SELECT * FROM sagas_saga"), rows("SELECT * FROM sagas_event")
    expected = "AUTHORIZED 450.00 USD or CAPTURED 450.00 USD, 450.00 kept"
    seen = f"DRIFT {cid} AuthorizePayment: expected {expected}; seen AUTHORIZED 451.00 USD"
    try:
        assert run()[0] == 1
        assert run()[1][0] == seen
    finally:
        changed(world, "AUTHORIZED", amount=Decimal("450.00"))
    assert (rows("SELECT * FROM sagas_saga"), rows("SELECT * FROM sagas_event")) == before
    alarms = rows("SELECT kind, action, evidence FROM security_audit WHERE correlation_id = %s", cid)
    assert alarms == [
        {
            "kind": "alarm",
            "action": "drift-AuthorizePayment",
            "evidence": f"seen AUTHORIZED 451.00 USD; expected {expected}",
        }
    ]


@pytest.mark.parametrize(
    ("kind", "step", "seen"),
    [("AUTHORIZED", "AuthorizePayment", "nothing"), ("AWARD", "AwardMiles", "nothing")],
)
def test_an_effect_that_its_owner_does_not_know_is_drift(
    desk: Desk, world: World, reads: Reads, kind: str, step: str, seen: str
) -> None:
    desk.book()
    kept = list(world.participants.ledger)
    world.participants.ledger[:] = [one for one in kept if one.kind != kind]
    code, lines = run()
    world.participants.ledger[:] = kept
    assert code == 1 and f"{step}: expected" in lines[0] and lines[0].endswith(f"seen {seen}")


@pytest.mark.parametrize(
    ("tamper", "mend", "step"),
    [
        (
            "UPDATE flight_seat SET state = 'HELD'",
            "UPDATE flight_seat SET state = 'SOLD'",
            "ReserveSeat",
        ),
        (
            "UPDATE flight_booking SET amount = 1",
            "UPDATE flight_booking SET amount = 45000",
            "ConfirmBooking",
        ),
    ],
)
def test_our_own_seats_and_bookings_are_held_against_the_log_too(
    desk: Desk, reads: Reads, tamper: str, mend: str, step: str
) -> None:
    desk.book()
    execute(tamper)
    try:
        code, lines = run()
    finally:
        execute(mend)
    assert code == 1 and f" {step}: expected" in lines[0]


def test_half_a_trip_is_drift(desk: Desk, reads: Reads, trip: list[Flight]) -> None:
    desk.book_trip(trip[0], trip[2])
    code, _ = run()
    assert code == 0
    change = "UPDATE flight_seat SET state = %s WHERE flight_id = %s"
    execute(change, ("RELEASED", trip[2].id))
    try:
        code, lines = run()
    finally:
        execute(change, ("SOLD", trip[2].id))
    assert code == 1 and " ReserveSeat: expected" in lines[0]
    assert lines[0].endswith(f"seen 4A of flight {trip[0].id} SOLD, 4B of flight {trip[0].id} SOLD")


def test_money_that_stayed_after_the_compensation_is_drift(desk: Desk, world: World, reads: Reads) -> None:
    desk.book(simulate_awardmiles_fail=True)
    changed(world, "CANCELLED", kind="AUTHORIZED")
    try:
        code, lines = run()
    finally:
        changed(world, "AUTHORIZED", kind="CANCELLED")
    assert code == 1 and lines[0].endswith(
        "expected nothing or CANCELLED 450.00 USD or EXPIRED 450.00 USD or REFUNDED 450.00 USD;"
        " seen AUTHORIZED 450.00 USD"
    )


@pytest.mark.parametrize("body", ["<html></html>", "[]", "{}"])
@pytest.mark.parametrize("status", [500, 401, 404, 200])
def test_an_owner_that_cannot_say_is_unverified_and_no_drift(
    desk: Desk, reads: Reads, status: int, body: str
) -> None:
    """A proxy's 404 says nothing about the payment."""
    desk.book()
    reads.instead = (status, {}, body)
    code, lines = run()
    assert code == 2
    assert lines[0] == f"UNVERIFIED 1 sagas: payment answered {status}, which is not what was asked for"
    assert lines[1].startswith("0 sagas checked, 0 drifted, 1 unverified")


def test_what_was_settled_by_hand_is_no_drift_and_is_listed_for_ever(
    desk: Desk, world: World, reads: Reads
) -> None:
    cid = stuck(desk, world)
    act(desk, cid, "resolve", **EVIDENCE)
    code, lines = run()
    assert code == 0
    assert lines[0].startswith(f"BY HAND {cid} by demo at ")
    assert lines[0].endswith("the bank was called (ticket 4711)")
    later = run(since=world.clock.at.replace(year=world.clock.at.year + 10))
    assert later[1][0] == lines[0]
    assert later[1][1].startswith(f"STILL OPEN {cid} AuthorizePayment")
    assert later[1][2].startswith("0 sagas checked")


def test_open_sagas_and_those_that_ended_just_now_are_left_alone(
    desk: Desk, world: World, reads: Reads
) -> None:
    world.participants.always("CancelPayment", answers(503))
    desk.book(simulate_awardmiles_fail=True)
    desk.book()
    assert run(settled=3600.0)[1] == ["0 sagas checked, 0 drifted, 0 unverified, 0 changed meanwhile"]
    assert run()[1] == ["1 sagas checked, 0 drifted, 0 unverified, 0 changed meanwhile"]


def test_a_booking_that_is_cancelled_while_it_is_looked_at_is_no_drift(
    desk: Desk, world: World, reads: Reads
) -> None:
    booked = desk.book().json()
    cancel = f"/api/bookings/{booked['booking_reference']}/cancel/"
    reads.meanwhile = lambda: desk.post(cancel)
    assert run() == (0, ["0 sagas checked, 0 drifted, 0 unverified, 1 changed meanwhile"])


def test_pages_follow_each_other_without_a_gap_up_to_the_limit(
    desk: Desk, world: World, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditor, "PAGE", 2)
    for _ in range(5):
        desk.book()
    execute("UPDATE sagas_saga SET created_at = (SELECT MIN(created_at) FROM sagas_saga)")
    assert run()[1][-1].startswith("5 sagas checked")
    assert run(limit=3)[1][-1].startswith("3 sagas checked")


def test_a_page_is_found_by_index(desk: Desk, reads: Reads) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL plans a small table otherwise")
    desk.book()
    with CaptureQueriesContext(connection) as asked:
        run()
    walked = [
        step["detail"]
        for query in asked.captured_queries
        if query["sql"].lstrip().startswith("SELECT")
        for step in rows(f"EXPLAIN QUERY PLAN {query['sql']}")
        if step["detail"].startswith("SCAN flight_s")
    ]
    assert walked == []


def test_metrics_show_the_newest_run_and_nothing_before_the_first(
    desk: Desk, world: World, reads: Reads
) -> None:
    assert "saga_audit" not in desk.client.get("/metrics").content.decode()
    desk.book()
    changed(world, "AWARD", amount=Decimal(399))
    run()
    text = desk.client.get("/metrics").content.decode()
    changed(world, "AWARD", amount=Decimal(400))
    assert (metric(text, "saga_audit_checked"), metric(text, "saga_audit_drifted")) == (1, 1)
    assert metric(text, "saga_audit_unverified") == 0
    run()
    text = desk.client.get("/metrics").content.decode()
    assert metric(text, "saga_audit_drifted") == 0
    assert metric(text, "saga_audit_age_seconds") < 60


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="not an ISO 8601 time"):
        call_command("audit_sagas", "--since", "yesterday")
