"""The invariants: they hold under any mixture of faults, and they would notice if they did not."""

import random
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError
from django_sagas.database import execute
from django_sagas.state import SagaState

from tests import invariants
from tests.saga_participants import (
    Behaviour,
    Entry,
    answers,
    answers_for_another_saga,
    dies,
    loses_its_reply,
    never_arrives,
    refuses,
)
from tests.saga_world import Died, World, around_statements, when

CALLS = ("AuthorizePayment", "AwardMiles", "CancelPayment", "ReverseMiles")
FAULTS: tuple[Behaviour, ...] = (
    answers(500),
    answers(503, b"", Retry_After="3"),
    answers(401),
    answers(302, b"", Location="http://elsewhere.example/"),
    answers(200, b"<html></html>"),
    answers(400, {"code": "INVALID", "detail": "?"}),
    answers_for_another_saga,
    loses_its_reply,
    never_arrives,
    dies(Died(), before=True),
    dies(Died(), before=False),
)
FAILURES = ("reserveseat", "authorizepayment", "awardmiles", "confirmbooking")


@pytest.mark.parametrize("seed", range(40))
def test_any_mixture_of_faults_deaths_and_cancellations_ends_whole(world: World, seed: int) -> None:
    """Several bookings side by side; each call meets something, owners die, somebody cancels."""
    dice = random.Random(seed)
    for name in CALLS:
        world.participants.then(name, *(dice.choice(FAULTS) for _ in range(dice.randint(0, 6))))
    cids = [cid for _ in range(3) if (cid := begin(world, dice))]
    for _ in range(8):
        disturb(world, dice, cids)
        world.check_always()
    world.settle()
    world.check_quiet()
    assert {world.row(cid).status.value for cid in cids} <= {"COMPLETED", "COMPENSATED"}


def begin(world: World, dice: random.Random) -> str | None:
    changes: dict[str, Any] = {}
    if dice.random() < 0.5:
        changes[f"simulate_{dice.choice(FAILURES)}_fail"] = True
    saga = world.new_saga(**changes)
    try:
        if dice.random() < 0.3:
            world.orchestrator().accept(saga)
        else:
            world.orchestrator(f"owner {dice.random()}").start(saga, deadline=None)
    except Died:
        pass
    return saga.correlation_id


def disturb(world: World, dice: random.Random, cids: list[str]) -> None:
    try:
        if dice.random() < 0.3:
            orchestrator = world.orchestrator("op")
            taken = orchestrator.cancel(
                dice.choice(cids), completed=dice.random() < 0.5, reason="CANCELLED_BY_OPERATOR"
            )
            if taken is not None:
                orchestrator.advance(taken)
        else:
            world.recover(after=dice.choice((0.1, 1.0, 11.0, 61.0)), jitter=dice.random)
    except Died:
        pass


def test_a_full_flight_sells_nothing_and_a_free_seat_is_sold(world: World) -> None:
    """12: no undersell."""
    assert world.start(seat_numbers=["20A", "20B"]).status == "COMPLETED"
    assert world.start(seat_numbers=["20A", "20B"]).error_code == "SEAT_UNAVAILABLE"
    assert world.start(seat_numbers=["20C", "20D"]).status == "COMPLETED"


# Would they notice?


def breaks_an_invariant(
    world: World, check: Callable[[], None], sabotage: Callable[[], object], repair: Callable[[], object]
) -> None:
    check()
    sabotage()
    with pytest.raises(AssertionError):
        check()
    repair()
    check()


SABOTAGE = {
    "an event is missing": (
        "UPDATE sagas_event SET sequence = 99 WHERE sequence = 5",
        "UPDATE sagas_event SET sequence = 5 WHERE sequence = 99",
    ),
    "an event tells of another step": (
        "UPDATE sagas_event SET event_type = 'SAGA_STEP_UNKNOWN' WHERE sequence = 5",
        "UPDATE sagas_event SET event_type = 'SAGA_STEP_COMPLETED' WHERE sequence = 5",
    ),
    "the status is not what the events say": (
        "UPDATE sagas_saga SET status = 'COMPENSATED' WHERE name = 'book-trip'",
        "UPDATE sagas_saga SET status = 'COMPLETED' WHERE name = 'book-trip'",
    ),
    "a terminal saga has an owner": (
        "UPDATE sagas_saga SET owner = 'ghost'",
        "UPDATE sagas_saga SET owner = ''",
    ),
    "a card token is left": (
        "UPDATE sagas_saga SET secrets = 'tok_ok'",
        "UPDATE sagas_saga SET secrets = ''",
    ),
    "a card token is in another column": (
        "UPDATE sagas_saga SET error = 'tok_ok was declined'",
        "UPDATE sagas_saga SET error = ''",
    ),
    "an alarm on a saga that has ended": (
        "UPDATE sagas_saga SET attention = 'look'",
        "UPDATE sagas_saga SET attention = ''",
    ),
    "a ticket's seat was released": (
        "UPDATE flight_seat SET state = 'RELEASED'",
        "UPDATE flight_seat SET state = 'SOLD'",
    ),
    "a booking was cancelled without its saga": (
        "UPDATE flight_booking SET status = 'CANCELLED', cancelled_at = created_at",
        "UPDATE flight_booking SET status = 'CONFIRMED', cancelled_at = NULL",
    ),
    "a booking over another price": (
        "UPDATE flight_booking SET amount = amount + 1",
        "UPDATE flight_booking SET amount = amount - 1",
    ),
}


