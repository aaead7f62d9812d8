"""The engines drive the same sagas by the same rows; jobs may be lost or doubled, engines may be switched."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import LazySettings, settings
from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, connections
from django_sagas import saga_log
from django_sagas.database import execute, fetch_all, fetch_one
from django_sagas.engines import engine
from django_sagas.events import SagaEvent, event_dispatcher
from django_sagas.runtime import orchestrator
from service_kit.environment import one_of
from service_kit.settings import require_postgresql

from tests.saga_participants import never_arrives
from tests.saga_world import Desk, World, around_statements, when

PATIENCE = 20.0
WITH_PROCRASTINATE = settings.SAGA_ENGINE == "procrastinate"
ENGINES = ["local", "procrastinate"] if WITH_PROCRASTINATE else ["local"]
needs_procrastinate = pytest.mark.skipif(not WITH_PROCRASTINATE, reason="SAGA_ENGINE is not procrastinate")
ENDED = ("SAGA_COMPLETED", "SAGA_COMPENSATED")


@contextmanager
def serving(settings: LazySettings, name: str) -> Iterator[None]:
    """A process of this engine, as a thread, until the block ends."""
    settings.SAGA_ENGINE, settings.SAGA_RECOVERY_POLL, settings.SAGA_DISPATCH_SECONDS = name, 0.02, 0.02
    stop = threading.Event()

    def serve() -> None:
        engine().serve(stop)
        connections.close_all()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


class Ended:
    """Hears of sagas that end."""

    def __init__(self) -> None:
        self._heard: set[str] = set()
        self._changed = threading.Condition()

    def __call__(self, event: SagaEvent) -> None:
        with self._changed:
            self._heard.add(event.correlation_id)
            self._changed.notify_all()

    def wait(self, *saga_ids: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._heard.issuperset(saga_ids), PATIENCE)


@pytest.fixture
def ended() -> Iterator[Ended]:
    listener = Ended()
    for event_type in ENDED:
        event_dispatcher.subscribe(event_type, listener)
    yield listener
    for event_type in ENDED:
        event_dispatcher.unsubscribe(event_type, listener)


Accept = Callable[..., list[str]]


@pytest.fixture
def accept(desk: Desk, settings: LazySettings) -> Accept:
    """Bookings that are accepted, and submitted to the engine in the same transaction."""
    if WITH_PROCRASTINATE:
        execute("DELETE FROM procrastinate_jobs")  # Not Django's own table: it is not emptied by itself.

    def accept(count: int, *, to: str, **changes: object) -> list[str]:
        settings.SAGA_ENGINE = to
        sagas = [desk.world.new_saga(**changes) for _ in range(count)]
        for saga in sagas:
            assert orchestrator().accept(saga, also=engine().submit) is not None
        return [saga.correlation_id for saga in sagas]

    return accept


def waiting_jobs() -> list[str]:
    sql = "SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"
    return [row[0] for row in fetch_all(sql)]


@pytest.mark.parametrize("name", ENGINES)
def test_either_engine_brings_the_same_due_sagas_to_their_end(
    desk: Desk, accept: Accept, ended: Ended, settings: LazySettings, name: str
) -> None:
    good = accept(4, to=name)
    bad = accept(2, to=name, simulate_awardmiles_fail=True)
    desk.world.participants.then("AuthorizePayment", never_arrives)
    with serving(settings, name):
        ended.wait(*good, *bad)
    assert {desk.world.row(one).status for one in good} == {"COMPLETED"}
    assert {desk.world.row(one).status for one in bad} == {"COMPENSATED"}


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_stops_at_once_when_nothing_is_due(world: World, settings: LazySettings, name: str) -> None:
    with serving(settings, name):
        pass
    assert fetch_one("SELECT COUNT(*) FROM sagas_saga") == (0,)


@pytest.mark.parametrize("name", ENGINES)
def test_a_woken_saga_is_due_and_one_that_is_run_is_left_alone(
    accept: Accept, world: World, settings: LazySettings, name: str
) -> None:
    waiting, running = accept(2, to=name)
    claimed = orchestrator().claim(running)
    assert claimed is not None
    at = world.clock() + timedelta(hours=1)
    for saga_id in (waiting, running):
        engine().wake(saga_id, at)
    assert world.row(waiting).due_at == at
    assert world.row(running).due_at == claimed.due_at
    orchestrator().advance(claimed)
    engine().wake(waiting, world.clock())


@pytest.mark.parametrize("order", [ENGINES, ENGINES[::-1]])
def test_engines_are_switched_while_sagas_wait(
    desk: Desk, accept: Accept, ended: Ended, settings: LazySettings, order: list[str]
) -> None:
    first, then = order[0], order[-1]
    begun, left = accept(2, to=first), accept(2, to=first)
    for saga_id in left:
        engine().wake(saga_id, orchestrator().now() + timedelta(seconds=1))
    with serving(settings, first):
        ended.wait(*begun)
    with serving(settings, then):
        ended.wait(*left, *accept(2, to=then))


@pytest.mark.parametrize("pair", [ENGINES, ["local", "local"], ENGINES[-1:] * 2])
def test_engines_side_by_side_do_nothing_twice(
    desk: Desk, accept: Accept, ended: Ended, settings: LazySettings, pair: list[str]
) -> None:
    sagas = accept(8, to=pair[-1])
    with serving(settings, pair[0]), serving(settings, pair[-1]):
        ended.wait(*sagas)
    assert desk.world.participants.calls().count("AuthorizePayment") == len(sagas)
    assert {desk.world.row(one).epoch for one in sagas} == {2}


@needs_procrastinate
def test_the_job_is_committed_with_the_saga_or_not_at_all(desk: Desk, accept: Accept) -> None:
    (saga_id,) = accept(1, to="procrastinate")
    assert waiting_jobs() == [f"{saga_id}:1"]
    dies = when("procrastinate_defer", RuntimeError("died"))
    with around_statements(after=dies), pytest.raises(RuntimeError):
        accept(1, to="procrastinate")
    assert waiting_jobs() == [f"{saga_id}:1"]
    assert fetch_one("SELECT COUNT(*) FROM sagas_saga") == (1,)


@needs_procrastinate
def test_a_second_submission_is_a_success_and_spoils_no_transaction(desk: Desk, accept: Accept) -> None:
    def twice(saga_id: str) -> None:
        engine().submit(saga_id)
        engine().submit(saga_id)
        execute("UPDATE sagas_saga SET attention = 'still usable' WHERE correlation_id = %s", (saga_id,))

    saga = desk.world.new_saga()
    assert orchestrator().accept(saga, also=twice) is not None
    assert waiting_jobs() == [f"{saga.correlation_id}:1"]
    assert desk.world.row(saga.correlation_id).attention == "still usable"


@needs_procrastinate
def test_a_lost_job_is_made_up_for(accept: Accept, ended: Ended, settings: LazySettings) -> None:
    sagas = accept(3, to="procrastinate")
    execute("DELETE FROM procrastinate_jobs")
    with serving(settings, "procrastinate"):
        ended.wait(*sagas)


@needs_procrastinate
def test_doubled_jobs_do_nothing_twice(
    desk: Desk, accept: Accept, ended: Ended, settings: LazySettings
) -> None:
    from django_sagas.engines.procrastinate import advance_saga

    sagas = accept(3, to="procrastinate")
    for saga_id in sagas * 3:
        advance_saga.defer(saga_id=saga_id)
    with serving(settings, "procrastinate"):
        ended.wait(*sagas)
    assert desk.world.participants.calls().count("AuthorizePayment") == 3


@needs_procrastinate
def test_the_job_of_a_worker_that_died_is_marked_failed_and_its_saga_goes_on(
    desk: Desk, accept: Accept, ended: Ended, settings: LazySettings
) -> None:
    """What counts is that its saga is due; the job itself is never run again."""
    (saga_id,) = accept(1, to="procrastinate")
    worker = (
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (NOW() - INTERVAL '1 minute') RETURNING id"
    )
    (dead,) = fetch_one(worker) or ()
    execute("UPDATE procrastinate_jobs SET status = 'doing', worker_id = %s", (dead,))
    with serving(settings, "procrastinate"):
        ended.wait(saga_id)
        (later,) = accept(1, to="procrastinate")
        ended.wait(later)
    assert waiting_jobs() == []


@needs_procrastinate
def test_a_database_that_is_away_is_said_in_djangos_own_words(desk: Desk, accept: Accept) -> None:
    (saga_id,) = accept(1, to="procrastinate")
    away = OperationalError("away")
    with around_statements(before=when("procrastinate_defer", away)), pytest.raises(OperationalError):
        engine().submit(saga_id)


@needs_procrastinate
def test_due_sagas_are_submitted_once_and_compensations_first(desk: Desk, accept: Accept) -> None:
    from django_sagas.engines.procrastinate import submit_due

    desk.world.participants.always("CancelPayment", never_arrives)
    going_back = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
    sagas = accept(2, to="local")
    later = orchestrator().now() + timedelta(minutes=1)
    assert (submit_due(later), submit_due(later)) == (3, 0)
    first = fetch_one("SELECT queueing_lock FROM procrastinate_jobs ORDER BY priority DESC LIMIT 1")
    assert first == (f"{going_back}:1",)
    assert set(waiting_jobs()) == {f"{one}:{saga_log.epoch(one)}" for one in [going_back, *sagas]}


@needs_procrastinate
def test_a_round_of_due_sagas_is_submitted_by_one_statement(desk: Desk, accept: Accept) -> None:
    """It was a transaction for each, so that a dispatcher with many to submit held the workers up."""
    from django_sagas.engines.procrastinate import submit_due

    accept(5, to="local")
    seen: list[str] = []
    with around_statements(after=seen.append):
        assert submit_due(orchestrator().now()) == 5
    assert sum("procrastinate_defer_jobs" in sql for sql in seen) == 1


@needs_procrastinate
def test_sagas_that_another_dispatcher_submits_at_the_same_moment_wait_for_the_next_round(
    desk: Desk, accept: Accept, settings: LazySettings
) -> None:
    from django_sagas.engines.procrastinate import submit_due

    first, second = accept(2, to="local")
    others = [lambda: engine().submit(first)]

    def overtake(sql: str) -> None:
        if "NOT EXISTS" in sql and others:
            others.pop()()

    settings.SAGA_ENGINE = "procrastinate"
    now = orchestrator().now()
    with around_statements(after=overtake):
        assert submit_due(now) == 0
    assert waiting_jobs() == [f"{first}:1"]
    assert submit_due(now) == 1
    assert waiting_jobs() == [f"{first}:1", f"{second}:1"]


def test_an_engine_that_does_not_exist_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGA_ENGINE", "steam")
    with pytest.raises(ImproperlyConfigured, match="local, procrastinate"):
        one_of("SAGA_ENGINE", ("local", "procrastinate"))


def test_procrastinate_on_sqlite_stops_the_start() -> None:
    sqlite = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
    with pytest.raises(ImproperlyConfigured, match="needs PostgreSQL"):
        require_postgresql(sqlite, because="SAGA_ENGINE=procrastinate")
