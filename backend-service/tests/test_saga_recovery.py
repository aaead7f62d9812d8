"""Recovery: claims what is due, compensations first, and gives everything up when it is told to stop."""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError, connections
from django_sagas import saga_log
from django_sagas.clock import utc_now
from django_sagas.database import execute
from django_sagas.guard.models import StepRecord
from django_sagas.management.commands import run_recovery
from django_sagas.recovery import Recovery

from flight.models import Seat, SeatState
from flight.saga_orchestrator_complete import BookingOrchestrator
from tests.invariants import open_sagas, rows
from tests.saga_participants import meanwhile, never_arrives
from tests.saga_world import World, around_statements, when

PATIENCE = 20.0
"seconds that a test waits at most for what should come at once"


def accept(world: World, count: int, **changes: Any) -> list[str]:
    """So many bookings that nobody has begun; the oldest first."""
    cids = []
    for _ in range(count):
        saga = world.orchestrator().accept(world.new_saga(**changes))
        assert saga is not None
        world.clock.advance(0.01)
        cids.append(saga.correlation_id)
    return cids


@pytest.fixture
def serve(world: World) -> Iterator[Any]:
    """Recovery in a thread of its own, until the test ends."""
    stop = threading.Event()
    running: list[threading.Thread] = []

    def begin(orchestrator: BookingOrchestrator, threads: int = 4) -> threading.Event:
        def work() -> None:
            Recovery(replace(orchestrator, closing=stop.is_set), threads=threads).serve(stop)
            connections.close_all()

        thread = threading.Thread(target=work)
        thread.start()
        running.append(thread)
        return stop

    yield begin
    stop.set()
    for thread in running:
        thread.join(PATIENCE)
        assert not thread.is_alive()


class Ended:
    """Tells when so many sagas have ended."""

    def __init__(self, count: int) -> None:
        self._left, self._lock, self.all = count, threading.Lock(), threading.Event()

    def __call__(self, events: Any) -> None:
        with self._lock:
            self._left -= sum(event.event_type in ("SAGA_COMPLETED", "SAGA_COMPENSATED") for event in events)
            if self._left <= 0:
                self.all.set()


# Finding and claiming


def test_several_are_claimed_in_one_round_up_to_the_number_of_threads(world: World) -> None:
    accept(world, 10)
    recovery = Recovery(world.orchestrator("recovery"), threads=8)
    assert recovery.run_due() == 8
    assert len(open_sagas()) == 2
    assert recovery.run_due() == 2
    assert recovery.run_due() == 0


def test_compensations_go_first_then_the_most_overdue(world: World) -> None:
    world.participants.always("CancelPayment", never_arrives)
    going_back = world.start(simulate_awardmiles_fail=True).correlation_id
    world.participants.heal()
    older, newer = accept(world, 2)
    world.clock.advance(5)
    assert saga_log.due(now=world.clock(), most=8) == [going_back, older, newer]
    assert saga_log.due(now=world.clock(), most=1) == [going_back]


def test_what_is_not_due_yet_is_left_alone(world: World) -> None:
    world.participants.then("AwardMiles", never_arrives)
    cid = world.start().correlation_id
    assert world.recover(after=0.19) == 0
    assert world.row(cid).epoch == 1
    assert world.recover(after=0.02) == 1


def test_two_recoveries_share_the_work_without_doing_it_twice(world: World) -> None:
    cids = accept(world, 6)
    first, second = (Recovery(world.orchestrator(name), threads=8) for name in ("one", "two"))
    world.participants.then("AuthorizePayment", meanwhile(second.run_due, before=True))
    first.run_due()
    assert world.participants.calls().count("AuthorizePayment") == 6
    assert {world.row(cid).status.value for cid in cids} == {"COMPLETED"}
    assert {world.row(cid).epoch for cid in cids} == {2}


def test_a_saga_claimed_by_another_process_meanwhile_is_left_to_it(world: World) -> None:
    (cid,) = accept(world, 1)
    other = world.orchestrator("faster")
    claimed: list[Any] = []

    def overtake(sql: str) -> None:
        if "ORDER BY CASE status" in sql and not claimed:
            claimed.append(other.claim(cid))

    with around_statements(after=overtake):
        world.recover(after=0)
    assert world.participants.calls() == []
    assert world.row(cid).owner == "faster"
    other.advance(claimed[0])