@pytest.mark.parametrize(("sabotage", "repair"), SABOTAGE.values(), ids=SABOTAGE)
def test_the_invariants_notice_what_is_wrong_in_the_database(
    world: World, sabotage: str, repair: str
) -> None:
    world.completed()
    breaks_an_invariant(world, world.check_quiet, lambda: execute(sabotage), lambda: execute(repair))


@pytest.mark.parametrize("wrong", ["twice", "cancelled", "orphan", "undone is done again"])
def test_the_invariants_notice_what_is_wrong_with_a_participant(world: World, wrong: str) -> None:
    cid, fake = world.completed().correlation_id, world.participants
    extra = {
        "twice": Entry(cid, "AUTHORIZED", "1", Decimal(450), cid),
        "cancelled": Entry(cid, "CANCELLED", "1", Decimal(-450), cid),
        "orphan": Entry("nobody", "AUTHORIZED", "1", Decimal(450), "nobody"),
    }
    if wrong in extra:
        breaks_an_invariant(
            world, world.check_quiet, lambda: fake.ledger.append(extra[wrong]), fake.ledger.pop
        )
    else:
        move = (cid, "AwardMiles", "UNDONE", "DONE")
        breaks_an_invariant(world, world.check_quiet, lambda: fake.moves.append(move), fake.moves.pop)


def test_the_invariants_notice_an_epoch_that_falls(world: World) -> None:
    world.participants.then("AwardMiles", never_arrives)
    cid = world.start().correlation_id
    world.recover()
    breaks_an_invariant(
        world,
        world.check_always,
        lambda: execute("UPDATE sagas_saga SET epoch = 1 WHERE correlation_id = %s", (cid,)),
        lambda: execute("UPDATE sagas_saga SET epoch = 2 WHERE correlation_id = %s", (cid,)),
    )


def test_the_invariants_notice_a_call_without_its_intent(world: World) -> None:
    """An orchestrator that sent before it committed would be found out."""
    saga = replace(world.new_saga(), correlation_id="unwritten")
    sends_at_once(world, saga)
    assert world.participants.breaches == ["AuthorizePayment was sent without its intent"]
    world.participants.breaches.clear()
    world.participants.records.clear()
    world.participants.ledger.clear()


def sends_at_once(world: World, saga: SagaState) -> None:
    data = '{"user_id": "1", "flight_fare": 400, "other_charges": 50}'
    body = f'{{"correlation_id": "unwritten", "booking_data": {data}}}'
    assert saga.correlation_id in body
    world.participants.take("AuthorizePayment", body)


# What the database itself refuses


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE sagas_saga SET due_at = created_at",
        "UPDATE sagas_saga SET status = 'RUNNING'",
        "INSERT INTO flight_seat (flight_id, seat_number, seat_class, correlation_id, state, held_at)"
        " SELECT flight_id, seat_number, seat_class, 'thief', 'HELD', held_at FROM flight_seat",
    ],
)
def test_the_database_refuses_a_wrong_state(world: World, wrong: str) -> None:
    world.completed()
    with pytest.raises(IntegrityError):
        execute(wrong)


@pytest.mark.parametrize("status", ["RUNNING", "COMPENSATING"])
def test_an_open_saga_cannot_lose_its_due_time(world: World, status: str) -> None:
    world.participants.then("CancelPayment", answers(503))
    world.participants.then("AwardMiles", *([never_arrives] if status == "RUNNING" else []))
    saga = world.start(simulate_awardmiles_fail=status == "COMPENSATING")
    assert saga.status == status
    with pytest.raises(IntegrityError):
        execute("UPDATE sagas_saga SET due_at = NULL")


def test_quiet_means_quiet(world: World) -> None:
    """The checks of a quiet suite do not pass while something is open."""
    world.participants.then("AwardMiles", refuses("ACCOUNT_CLOSED"))
    with around_statements(before=when("UPDATE sagas_saga", RuntimeError("a bug"), times=3)):
        world.start()
    assert invariants.open_sagas() != []
    with pytest.raises(AssertionError):
        world.check_quiet()
