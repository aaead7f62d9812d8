"""`start`: a saga that begins in the caller's own transaction."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import override_settings
from django_sagas import Done, Planned, Saga, SagaState, json_text, runtime, saga_log, watchdog
from django_sagas.models import SagaEventRow, SagaRow
from django_sagas.problems import Problem
from django_sagas.runtime import start
from django_sagas.selectors import Filters, list_sagas
from pytest_django import Settings

from tests.toy.models import Effect
from tests.toy.steps import far, near
from tests.world import World, define

ORDER = (near("Reserve"), far("Charge"))


class Boom(Exception):
    pass


@pytest.fixture(autouse=True)
def own_process(world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process's orchestrator is the world's, and its admission has counted nothing yet."""
    global WORLD
    WORLD = world
    settings.SAGA_ORCHESTRATOR = f"{__name__}.of_the_world"
    monkeypatch.setattr(runtime, "admission", runtime.Admission())
    yield
    runtime.orchestrator.cache_clear()


WORLD: World


def of_the_world() -> Any:
    return WORLD.orchestrator()


def test_a_started_saga_waits_for_recovery_which_runs_it(world: World) -> None:
    saga = start(define(*ORDER), {"order": 1}, subject="7")
    assert (saga.status, saga.owner, world.calls(saga.correlation_id)) == ("PENDING", "", [])
    assert [event.event_type for event in world.published] == ["SAGA_STARTED"]
    assert world.recover(after=0) == 1
    assert world.row(saga.correlation_id).status == "COMPLETED"
    world.check(saga.correlation_id)


def test_a_row_leaves_out_what_its_steps_do_not_have_yet(world: World) -> None:
    saga = start(define(*ORDER), {})
    stored = json_text.load_stored(SagaRow.objects.get().steps)
    assert None not in [value for step in stored for value in step.values()]
    loaded = saga_log.load(saga.correlation_id)
    assert loaded and loaded.steps == saga.steps


def test_a_saga_is_rolled_back_with_the_callers_transaction(world: World) -> None:
    definition = define(*ORDER)
    with suppress(Boom), transaction.atomic():
        start(definition, {}, also=lambda cid: Effect.objects.create(correlation_id=cid, name="Also"))
        assert SagaRow.objects.count() == 1
        raise Boom
    assert [model.objects.count() for model in (SagaRow, SagaEventRow, Effect)] == [0, 0, 0]
    assert world.published == []
    assert world.recover() == 0


def test_events_are_published_when_the_callers_transaction_is_committed(world: World) -> None:
    with transaction.atomic():
        start(define(*ORDER), {})
        assert world.published == []
    assert len(world.published) == 1


