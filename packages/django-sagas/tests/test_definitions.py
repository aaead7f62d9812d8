"""A definition that cannot work is refused when it is loaded, with what to change."""

from collections.abc import Callable
from types import new_class

import pytest
from django_sagas import DefinitionError, Done, Saga, SagaState, Step, activity, local, remote
from django_sagas.definitions import SAGAS, definition_of, find_step
from django_sagas.state import SagaStep

from tests.toy.steps import does, far, near
from tests.world import define, subclass

Wrong = Callable[[], object]


def done(saga: SagaState) -> Done:
    return Done({})


STEPS: dict[str, tuple[Wrong, str]] = {
    "no name": (lambda: define(far("A"), name=""), r"needs a name and at least one step\."),
    "no step": (lambda: define(), r"needs a name and at least one step\."),
    "a step twice": (
        lambda: define(far("A"), far("A")),
        r"toy: A stands twice; .* needs a name of its own\.",
    ),
    "a step and a compensation": (
        lambda: define(far("A"), far("UndoA")),
        r"toy: UndoA stands twice; every step and compensation needs a name of its own\.",
    ),
    "a step and an alias": (
        lambda: define(far("A"), far("B", aliases={"A": "UndoA"})),
        r"toy: A stands twice",
    ),
    "a step and a retired one": (lambda: define(far("A"), retired=[far("A")]), r"toy: A stands twice"),
    "no path": (
        lambda: define(far("charge card")),
        r"toy: 'charge card' is not in CamelCase; write it like ReserveStock\.",
    ),
    "a long name": (lambda: define(far("A" * 33)), r"is longer than 32 characters; shorten it\."),
    "a long saga": (
        lambda: define(far("A"), name="a" * 65),
        r"its name is longer than 64 characters; shorten",
    ),
    "an activity that is compensatable": (
        lambda: define(activity("A", does=done)),
        r"toy: A is an activity; make it retriable, without an undo=",
    ),
    "an activity that is the pivot": (
        lambda: define(activity("A", does=done, pivot=True)),
        r"toy: A is an activity",
    ),
    "an activity with a compensation": (
        lambda: define(activity("A", does=done, retriable=True, undo="B")),
        r"toy: A is an activity",
    ),
    "data for no compensation": (
        lambda: define(far("A", final=True, retriable=True, undo_sends=lambda saga: {})),
        r"toy: A has undo_sends= and no compensation; give it an undo=",
    ),
    "two pivots": (
        lambda: define(far("A", pivot=True), far("B", pivot=True)),
        r"toy: A, B are all pivots; a saga has one at most\.",
    ),
    "pivot and retriable": (
        lambda: far("A", pivot=True, retriable=True),
        r"A step is the pivot or retriable, not both\.",
    ),
    "compensatable after the pivot": (
        lambda: define(far("A", pivot=True), far("B")),
        r"toy: B comes after the pivot; move it before, or make it retriable\.",
    ),
    "compensatable after a retriable step": (
        lambda: define(far("A", retriable=True), far("B")),
        r"toy: B comes after the pivot; move it before, or make it retriable\.",
    ),
    "retriable before the pivot": (
        lambda: define(far("A", retriable=True), far("B", pivot=True)),
        r"toy: a retriable step comes before the pivot; move it behind\.",
    ),
    "no compensation": (
        lambda: define(far("A", final=True)),
        r"toy: A is compensatable and has no compensation; name one with undo=\.",
    ),
    "retriable and refuses": (
        lambda: define(far("A", retriable=True, refusals={"NO"})),
        r"toy: A is retriable and must not refuse; take its refusals out\.",
    ),
    "remote without a place": (lambda: define(far("A", at="")), r"toy: A is local and has no run=\."),
    "compensation without a function": (
        lambda: define(local("A", run=does("A"), undo="UndoA")),
        r"toy: UndoA has no implementation; give A a back=\.",
    ),
    "function without a compensation": (
        lambda: define(local("A", run=does("A"), back=does("UndoA"), pivot=True)),
        r"toy: A has a back= and no name for it; give it an undo=\.",
    ),
    "alias without a function": (
        lambda: define(near("A", final=True, pivot=True, aliases={"B": "UndoB"})),
        r"toy: A has no back= for the compensation of its alias; put the old step into retired\.",
    ),
}


