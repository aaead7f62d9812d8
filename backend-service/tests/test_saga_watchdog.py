"""A saga that nobody claims is seen in time, whoever ought to have claimed it."""

from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django_sagas import recovery, watchdog
from django_sagas.recovery import Recovery
from django_sagas.state import SagaState
from django_sagas.watchdog import mark_unclaimed

from tests.invariants import rows
from tests.saga_participants import never_arrives
from tests.saga_world import Desk, World, around_statements, metric

VISIBLE_SECONDS = 60.0


def accept(world: World) -> str:
    saga = world.orchestrator().accept(world.new_saga())
    assert saga is not None
    return saga.correlation_id


def later(world: World, seconds: float) -> datetime:
    return world.clock() + timedelta(seconds=seconds)


@pytest.mark.parametrize(("seconds", "marked"), [(29, False), (31, True)])
def test_an_unclaimed_saga_needs_attention(world: World, seconds: float, marked: bool) -> None:
    cid = accept(world)
    assert mark_unclaimed(later(world, seconds)) == int(marked)
    assert world.row(cid).attention == (watchdog.UNCLAIMED if marked else "")
    audit = rows("SELECT action, reason FROM security_audit WHERE correlation_id = %s", cid)
    assert audit == [{"action": "needs-attention", "reason": watchdog.UNCLAIMED}] * marked


def test_an_alarm_is_raised_once_and_closed_when_the_saga_ends(world: World) -> None:
    cid = accept(world)
    assert [mark_unclaimed(later(world, seconds)) for seconds in (31, 40, 50)] == [1, 0, 0]
    world.recover()
    assert (world.row(cid).status, world.row(cid).attention) == ("COMPLETED", "")


def test_the_saga_of_an_owner_that_died_is_seen_after_its_lease(world: World) -> None:
    cid = accept(world)
    assert world.orchestrator("dies").claim(cid) is not None
    assert mark_unclaimed(later(world, 39)) == 0
    assert mark_unclaimed(later(world, 41)) == 1


def test_a_saga_that_is_claimed_just_before_is_not_marked(world: World) -> None:
    cid = accept(world)
    world.clock.advance(31)
    claimed: list[SagaState | None] = []

    def overtake(sql: str) -> None:
        if sql.startswith("SELECT") and '"attention" = ' in sql and not claimed:
            claimed.append(world.orchestrator("faster").claim(cid))

    with around_statements(before=overtake):
        assert mark_unclaimed(world.clock()) == 0
    assert claimed[0] is not None and world.row(cid).attention == ""


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer and no row locks")
@pytest.mark.django_db(transaction=True)
def test_a_saga_that_is_being_claimed_is_left_out_and_waited_for_by_nobody(world: World) -> None:
    cid, other = accept(world), connection.copy()
    with other.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1 FROM sagas_saga WHERE correlation_id = %s FOR UPDATE", [cid])
        assert mark_unclaimed(later(world, 31)) == 0
        cursor.execute("ROLLBACK")
    other.close()
    assert mark_unclaimed(later(world, 31)) == 1


def test_many_are_marked_a_batch_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "BATCH", 2)
    for _ in range(3):
        accept(world)
    assert [mark_unclaimed(later(world, 31)) for _ in range(3)] == [2, 1, 0]


def test_it_is_seen_within_a_minute(settings: LazySettings) -> None:
    assert settings.SAGA_UNCLAIMED_SECONDS + recovery.WATCH_SECONDS < VISIBLE_SECONDS
    # A compensation's own alarm waits for the end of a try: the longest pause and the longest call.
    assert settings.SAGA_COMPENSATION_BACKOFF[1] + settings.SAGA_CALL_TIMEOUT < VISIBLE_SECONDS


def test_a_due_time_further_ahead_than_any_wait_is_due_now(world: World) -> None:
    """The clock was put back by an hour while sagas waited, forward and undoing."""
    world.participants.always("AuthorizePayment", never_arrives)
    world.participants.always("CancelPayment", never_arrives)
    forward, back = world.start(), world.start(simulate_awardmiles_fail=True)
    cid, reason = back.correlation_id, "CANCELLED_BY_OPERATOR"
    cancelled = world.orchestrator().cancel(cid, completed=False, reason=reason)
    assert cancelled is not None
    world.orchestrator().advance(cancelled)
    world.clock.advance(-3600)
    world.participants.heal()
    recovery = Recovery(world.orchestrator("second"), threads=8)
    assert recovery.run_due() == 0
    recovery.keep_house()
    assert recovery.run_due() == 2
    assert world.row(forward.correlation_id).status == "COMPLETED"
    assert world.row(back.correlation_id).status == "COMPENSATED"


def test_a_wait_as_long_as_waits_are_is_left_alone(world: World) -> None:
    cid = accept(world)
    world.orchestrator().claim(cid)
    assert watchdog.bring_forward(world.clock()) == 0
    assert watchdog.bring_forward(world.clock() - timedelta(seconds=109)) == 0
    assert watchdog.bring_forward(world.clock() - timedelta(seconds=111)) == 1


@pytest.mark.parametrize("seconds", [-3600, 3600])
def test_an_unknown_step_that_began_long_ago_or_ahead_is_given_up_after_one_more_try(
    world: World, seconds: int
) -> None:
    world.participants.always("AwardMiles", never_arrives)
    saga = world.start()
    tried = world.participants.calls().count("AwardMiles")
    world.clock.advance(seconds)
    recovery = Recovery(world.orchestrator("second"), threads=8)
    recovery.keep_house()
    world.participants.always("ReverseMiles", never_arrives)
    recovery.run_due()
    assert world.participants.calls().count("AwardMiles") == tried + 1
    assert world.row(saga.correlation_id).error_code == "DEADLINE_EXCEEDED"


def test_a_beat_from_ahead_is_no_sign_of_life(world: World) -> None:
    Recovery(world.orchestrator("dead"), threads=1).beat(world.clock())
    assert recovery.last_beat(world.clock()) is not None
    assert recovery.last_beat(world.clock() - timedelta(hours=1)) is None


def test_whatever_engine_serves_keeps_watch(world: World) -> None:
    cid = accept(world)
    world.clock.advance(31)
    Recovery(world.orchestrator("busy"), threads=1).keep_house()
    assert world.row(cid).attention == watchdog.UNCLAIMED


def test_with_every_recovery_dead_the_metric_still_shows_it(
    desk: Desk, world: World, settings: LazySettings
) -> None:
    settings.SAGA_UNCLAIMED_SECONDS = -1.0
    accept(world)
    text = desk.client.get("/metrics").content.decode()
    assert metric(text, "sagas_unclaimed") == 1