@contextmanager
def submissions() -> Iterator[list[tuple[str, int]]]:
    """Of an engine that keeps them: the saga, and how many rows it saw."""
    SUBMITTED.clear()
    engines = {"kept": f"{__name__}.KeepingEngine"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django_sagas.engines.ENGINES", engines)
        with override_settings(SAGA_ENGINE="kept"):
            yield SUBMITTED


SUBMITTED: list[tuple[str, int]] = []


class KeepingEngine:
    def submit(self, saga_id: str) -> None:
        SUBMITTED.append((saga_id, SagaRow.objects.filter(pk=saga_id).count()))


def test_a_saga_is_submitted_to_the_engine_once_in_its_own_transaction(world: World) -> None:
    with submissions() as submitted:
        saga = start(define(*ORDER), {}, key="k", subject="7")
        start(define(*ORDER), {}, key="k", subject="7")
    assert submitted == [(saga.correlation_id, 1)]


def test_also_gets_the_id_and_writes_in_the_same_transaction(world: World) -> None:
    def also(cid: str) -> None:
        Effect.objects.create(correlation_id=cid, name="Also")

    saga = start(define(*ORDER), {}, also=also)
    assert world.effects(saga.correlation_id) == {"Also": 1}


def test_a_saga_is_not_started_where_also_fails(world: World) -> None:
    def also(cid: str) -> None:
        raise Boom

    with pytest.raises(Boom):
        start(define(*ORDER), {}, also=also)
    assert (SagaRow.objects.count(), world.published) == (0, [])


def test_a_repeat_with_the_same_key_gets_the_first_saga(world: World) -> None:
    definition, called = define(*ORDER), list[str]()
    repeats = [
        start(definition, {"n": 1, "m": 2}, key="k", subject="7", also=called.append),
        start(definition, {"m": 2, "n": 1}, key="k", subject="7", also=called.append),
    ]
    world.settle()
    repeats.append(start(definition, {"n": 1, "m": 2}, key="k", subject="7", also=called.append))
    assert len({saga.correlation_id for saga in repeats}) == SagaRow.objects.count() == len(called) == 1
    assert repeats[-1].status == "COMPLETED"


def test_a_repeat_in_one_transaction_gets_the_first_saga(world: World) -> None:
    definition = define(*ORDER)
    with transaction.atomic():
        first, second = (start(definition, {}, key="k", subject="7") for _ in range(2))
        Effect.objects.create(correlation_id="after", name="Goes on")
    assert first.correlation_id == second.correlation_id
    assert Effect.objects.count() == 1


@pytest.mark.parametrize("other", [{"data": {"n": 2}}, {"secrets": {"card": "2"}}], ids=["data", "secrets"])
def test_other_data_under_the_same_key_are_a_problem_that_names_the_saga(
    world: World, other: dict[str, Any]
) -> None:
    definition = define(*ORDER)
    given: dict[str, Any] = {"data": {"n": 1}, "secrets": {"card": "1"}}
    first = start(definition, **given, key="k", subject="7")
    before = list(SagaRow.objects.values())
    with pytest.raises(Problem) as caught:
        start(definition, **{**given, **other}, key="k", subject="7")
    problem = caught.value
    assert (problem.status, problem.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert problem.correlation_id == first.correlation_id
    assert list(SagaRow.objects.values()) == before


def test_a_key_is_of_one_subject_and_one_definition(world: World) -> None:
    one, other = define(*ORDER), define(*ORDER, name="other")
    subjects = ("7", "8", "x" * 64)
    sagas = [start(saga, {}, key="k", subject=who) for saga in (one, other) for who in subjects]
    assert len({saga.correlation_id for saga in sagas}) == 6
    found, _ = list_sagas(Filters(subject="8", idempotency_key="k"))
    assert {saga.correlation_id for saga in found} == {sagas[1].correlation_id, sagas[4].correlation_id}


def test_the_longest_names_fit(world: World) -> None:
    definition = define(far("A" * 32, undo="B" * 32), name="n" * 64)
    saga = start(definition, {}, key="k" * 200, subject="s" * 64)
    world.settle()
    assert world.row(saga.correlation_id).status == "COMPLETED"


def test_without_a_key_every_start_is_a_saga(world: World) -> None:
    definition = define(*ORDER)
    assert len({start(definition, {}, subject="7").correlation_id for _ in range(3)}) == 3


def test_money_in_the_data_stays_exact(world: World) -> None:
    definition, data = define(*ORDER), {"amount": Decimal("9.90"), "to": "Zoë 🛫"}
    first, second = (start(definition, data, key="k", subject="7") for _ in range(2))
    assert first.correlation_id == second.correlation_id
    stored = world.row(first.correlation_id).data
    assert (str(stored["amount"]), stored["to"]) == ("9.90", "Zoë 🛫")
    with pytest.raises(Problem):
        start(definition, {**data, "amount": Decimal("9.91")}, key="k", subject="7")


def test_canonical_text_is_ascii_whatever_is_in_it() -> None:
    text = json_text.canonical({"b": "Zoë 🛫", "a": Decimal("1.50")})
    assert text == r'{"a":1.50,"b":"Zo\u00eb \ud83d\udeeb"}'


def test_a_complete_saga_is_reversible_until_the_time_that_start_was_given(world: World) -> None:
    until = world.clock() + timedelta(days=1)
    saga = start(define(*ORDER), {}, reversible_until=until)
    assert world.row(saga.correlation_id).reversible_until == until


def test_a_saga_with_a_due_time_runs_from_then_on(world: World) -> None:
    due_at = world.clock() + timedelta(hours=1)
    cid = start(define(*ORDER), {}, due_at=due_at).correlation_id
    assert (world.row(cid).status, world.row(cid).due_at) == ("PENDING", due_at)
    assert world.recover(after=3599) == 0
    assert world.recover(after=1) == 1
    assert world.row(cid).status == "COMPLETED"
    world.check(cid)


def test_a_due_time_that_has_passed_is_now(world: World) -> None:
    cid = start(define(*ORDER), {}, due_at=world.clock() - timedelta(days=1)).correlation_id
    assert world.recover(after=0) == 1
    assert world.row(cid).status == "COMPLETED"


def test_the_watchdog_leaves_a_saga_that_is_told_to_wait(world: World) -> None:
    cid = start(define(*ORDER), {}, due_at=world.clock() + timedelta(days=7)).correlation_id
    assert watchdog.bring_forward(world.clock()) == 0
    assert watchdog.mark_unclaimed(world.clock()) == 0
    assert world.row(cid).status == "PENDING"


def test_the_watchdog_brings_a_saga_forward_that_was_accepted_before_its_clock_was_put_back(
    world: World,
) -> None:
    cid = start(define(*ORDER), {}).correlation_id
    yesterday = world.clock() - timedelta(days=1)
    assert watchdog.bring_forward(yesterday) == 1
    assert world.row(cid).due_at == yesterday


def test_a_saga_is_started_under_the_id_that_its_caller_chose(world: World) -> None:
    saga = start(define(*ORDER), {}, correlation_id="chosen")
    assert (saga.correlation_id, world.row("chosen").status) == ("chosen", "PENDING")


def test_sagas_whose_time_has_not_come_turn_no_other_away(world: World, settings: Settings) -> None:
    settings.SAGA_MAX_RUNNING = 1
    definition = define(*ORDER)
    start(definition, {}, due_at=world.clock() + timedelta(hours=1))
    runtime.admission = runtime.Admission()
    start(definition, {})
    runtime.admission = runtime.Admission()
    with pytest.raises(Problem):
        start(definition, {})


def test_too_many_open_sagas_turn_a_new_one_away(world: World, settings: Settings) -> None:
    settings.SAGA_MAX_RUNNING = 1
    definition = define(*ORDER)
    assert world.start_and_die(definition, after=0)
    with pytest.raises(Problem) as caught:
        start(definition, {})
    assert (caught.value.status, caught.value.code) == (503, "OVERLOADED")
    assert SagaRow.objects.count() == 1


# A step that starts another saga.


def starts_another(saga: SagaState, now: datetime) -> Planned:
    def write() -> None:
        start(INNER, {"for": saga.correlation_id}, key=saga.correlation_id)

    return Planned(Done({}), write)


INNER: type[Saga]


@pytest.fixture
def nested(world: World) -> type[Saga]:
    global INNER
    INNER = define(far("Settle", retriable=True, final=True), name="inner")
    return define(far("Charge"), near("Sell", pivot=True, run=starts_another))


def inner_sagas() -> list[str]:
    return list(SagaRow.objects.filter(name="inner").values_list("pk", flat=True))


def test_a_step_starts_another_saga_in_its_own_commit(world: World, nested: type[Saga]) -> None:
    cid = world.start(nested).correlation_id
    (inner,) = inner_sagas()
    assert world.row(inner).data == {"for": cid}
    assert (world.row(cid).status, world.row(inner).status) == ("COMPLETED", "PENDING")
    world.settle()
    assert world.row(inner).status == "COMPLETED"


@pytest.mark.parametrize("after", [0, 1])
def test_a_saga_that_dies_around_that_commit_starts_the_other_once(
    world: World, nested: type[Saga], after: int
) -> None:
    assert world.start_and_die(nested, after=after)
    assert len(inner_sagas()) == after
    world.settle()
    assert len(inner_sagas()) == 1
    assert not SagaRow.objects.exclude(status="COMPLETED").exists()


def test_a_commit_that_is_lost_starts_no_other_saga(world: World, nested: type[Saga]) -> None:
    """Another process cancels the saga while its call is under way."""

    def cancelled_meanwhile(call: Any, serve: Any) -> Any:
        outcome = serve()
        taken = world.orchestrator("other").cancel(call.correlation_id, completed=False, reason="CANCELLED")
        assert taken is not None
        return outcome

    world.participant.then("Charge", cancelled_meanwhile)
    cid = world.start(nested).correlation_id
    world.settle()
    assert (world.row(cid).status, inner_sagas()) == ("COMPENSATED", [])
    world.check(cid)


def test_a_saga_that_a_step_starts_is_never_turned_away(
    world: World, nested: type[Saga], settings: Settings
) -> None:
    """Its own saga counts as open until it has started it: with a limit they would wait for each other."""
    settings.SAGA_MAX_RUNNING = 1
    cid = world.start(nested).correlation_id
    assert (world.row(cid).status, len(inner_sagas())) == ("COMPLETED", 1)


@pytest.mark.parametrize("is_load", [True, False])
def test_sagas_of_a_definition_that_is_no_load_turn_no_other_away(
    world: World, nested: type[Saga], settings: Settings, is_load: bool
) -> None:
    settings.SAGA_MAX_RUNNING = 1
    INNER.is_load = is_load
    world.start(nested)
    runtime.admission = runtime.Admission()
    refused = pytest.raises(Problem) if is_load else nullcontext()
    with refused:
        start(define(*ORDER), {})


def test_a_list_has_sagas_that_only_finish_others_work_where_they_are_asked_for(
    world: World, nested: type[Saga]
) -> None:
    INNER.is_load = False
    outer = world.start(nested).correlation_id
    (inner,) = inner_sagas()

    def listed(**filters: Any) -> set[str]:
        return {saga.correlation_id for saga in list_sagas(Filters(**filters))[0]}

    assert listed() == {outer}
    assert listed(definition=INNER.name) == listed(id_prefix=inner) == {inner}
    hanging = {"attention": "it hangs", "status": "RUNNING", "due_at": world.clock()}
    SagaRow.objects.filter(pk=inner).update(**hanging)
    assert listed(needs_attention=True) == listed(status="RUNNING") == {inner}
    assert listed(status="COMPLETED") == {outer}
