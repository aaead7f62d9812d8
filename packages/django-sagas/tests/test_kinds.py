"""Compensatable, pivot, retriable: which way a saga may go, and what is tried again."""

import json
from typing import Any

import pytest
from django.test import override_settings
from django_sagas import Saga, operators
from django_sagas.models import OperatorAction
from django_sagas.problems import Problem

from tests.toy.steps import far, near
from tests.world import Behaviour, World, answers, define, loses_its_reply, never_arrives, refuses

RESERVE, CHARGE = near("Reserve"), far("Charge")
SELL = far("Sell", pivot=True, final=True)
SHIP = far("Ship", retriable=True, final=True)


@pytest.fixture
def order() -> type[Saga]:
    """Reserve, charge, sell (the pivot, for good), ship."""
    return define(RESERVE, CHARGE, SELL, SHIP)


def test_a_saga_does_its_steps_in_order(world: World, order: type[Saga]) -> None:
    saga = world.start(order)
    assert (saga.status, world.calls(saga.correlation_id)) == ("COMPLETED", ["Charge", "Sell", "Ship"])
    world.check(saga.correlation_id)


def test_a_refusal_before_the_pivot_undoes_what_was_done(world: World, order: type[Saga]) -> None:
    saga = world.start(order, refused_by="Charge")
    assert (saga.status, saga.failed_step, saga.error_code) == ("COMPENSATED", "Charge", "NO")
    assert world.effects(saga.correlation_id) == {"Reserve": 1, "UndoReserve": 1}
    world.check(saga.correlation_id)


def test_a_pivot_that_refuses_goes_back(world: World, order: type[Saga]) -> None:
    saga = world.start(order, refused_by="Sell")
    assert (saga.status, world.statuses(saga.correlation_id)) == (
        "COMPENSATED",
        ["UNDONE", "UNDONE", "REFUSED", "PENDING"],
    )
    world.check(saga.correlation_id)


@pytest.mark.parametrize("lost", [never_arrives, loses_its_reply], ids=["request", "reply"])
def test_a_compensatable_step_without_an_answer_is_given_up_and_undone(
    world: World, order: type[Saga], lost: Behaviour
) -> None:
    world.participant.always("Charge", lost)
    cid = world.start(order).correlation_id
    assert world.statuses(cid) == ["DONE", "UNKNOWN", "PENDING", "PENDING"]
    world.recover(after=70)
    row = world.row(cid)
    assert (row.status, row.error_code) == ("COMPENSATED", "DEADLINE_EXCEEDED")
    assert "UndoCharge" in world.calls(cid)
    world.check(cid)


@pytest.mark.parametrize("lost", [never_arrives, loses_its_reply], ids=["request", "reply"])
def test_a_pivot_without_a_compensation_is_never_given_up(
    world: World, order: type[Saga], lost: Behaviour
) -> None:
    world.participant.always("Sell", lost)
    cid = world.start(order).correlation_id
    for _ in range(5):
        world.recover(after=3600)
    assert world.statuses(cid) == ["DONE", "DONE", "UNKNOWN", "PENDING"]
    assert world.row(cid).attention.startswith("Sell fails: Timeout")
    world.settle()
    world.check(cid)
    assert (world.row(cid).status, world.effects(cid)["Sell"]) == ("COMPLETED", 1)


def test_a_pivot_with_a_compensation_is_given_up_and_undone(world: World) -> None:
    world.participant.always("Sell", loses_its_reply)
    cid = world.start(define(RESERVE, far("Sell", pivot=True), SHIP)).correlation_id
    world.recover(after=70)
    assert world.statuses(cid) == ["UNDONE", "UNDONE", "PENDING"]
    world.check(cid)


FAILS: dict[str, tuple[Behaviour, str]] = {
    "refuses": (refuses("SIMULATED_FAILURE"), "Ship fails: No."),
    "refuses with a code of its own": (refuses("SOLD_OUT"), "Ship fails: No."),
    "violates the contract": (
        answers(422, {"code": "INVALID", "detail": "No weight."}),
        "Ship fails: No weight.",
    ),
    "was compensated": (
        answers(409, {"code": "ALREADY_COMPENSATED"}),
        "Ship fails: It was compensated before.",
    ),
}


