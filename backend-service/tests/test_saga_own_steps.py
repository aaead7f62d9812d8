"""A saga runs, goes back and is shown by the steps of its own row, whatever table this release has."""

import json
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_sagas import answers, unserved
from django_sagas.database import execute
from django_sagas.definitions import remote
from django_sagas.state import LOCAL, SagaState, StepState

from flight.saga_orchestrator_complete import STEPS, BookTrip, booking_data
from tests.saga_world import Desk, Died, DiesAfterCommit, World


class LoungeTrip(BookTrip):
    """A release whose table has lost a step."""

    name = "lounge-trip"
    retired = (remote("BookLounge", undo="CancelLounge", at="loyalty", sends=booking_data),)


LOUNGE = LoungeTrip.retired[0].stored
RESERVE, AUTHORIZE, AWARD, CONFIRM = FIRST = BookTrip.first_steps({})
TABLES = {
    "the same": (RESERVE, AUTHORIZE, AWARD, CONFIRM),
    "with a step more": (RESERVE, AUTHORIZE, LOUNGE, AWARD, CONFIRM),
    "with a step less": (RESERVE, AUTHORIZE, CONFIRM),
    "in another order": (AUTHORIZE, RESERVE, AWARD, CONFIRM),
    "turned round": (AWARD, AUTHORIZE, RESERVE, CONFIRM),
}
BAGS = StepState("ReserveBags", compensation="CancelBags", participant=LOCAL)
FERRY = StepState("BookFerry", compensation="CancelFerry", participant="ferries")
LATER = StepState("CapturePayment", compensation="RefundPayment", participant="payment", kind="retriable")
WHAT_IT_IS = ("name", "compensation", "participant", "kind")
UNKNOWN = {"local": BAGS, "of another participant": FERRY, "of another kind": LATER}


def named(table: Sequence[StepState]) -> list[str]:
    return [step.name for step in table]


def start(world: World, table: Sequence[StepState], *, dies_after: int | None = None, **changes: Any) -> str:
    """A booking by this table, whose process dies after so many commits."""
    saga = by_table(world, table, **changes)
    if dies_after is None:
        assert world.orchestrator().start(saga, deadline=None) is not None
    else:
        with pytest.raises(Died):
            world.orchestrator("mortal", publish=DiesAfterCommit(dies_after)).start(saga, deadline=None)
    return saga.correlation_id


def by_table(world: World, table: Sequence[StepState], **changes: Any) -> SagaState:
    name = LoungeTrip.name if LOUNGE in table else BookTrip.name
    return replace(world.new_saga(**changes), name=name, steps=tuple(table))


def cancel(world: World, cid: str) -> SagaState:
    taken = world.orchestrator().cancel(cid, completed=True, reason="CANCELLED_BY_USER")
    assert taken is not None
    return world.orchestrator().advance(taken)


def undone_in_order(world: World, cid: str) -> list[str]:
    prefix = "COMPENSATION_STEP_COMPLETED "
    return [event.removeprefix(prefix) for event in world.events(cid) if event.startswith(prefix)]


def compensations(table: Sequence[StepState]) -> list[str]:
    return [step.compensation for step in reversed(table)]


def test_the_table_of_this_release_is_what_a_new_saga_stores() -> None:
    assert [step.step for step in FIRST] == list(STEPS)


@pytest.mark.parametrize("name", TABLES)
def test_a_saga_runs_the_steps_of_its_row_in_their_order(world: World, name: str) -> None:
    cid = start(world, TABLES[name])
    assert world.row(cid).status == "COMPLETED"
    prefix = "SAGA_STEP_COMPLETED"
    done = [event for event in world.events(cid) if event.startswith("STEP_COMPLETED ")]
    assert done == [f"{prefix.removeprefix('SAGA_')} {step}" for step in named(TABLES[name])]