@pytest.mark.parametrize(("wrong", "message"), STEPS.values(), ids=STEPS)
def test_a_definition_that_cannot_work_is_refused_with_what_to_change(wrong: Wrong, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        wrong()
    assert "toy" not in SAGAS


def in_module(module: str) -> type[Saga]:
    body = {"name": "order", "steps": (far("A"),), "__module__": module}
    return new_class("PlaceOrder", (Saga,), exec_body=lambda space: space.update(body))


def test_two_definitions_of_one_name_are_refused_though_their_classes_are_called_alike() -> None:
    first = in_module("shop.sagas")
    message = "shop.sagas.PlaceOrder and desk.sagas.PlaceOrder are both named 'order'; give one another"
    with pytest.raises(DefinitionError, match=message):
        in_module("desk.sagas")
    assert definition_of("order") is first


def test_a_subclass_of_a_definition_needs_a_name_of_its_own() -> None:
    parent = define(far("A"))
    with pytest.raises(DefinitionError, match="are both named 'toy'"):
        subclass(parent, __module__="elsewhere")
    child = subclass(parent, name="child")
    assert definition_of("child") is child


def test_every_kind_stands_in_one_table() -> None:
    saga = define(
        near("A"), far("B"), far("C", final=True, pivot=True), near("D", retriable=True, final=True)
    )
    kinds = [(step.kind, step.compensation) for step in saga.first_steps({})]
    assert kinds == [
        ("compensatable", "UndoA"),
        ("compensatable", "UndoB"),
        ("pivot", ""),
        ("retriable", ""),
    ]


def stored(name: str, compensation: str, participant: str = "bank", kind: str = "compensatable") -> SagaStep:
    return SagaStep(name, compensation, participant, kind)


KNOWN = far("Charge", aliases={"Pay": "Refund", "Debit": ""})


@pytest.mark.parametrize(
    ("step", "known"),
    [
        (stored("Charge", "UndoCharge"), True),
        (stored("Pay", "Refund"), True),
        (stored("Debit", ""), True),
        (stored("Charge", "UndoCharge", kind="pivot"), True),
        (stored("Charge", "Refund"), False),
        (stored("Pay", "UndoCharge"), False),
        (stored("Charge", "UndoCharge", participant="depot"), False),
        (stored("Charge", "UndoCharge", kind="wish"), False),
        (stored("Transfer", "UndoTransfer"), False),
    ],
)
def test_a_rows_step_is_known_by_its_own_name_and_compensation_or_by_an_alias(
    step: SagaStep, known: bool
) -> None:
    define(KNOWN)
    assert find_step("toy", step) == (KNOWN if known else None)
    assert KNOWN.refusals == {"NO", "SIMULATED_FAILURE"}


def test_retired_steps_are_known_and_given_to_no_new_saga() -> None:
    saga = define(far("A"), retired=[far("B")])
    assert find_step("toy", stored("B", "UndoB")) == far("B")
    assert [step.name for step in saga.first_steps({})] == ["A"]


def test_no_step_of_an_unknown_saga_is_known() -> None:
    define(far("A"))
    assert find_step("nobody", stored("A", "UndoA")) is None


@pytest.mark.parametrize(("data", "names"), [({"gift": True}, ["Wrap", "Ship"]), ({}, ["Ship"])])
def test_a_saga_has_a_step_where_its_data_say_so(data: dict[str, bool], names: list[str]) -> None:
    saga = define(far("Wrap", when=lambda data: bool(data.get("gift"))), far("Ship"))
    assert [step.name for step in saga.first_steps(data)] == names


def test_a_simulated_failure_is_a_refusal_of_every_step() -> None:
    steps: list[Step] = [
        local("A", undo="B", run=does("A"), back=does("B")),
        remote("C", at="bank", undo="D"),
    ]
    assert {step.refusals for step in steps} == {frozenset({"SIMULATED_FAILURE"})}