@pytest.mark.parametrize(("fails", "alarm"), FAILS.values(), ids=FAILS)
def test_a_retriable_step_that_says_no_is_tried_again_with_an_alarm(
    world: World, order: type[Saga], fails: Behaviour, alarm: str
) -> None:
    world.participant.always("Ship", fails)
    cid = world.start(order).correlation_id
    assert (world.row(cid).status, world.row(cid).attention) == ("RUNNING", alarm)
    for _ in range(3):
        world.recover(after=3600)
    assert world.statuses(cid) == ["DONE", "DONE", "DONE", "UNKNOWN"]
    assert world.calls(cid).count("Ship") == 4
    world.settle()
    assert world.row(cid).status == "COMPLETED"
    world.check(cid)


@pytest.mark.parametrize("step", [far, near], ids=["remote", "local"])
def test_a_saga_that_only_goes_forward_is_not_cancelled_before_it_began(world: World, step: Any) -> None:
    saga = world.new(define(step("Ship", retriable=True, final=True)))
    world.orchestrator().accept(saga)
    assert world.cancel(saga.correlation_id, completed=False) is None
    world.settle()
    assert world.row(saga.correlation_id).status == "COMPLETED"


def test_a_local_retriable_step_that_says_no_is_tried_again_with_an_alarm(world: World) -> None:
    saga = world.start(define(RESERVE, near("Ship", retriable=True)), refused_by="Ship")
    cid = saga.correlation_id
    assert world.row(cid).attention == "Ship fails: As the data ask for."
    world.recover()
    assert (world.row(cid).status, world.row(cid).steps[1].attempts) == ("RUNNING", 2)
    define(RESERVE, near("Ship", retriable=True, run=near("Ship2").run))
    world.settle()
    assert world.row(cid).status == "COMPLETED"


def test_a_retriable_step_without_an_answer_is_never_given_up_and_raises_an_alarm(
    world: World, order: type[Saga]
) -> None:
    world.participant.always("Ship", never_arrives)
    cid = world.start(order).correlation_id
    world.recover(after=70)
    assert world.row(cid).attention == ""
    for _ in range(20):
        world.recover(after=3600)
    assert world.statuses(cid) == ["DONE", "DONE", "DONE", "UNKNOWN"]
    assert world.row(cid).attention == "Ship fails: Timeout: it was not delivered"
    world.settle()
    world.check(cid)


def test_a_compensation_that_says_no_is_tried_again_with_an_alarm(world: World, order: type[Saga]) -> None:
    world.participant.always("UndoCharge", refuses("NO"))
    cid = world.start(order, refused_by="Sell").correlation_id
    world.recover(after=3600)
    assert (world.row(cid).status, world.row(cid).attention) == ("COMPENSATING", "UndoCharge fails: No.")
    assert "UndoReserve" not in world.effects(cid)
    world.settle()
    world.check(cid)


def test_a_refusal_outside_the_table_is_a_violation_and_is_undone(world: World, order: type[Saga]) -> None:
    """Whether it took effect is not known."""
    world.participant.then("Charge", refuses("SURPRISE"))
    cid = world.start(order).correlation_id
    assert world.statuses(cid) == ["UNDONE", "UNDONE", "PENDING", "PENDING"]
    assert world.row(cid).error_code == "SURPRISE"
    assert "UndoCharge" in world.calls(cid)


@pytest.mark.parametrize("after", [0, 1])
def test_a_saga_can_be_cancelled_until_something_happened_that_has_no_compensation(
    world: World, order: type[Saga], after: int
) -> None:
    cid = world.start_and_die(order, after=after)
    assert cid is not None
    pivot_may_have_happened = world.statuses(cid)[2] != "PENDING"
    cancelled = world.cancel(cid, completed=False)
    assert (cancelled is None) is pivot_may_have_happened is (after == 1)
    world.settle()
    world.check(cid)
    assert world.row(cid).status == ("COMPLETED" if after else "COMPENSATED")


