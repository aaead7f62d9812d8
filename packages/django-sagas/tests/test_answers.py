"""What a saga keeps of its secrets and of the answers, and what it shows of them."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django_sagas import SagaState, event_log
from django_sagas.client import Call
from django_sagas.models import SagaEventRow, SagaRow
from django_sagas.outcomes import Done, Outcome

from tests.toy.steps import far, near
from tests.world import Behaviour, Serve, World, answers, define, loses_its_reply, never_arrives

SECRETS = {"card": "4111", "pin": "0000"}


def noting(seen: list[Mapping[str, Any]]) -> Behaviour:
    """The participant is faithful; its call's data are noted."""

    def behave(call: Call, serve: Serve) -> Outcome:
        seen.append(json.loads(call.body)["data"])
        return serve()

    return behave


def secrets_of(world: World, cid: str) -> Mapping[str, Any]:
    return world.row(cid).secrets


def with_secrets(saga: SagaState) -> dict[str, Any]:
    return {**saga.data, **saga.secrets}


CHARGE = far("Charge", uses=["card"], sends=with_secrets)
UNLOCK = far("Unlock", uses=["pin"], sends=with_secrets)
ORDER = (near("Reserve"), CHARGE, UNLOCK, far("Ship", retriable=True))


def test_a_secret_is_erased_in_the_commit_of_the_step_that_used_it(world: World) -> None:
    seen: list[Mapping[str, Any]] = []
    for name in ("Charge", "Unlock", "Ship"):
        world.participant.then(name, noting(seen))
    cid = world.start(define(*ORDER), secrets=SECRETS).correlation_id
    assert seen == [SECRETS, {"pin": "0000"}, {}]
    assert world.row(cid).status == "COMPLETED"
    assert SagaRow.objects.get().secrets == ""


def test_a_secret_is_kept_while_the_outcome_of_its_step_is_unknown(world: World) -> None:
    world.participant.always("Charge", loses_its_reply)
    cid = world.start(define(*ORDER), secrets=SECRETS).correlation_id
    assert secrets_of(world, cid) == SECRETS
    world.participant.heal()
    world.participant.always("Unlock", never_arrives)
    world.recover()
    assert secrets_of(world, cid) == {"pin": "0000"}
    world.settle()
    assert secrets_of(world, cid) == {}


@pytest.mark.parametrize("refused_by", ["Reserve", "Charge", "Unlock"])
def test_a_saga_that_goes_back_has_no_secret(world: World, refused_by: str) -> None:
    for name in ("UndoCharge", "UndoReserve"):
        world.participant.always(name, never_arrives)
    cid = world.start(define(*ORDER), secrets=SECRETS, refused_by=refused_by).correlation_id
    assert world.row(cid).failed_step == refused_by
    assert secrets_of(world, cid) == {}


def test_a_saga_that_is_cancelled_on_its_way_has_no_secret(world: World) -> None:
    world.participant.always("Charge", never_arrives)
    cid = world.start(define(*ORDER), secrets=SECRETS).correlation_id
    world.participant.always("UndoCharge", never_arrives)
    cancelled = world.cancel(cid, completed=False)
    assert cancelled is not None and cancelled.status == "COMPENSATING"
    assert secrets_of(world, cid) == {}


def test_no_secret_is_in_an_event_a_result_or_a_compensation(world: World) -> None:
    cid = world.start(define(*ORDER), secrets={"card": "top-secret"}, refused_by="Unlock").correlation_id
    told = [text for row in SagaEventRow.objects.values_list("data", "following") for text in row]
    texts = [*told, SagaRow.objects.get().result]
    bodies = {call.name: call.body for call in world.participant.received}
    assert "top-secret" in bodies["Charge"]
    assert not any("top-secret" in text for text in [*texts, bodies["Unlock"], bodies["UndoCharge"]])
    world.check(cid)


ISSUE = near("Issue", pivot=True)


def test_the_fields_of_an_answer_are_facts_of_their_step(world: World) -> None:
    world.participant.answers = {"Charge": {"number": "C-1", "amount": 3}}
    cid = world.start(define(near("Reserve"), far("Charge"), far("Award"))).correlation_id
    assert world.row(cid).facts == {
        "Reserve": {"by": "Reserve"},
        "Charge": {"number": "C-1", "amount": 3},
        "Award": {},
    }


def test_the_fields_of_a_compensations_answer_are_facts_and_its_definition_may_write_with_them(
    world: World,
) -> None:
    written: list[tuple[str, Any]] = []

    def write(saga: SagaState, compensation: str) -> Callable[[], object]:
        return lambda: written.append((compensation, saga.facts[compensation]))

    def returning(call: Call, serve: Serve) -> Outcome:
        done = serve()
        assert isinstance(done, Done)
        return Done({**done.body, "returned": 3})

    world.participant.then("UndoCharge", returning)
    definition = define(
        far("Charge"),
        far("Award"),
        after_undo=classmethod(lambda cls, saga, compensation, now: (write(saga, compensation),)),
    )
    cid = world.start(definition, refused_by="Award").correlation_id
    assert world.row(cid).facts == {"Charge": {}, "UndoCharge": {"returned": 3}}
    assert written == [("UndoCharge", {"returned": 3})]