def test_a_saga_whose_row_cannot_be_read_delays_no_other(world: World) -> None:
    """It ended the round: whatever was due after it had to wait for the next one, and met it again."""
    broken, sound = accept(world, 2)
    (before,) = rows("SELECT steps FROM sagas_saga WHERE correlation_id = %s", broken)
    execute("UPDATE sagas_saga SET steps = '{' WHERE correlation_id = %s", (broken,))
    try:
        world.recover()
        assert world.row(sound).status == "COMPLETED"
    finally:
        execute("UPDATE sagas_saga SET steps = %s WHERE correlation_id = %s", (before["steps"], broken))


@pytest.mark.parametrize("fragment", ["UPDATE sagas_saga\n", "UPDATE sagas_saga SET"])
def test_a_database_that_is_away_for_a_moment_leaves_the_saga_due(world: World, fragment: str) -> None:
    (cid,) = accept(world, 1)
    with around_statements(before=when(fragment, OperationalError("locked"))):
        world.recover()
    assert world.row(cid).due_at is not None
    world.recover()
    assert world.row(cid).status == "COMPLETED"


# The process


def test_the_process_works_until_everything_is_done(world: World, serve: Any, settings: LazySettings) -> None:
    settings.SAGA_RECOVERY_POLL = 0.01
    accept(world, 12)
    ended = Ended(12)
    serve(world.orchestrator("recovery", publish=ended))
    assert ended.all.wait(PATIENCE)


def test_a_crowd_of_due_sagas_does_not_wait_for_the_next_poll(
    world: World, serve: Any, settings: LazySettings
) -> None:
    """A poll in half a second gave eight threads sixteen sagas a second, while 160 were due."""
    settings.SAGA_RECOVERY_POLL = 3 * PATIENCE
    accept(world, 12)
    ended = Ended(12)
    serve(world.orchestrator("recovery", publish=ended))
    assert ended.all.wait(PATIENCE)


def test_a_hanging_call_does_not_hold_up_the_others(world: World, serve: Any, settings: LazySettings) -> None:
    settings.SAGA_RECOVERY_POLL = 0.01
    release, hanging = threading.Event(), threading.Event()

    def hang() -> None:
        hanging.set()
        assert release.wait(PATIENCE)

    world.participants.then("AuthorizePayment", meanwhile(hang, before=True))
    accept(world, 6)
    others, everything = Ended(5), Ended(6)

    def publish(events: Any) -> None:
        others(events)
        everything(events)

    serve(world.orchestrator("recovery", publish=publish), threads=2)
    assert hanging.wait(PATIENCE)
    assert others.all.wait(PATIENCE)
    assert not everything.all.is_set()
    release.set()
    assert everything.all.wait(PATIENCE)


def test_on_stop_the_call_is_finished_recorded_and_the_lease_released(
    world: World, serve: Any, settings: LazySettings
) -> None:
    settings.SAGA_RECOVERY_POLL = 0.01
    under_way, stopping = threading.Event(), threading.Event()

    def stopped_meanwhile() -> None:
        under_way.set()
        assert stopping.wait(PATIENCE)

    world.participants.then("AuthorizePayment", meanwhile(stopped_meanwhile))
    (cid,) = accept(world, 1)
    released = threading.Event()
    seen: list[str] = []

    def publish(events: Any) -> None:
        seen.extend(event.event_type for event in events)
        if "SAGA_STEP_COMPLETED" in seen[2:] and seen.count("SAGA_STEP_COMPLETED") == 2:
            released.set()

    stop = serve(world.orchestrator("recovery", publish=publish))
    assert under_way.wait(PATIENCE)
    stop.set()
    stopping.set()
    assert released.wait(PATIENCE)
    saga = world.row(cid)
    assert world.statuses(cid) == ["DONE", "DONE", "PENDING", "PENDING"]
    assert saga.owner == "" and saga.due_at is not None
    assert world.participants.calls() == ["AuthorizePayment"]
    assert world.recover(after=0) == 1  # Nobody has to wait for a lease to run out.