def test_a_refused_cancellation_changes_nothing(world: World, order: type[Saga]) -> None:
    open_one, ended = world.start_and_die(order, after=1), world.start(order).correlation_id
    assert open_one is not None
    rows = [world.row(open_one), world.row(ended)]
    assert world.cancel(open_one, completed=False) is None
    assert world.cancel(ended, completed=True) is None
    assert [world.row(open_one), world.row(ended)] == rows


def test_a_complete_saga_with_every_compensation_can_be_cancelled(world: World) -> None:
    cid = world.start(define(RESERVE, near("Sell", pivot=True), far("Ship", retriable=True))).correlation_id
    cancelled = world.cancel(cid, completed=True)
    assert cancelled is not None and cancelled.status == "COMPENSATED"
    assert world.events(cid, "COMPENSATION_STEP_COMPLETED") == ["Ship", "Sell", "Reserve"]
    assert world.cancel(cid, completed=True) is None
    world.check(cid)


@pytest.mark.parametrize("status", ["RUNNING", "COMPLETED"])
def test_a_saga_in_another_state_is_not_cancelled(world: World, order: type[Saga], status: str) -> None:
    done = status == "COMPLETED"
    cid = world.start(order).correlation_id if done else world.start_and_die(order, after=0)
    assert cid is not None
    assert world.cancel(cid, completed=not done) is None
    assert world.row(cid).status == status


def test_an_alarm_goes_to_the_projects_own_function(world: World, order: type[Saga]) -> None:
    ALARMS.clear()
    with override_settings(SAGA_ALARM=f"{__name__}.keep_alarm"):
        world.participant.then("Ship", refuses("NO"))
        cid = world.start(order).correlation_id
    expected = {"action": "needs-attention", "correlation_id": cid, "reason": "Ship fails: No."}
    assert [{**expected, "now": world.clock()}] == ALARMS


ALARMS: list[dict[str, Any]] = []


def keep_alarm(**alarm: Any) -> None:
    ALARMS.append(alarm)


def fee(saga: Any) -> dict[str, Any]:
    return {"keep": saga.facts["fee"]["cents"]} if "fee" in saga.facts else {}


def test_a_cancellation_stores_facts_that_each_try_of_a_compensation_sends(world: World) -> None:
    world.participant.then("UndoCharge", never_arrives)
    cid = world.start(define(RESERVE, far("Charge", undo_sends=fee))).correlation_id
    taken = world.orchestrator().cancel(
        cid, completed=True, reason="CANCELLED_BY_USER", facts={"fee": {"cents": 500}}
    )
    assert taken is not None and world.row(cid).facts["fee"] == {"cents": 500}
    world.orchestrator().advance(taken)
    world.settle()
    assert world.row(cid).status == "COMPENSATED"
    undone = [json.loads(call.body) for call in world.participant.received if call.name == "UndoCharge"]
    assert undone == [{"correlation_id": cid, "step_number": 2, "data": {"keep": 500}}] * 2
    world.check(cid)


def test_a_compensation_without_data_of_its_own_sends_none(world: World) -> None:
    cid = world.start(define(far("Charge", undo_sends=fee), far("Pay")), refused_by="Pay").correlation_id
    (undo,) = [json.loads(call.body) for call in world.participant.received if call.name == "UndoCharge"]
    assert undo == {"correlation_id": cid, "step_number": 1}


def test_a_cancellation_that_comes_too_late_stores_no_facts(world: World, order: type[Saga]) -> None:
    cid = world.start(order).correlation_id
    before = world.row(cid).facts
    facts = {"fee": {"cents": 500}}
    assert world.orchestrator().cancel(cid, completed=True, reason="C", facts=facts) is None
    assert world.row(cid).facts == before


def test_an_operator_is_told_that_a_saga_only_goes_forward(world: World, order: type[Saga]) -> None:
    world.participant.always("Ship", never_arrives)
    cid = world.start(order).correlation_id
    with pytest.raises(Problem) as caught:
        operators.cancel(cid, by=operators.Operator("7", "a test"))
    assert (caught.value.status, caught.value.code) == (409, "NOT_CANCELLABLE")
    assert (world.row(cid).status, OperatorAction.objects.count()) == ("RUNNING", 0)
    world.settle()