@pytest.mark.parametrize("name", TABLES)
def test_a_finished_booking_is_cancelled_by_the_steps_of_its_row(world: World, name: str) -> None:
    cid = start(world, TABLES[name])
    assert cancel(world, cid).status == "COMPENSATED"
    assert undone_in_order(world, cid) == compensations(TABLES[name])


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("fails", [False, True], ids=["forward", "undoing"])
@pytest.mark.parametrize("name", TABLES)
def test_a_saga_open_at_any_commit_ends_by_the_steps_of_its_row(
    world: World, name: str, fails: bool, place: int
) -> None:
    table = TABLES[name]
    saga = by_table(world, table, simulate_confirmbooking_fail=fails)
    with suppress(Died):  # Tables have fewer commits than others.
        world.orchestrator("mortal", publish=DiesAfterCommit(place)).start(saga, deadline=None)
    world.settle()
    cid = saga.correlation_id
    assert world.row(cid).status == ("COMPENSATED" if fails else "COMPLETED")
    assert undone_in_order(world, cid) == (compensations(table)[1:] if fails else [])
    if not fails:
        assert cancel(world, cid).status == "COMPENSATED"
        assert undone_in_order(world, cid) == compensations(table)


def test_status_and_result_show_the_steps_of_the_row(world: World) -> None:
    cid = start(world, TABLES["with a step less"])
    shown = answers.status(world.row(cid))
    assert [step["name"] for step in shown["steps"]] == ["ReserveSeat", "AuthorizePayment", "ConfirmBooking"]
    assert (shown["result"]["steps_completed"], shown["result"]["miles_awarded"]) == (3, 0)


# A step that this release does not know


def put_in_place_of(world: World, cid: str, step: str, strange: StepState) -> None:
    """The row and the events as a release with that step would have written them."""
    known = world.row(cid).step(step)
    other = vars(replace(known, **{name: getattr(strange, name) for name in WHAT_IT_IS}))
    steps = [other if one == known else vars(one) for one in world.row(cid).steps]
    execute("UPDATE sagas_saga SET steps = %s WHERE correlation_id = %s", (json.dumps(steps), cid))
    for before, after in ((known.name, strange.name), (known.compensation, strange.compensation)):
        sql = """
            UPDATE sagas_event SET data = REPLACE(data, %s, %s), following = REPLACE(following, %s, %s)
            WHERE correlation_id = %s"""
        execute(sql, (f'"{before}"', f'"{after}"') * 2 + (cid,))


def put_back(world: World, cid: str, strange: StepState, known: StepState) -> None:
    """The release that knows the step is deployed."""
    put_in_place_of(world, cid, strange.name, known)


@pytest.mark.parametrize("strange", UNKNOWN.values(), ids=UNKNOWN)
def test_a_saga_that_needs_an_unknown_step_waits_with_an_alarm_while_others_go_on(
    world: World, strange: StepState
) -> None:
    cid = start(world, FIRST, dies_after=0)
    put_in_place_of(world, cid, "AwardMiles", strange)
    other = start(world, FIRST, dies_after=0)
    for _ in range(3):
        world.recover()
    waits = world.row(cid)
    assert (waits.status, waits.owner) == ("RUNNING", "")
    assert waits.attention == f"This release does not know the step {strange.name}."
    assert world.statuses(cid) == ["DONE", "DONE", "PENDING", "PENDING"]
    assert world.row(other).status == "COMPLETED"
    put_back(world, cid, strange, AWARD)


@pytest.mark.parametrize("strange", UNKNOWN.values(), ids=UNKNOWN)
def test_an_unknown_step_is_never_counted_as_undone(world: World, strange: StepState) -> None:
    cid = start(world, FIRST, dies_after=2, simulate_confirmbooking_fail=True)
    assert world.statuses(cid) == ["DONE", "DONE", "UNDOING", "REFUSED"]
    put_in_place_of(world, cid, "AuthorizePayment", strange)
    for _ in range(3):
        world.recover()
    assert world.statuses(cid) == ["DONE", "DONE", "UNDONE", "REFUSED"]
    waits = world.row(cid)
    assert (waits.status, bool(waits.attention)) == ("COMPENSATING", True)
    put_back(world, cid, strange, AUTHORIZE)