def test_a_process_that_is_to_end_begins_no_compensation_either(world: World) -> None:
    """It sent one more call after SIGTERM when that call was the first compensation."""
    stopping: list[bool] = []
    world.participants.then("AwardMiles", meanwhile(lambda: stopping.append(True)))
    orchestrator = world.orchestrator(closing=lambda: bool(stopping))
    saga = world.start(orchestrator, simulate_awardmiles_fail=True)
    assert (saga.status, saga.owner) == ("COMPENSATING", "")
    assert world.participants.calls() == ["AuthorizePayment", "AwardMiles"]
    assert world.recover(after=0) == 1


def test_the_heartbeat_shows_live_processes_and_forgets_dead_ones(world: World) -> None:
    now = utc_now()
    for hours, name in ((2, "dead"), (0.5, "asleep")):
        Recovery(world.orchestrator(name), threads=1).beat(now - timedelta(hours=hours))
    recovery = Recovery(world.orchestrator("alive"), threads=1)
    recovery.beat(now - timedelta(seconds=5))
    recovery.beat(now)
    beats = rows("SELECT owner FROM sagas_recovery ORDER BY owner")
    assert [beat["owner"] for beat in beats] == ["alive", "asleep"]


def test_the_heartbeat_of_a_process_is_a_file_that_is_touched_when_its_row_is_written(
    world: World, settings: LazySettings, tmp_path: Path
) -> None:
    file = tmp_path / "heartbeat"
    settings.SAGA_HEARTBEAT_FILE = str(file)
    recovery = Recovery(world.orchestrator("alive"), threads=1)
    away = when("sagas_recovery", OperationalError("away"))
    with around_statements(before=away), pytest.raises(OperationalError):
        recovery.beat(utc_now())
    assert not file.exists()
    recovery.beat(utc_now())
    os.utime(file, (0, 0))
    recovery.beat(utc_now())
    assert file.stat().st_mtime > 0


def test_the_process_beats_and_sweeps(world: World, serve: Any, settings: LazySettings, client: Any) -> None:
    settings.SAGA_RECOVERY_POLL = 0.01
    ended = Ended(1)
    accept(world, 1)
    serve(world.orchestrator("recovery", publish=ended))
    assert ended.all.wait(PATIENCE)
    assert [beat["owner"] for beat in rows("SELECT owner FROM sagas_recovery")] == ["recovery"]
    ready = client.get("/api/health/ready/").json()
    assert ready["recovery_heartbeat"] is not None


def test_a_hold_that_cannot_be_swept_does_not_stop_recovery(
    world: World, serve: Any, settings: LazySettings
) -> None:
    """One bad record of a direct call ended the whole process, again after every start."""
    settings.SAGA_RECOVERY_POLL = 0.01
    past = utc_now() - timedelta(hours=1)
    Seat.objects.create(
        flight=world.flight,
        seat_number="20A",
        seat_class="economy",
        correlation_id="other",
        state=SeatState.HELD,
        held_at=past,
        expires_at=past,
    )
    StepRecord.objects.create(
        correlation_id="other",
        step="ReserveSeat",
        state="DONE",
        answer="{}",
        created_at=past,
        changed_at=past,
    )
    ended = Ended(1)
    accept(world, 1)
    serve(world.orchestrator("recovery", publish=ended))
    assert ended.all.wait(PATIENCE)


@pytest.mark.parametrize(
    "error",
    [OperationalError("away"), InternalError("read-only"), InterfaceError("closed"), ProgrammingError("no")],
    ids=lambda error: type(error).__name__,
)
def test_the_process_outlives_a_database_that_is_away(
    world: World, serve: Any, settings: LazySettings, error: Exception
) -> None:
    settings.SAGA_RECOVERY_POLL = 0.01
    failures = [3]

    class Flaky(type(world.clock)):  # type: ignore[misc]
        def __call__(self) -> Any:
            if failures[0] > 0 and threading.current_thread() is not threading.main_thread():
                failures[0] -= 1
                raise error
            return super().__call__()

    accept(world, 1)
    ended = Ended(1)
    serve(world.orchestrator("recovery", now=Flaky(world.clock.at), publish=ended))
    assert ended.all.wait(PATIENCE)


def test_the_command_stops_when_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """`manage.py run_recovery` hands SIGTERM on; here the signal comes at once."""
    at_once = SimpleNamespace(**vars(signal) | {"signal": lambda number, handler: handler(number, None)})
    monkeypatch.setattr(run_recovery, "signal", at_once)
    call_command("run_recovery")