def test_events_carry_the_facts_that_are_not_private(world: World) -> None:
    world.participant.answers = {"Charge": {"number": "C-1", "holder": "Zoë"}}
    cid = world.start(define(far("Charge", private={"holder"}))).correlation_id
    (stored,) = (event for event in event_log.events_of(cid) if event.event_type == "SAGA_STEP_COMPLETED")
    assert stored.data == {"step": "Charge", "number": "C-1"}
    assert world.row(cid).facts["Charge"]["holder"] == "Zoë"
    (told,) = (event for event in world.published if event.event_type == "SAGA_STEP_COMPLETED")
    assert "holder" not in told.data


def test_a_step_sees_the_facts_of_the_steps_before_it(world: World) -> None:
    world.participant.answers = {"Charge": {"number": "C-1"}}
    ship = far("Ship", sends=lambda saga: {"paid": saga.facts["Charge"]["number"]}, retriable=True)
    world.start(define(far("Charge"), ship))
    assert json.loads(world.participant.received[-1].body)["data"] == {"paid": "C-1"}


@pytest.mark.parametrize("number", ["A-17", 17])
def test_a_step_names_the_field_that_becomes_the_sagas_reference(world: World, number: Any) -> None:
    world.participant.answers = {"Charge": {"order_number": number}}
    saga = world.start(define(far("Charge", reference="order_number"), far("Award")))
    assert saga.reference == world.row(saga.correlation_id).reference == str(number)
    assert saga.result is not None and saga.result["reference"] == str(number)


def amount_as_asked(saga: SagaState, answer: Mapping[str, Any]) -> str:
    return "" if answer.get("amount") == 3 else "PRICE_CHANGED: The amount is not the one asked for."


@pytest.mark.parametrize(("amount", "status"), [(3, "COMPLETED"), (4, "COMPENSATED")])
def test_an_answer_that_the_step_does_not_accept_is_undone_with_an_alarm(
    world: World, amount: int, status: str
) -> None:
    world.participant.answers = {"Charge": {"amount": amount}}
    world.participant.always("UndoReserve", never_arrives)
    cid = world.start(define(near("Reserve"), far("Charge", accepts=amount_as_asked))).correlation_id
    row = world.row(cid)
    assert row.status == status
    if status == "COMPENSATED":
        assert (row.error_code, row.error) == ("PRICE_CHANGED", "The amount is not the one asked for.")
        assert row.facts == {"Reserve": {"by": "Reserve"}, "UndoReserve": {"by": "UndoReserve"}}
        assert world.effects(cid) == {"Reserve": 1, "UndoReserve": 1, "Charge": 1, "UndoCharge": 1}


def test_a_retriable_step_whose_answer_is_not_accepted_is_tried_again(world: World) -> None:
    world.participant.answers = {"Ship": {"amount": 4}}
    definition = define(far("Charge"), far("Ship", retriable=True, accepts=amount_as_asked))
    cid = world.start(definition).correlation_id
    assert (world.row(cid).status, world.row(cid).attention) == (
        "RUNNING",
        "Ship fails: The amount is not the one asked for.",
    )
    world.participant.answers = {"Ship": {"amount": 3}}
    world.settle()
    assert world.row(cid).facts["Ship"] == {"amount": 3}


@pytest.mark.parametrize(
    ("body", "error_code"),
    [
        ({"success": False, "error_code": "E" * 41, "error": "e" * 201}, "E" * 40),
        ({"success": True, "number": "N" * 65}, "NO_REFERENCE"),
        ({"success": True, "number": ""}, "NO_REFERENCE"),
        ({"success": True}, "NO_REFERENCE"),
    ],
    ids=["long code", "long reference", "empty reference", "no reference"],
)
def test_an_answer_that_no_column_holds_is_undone_with_an_alarm(
    world: World, body: dict[str, Any], error_code: str
) -> None:
    world.participant.then("Charge", answers(200, body))
    cid = world.start(define(near("Reserve"), far("Charge", reference="number"))).correlation_id
    row = world.row(cid)
    assert (row.status, row.error_code, row.reference) == ("COMPENSATED", error_code, "")
    assert len(row.error) <= 200
    assert "UndoCharge" in world.calls(cid)


def test_an_objection_without_a_code_gets_one(world: World) -> None:
    saga = world.start(define(far("Charge", accepts=lambda saga, answer: "It is too dear.")))
    assert (saga.error_code, saga.error) == ("NOT_ACCEPTED", "It is too dear.")