def test_an_unknown_step_that_is_next_to_be_undone_can_be_settled_by_hand(desk: Desk, world: World) -> None:
    cid = start(world, FIRST, dies_after=2, simulate_confirmbooking_fail=True)
    put_in_place_of(world, cid, "AuthorizePayment", FERRY)
    body = {"reason": "the harbour was called", "evidence": "ticket 4711"}
    early = desk.post(f"/api/saga/{cid}/resolve/", {"step": "BookFerry", **body})
    assert (early.status_code, early.json()["code"]) == (409, "NOT_STUCK")
    for _ in range(2):
        world.recover()
    settled = desk.post(f"/api/saga/{cid}/resolve/", {"step": "BookFerry", **body})
    assert settled.status_code == 200, settled.content
    assert world.statuses(cid) == ["UNDONE", "RESOLVED", "UNDONE", "REFUSED"]
    put_back(world, cid, FERRY, AUTHORIZE)


def test_a_booking_with_an_unknown_step_stays_confirmed_and_its_cancellation_is_a_503(
    desk: Desk, world: World
) -> None:
    booked = desk.book().json()
    cid = booked["correlation_id"]
    put_in_place_of(world, cid, "AwardMiles", FERRY)
    answer = desk.post(f"/api/bookings/{booked['booking_reference']}/cancel/")
    assert (answer.status_code, answer.json()["code"]) == (503, "STEP_UNKNOWN")
    assert "Retry-After" in answer.headers
    assert world.row(cid).status == "COMPLETED"
    assert desk.get(f"/api/bookings/{booked['booking_reference']}/")["status"] == "CONFIRMED"
    put_back(world, cid, FERRY, AWARD)


def check() -> str:
    out = StringIO()
    call_command("sagas_check", stdout=out)
    return out.getvalue()


def test_the_check_passes_where_every_step_is_known(world: World) -> None:
    start(world, TABLES["with a step more"])
    start(world, FIRST, dies_after=1)
    assert "This release knows every step" in check()
    assert unserved.find_unserved(now=world.clock(), newest=10) is None


def test_the_check_counts_open_and_cancellable_sagas_and_names_their_steps(world: World) -> None:
    complete, cid = (
        start(world, FIRST),
        start(world, FIRST, dies_after=1),
    )
    put_in_place_of(world, complete, "AwardMiles", FERRY)
    put_in_place_of(world, cid, "AwardMiles", BAGS)
    with pytest.raises(CommandError, match=r"2 sagas need a step .*: BookFerry, ReserveBags"):
        check()
    put_back(world, complete, FERRY, AWARD)
    with pytest.raises(CommandError, match=r"1 saga needs a step .*: ReserveBags"):
        check()
    put_back(world, cid, BAGS, AWARD)


def test_sagas_that_need_the_step_no_more_hold_up_nothing(world: World) -> None:
    """Undone, refused, compensated, not begun while going back, or departed."""
    ended = start(world, FIRST, simulate_confirmbooking_fail=True)
    put_in_place_of(world, ended, "AwardMiles", FERRY)
    going_back = start(world, FIRST, dies_after=1, simulate_awardmiles_fail=True)
    world.recover(after=11)
    put_in_place_of(world, going_back, "ConfirmBooking", FERRY)
    flown = start(world, FIRST)
    put_in_place_of(world, flown, "AwardMiles", FERRY)
    assert unserved.find_unserved(now=world.flight.departs_at, newest=10) is None
    before = world.flight.departs_at - timedelta(seconds=1)
    assert unserved.find_unserved(now=before, newest=10) is not None
    put_back(world, flown, FERRY, AWARD)
    put_back(world, ended, FERRY, AWARD)
    put_back(world, going_back, FERRY, CONFIRM)


def test_backend_and_recovery_do_not_start_with_such_a_saga(world: World) -> None:
    cid = start(world, FIRST)
    put_in_place_of(world, cid, "AwardMiles", FERRY)
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(SystemExit, match=r"Not started: 1 saga needs a step .*: BookFerry"):
        call_command("run_recovery")
    assert handlers == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(SystemExit, match=r"Not started: 1 saga needs .* `manage.py sagas_check`"):
        unserved.refuse_to_start(now=world.clock())
    put_back(world, cid, FERRY, AWARD)
