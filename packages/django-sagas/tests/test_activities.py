"""Activities: retriable steps in this process, outside the saga's transactions."""

import pytest
from django.db import connection
from django_sagas import Done, Refused, Saga, SagaState, Unknown, activities, activity
from django_sagas.outcomes import Outcome

from tests.toy.models import Effect
from tests.toy.steps import far, near
from tests.world import World, define


class Mailer:
    """Sends at most once, as an activity has to."""

    def __init__(self) -> None:
        self.tries = 0
        self.fails: Exception | Outcome | None = None

    def __call__(self, saga: SagaState) -> Outcome:
        assert not connection.in_atomic_block, "no transaction may be open"
        self.tries += 1
        if isinstance(self.fails, Exception):
            raise self.fails
        Effect.objects.get_or_create(correlation_id=saga.correlation_id, name="Send")
        return self.fails or Done({"sent": True})


@pytest.fixture
def mailer() -> Mailer:
    return Mailer()


@pytest.fixture
def order(mailer: Mailer) -> type[Saga]:
    return define(
        near("Reserve"),
        far("Sell", pivot=True, final=True),
        activity("Send", does=mailer, retriable=True),
        far("Ship", retriable=True, final=True),
    )


def test_an_activity_runs_between_two_commits_and_its_answer_is_a_fact(
    world: World, order: type[Saga]
) -> None:
    saga = world.start(order)
    assert (saga.status, saga.facts["Send"]) == ("COMPLETED", {"sent": True})
    assert world.events(saga.correlation_id, "STEP_STARTED") == ["Reserve", "Sell", "Send", "Ship"]
    world.check(saga.correlation_id)


@pytest.mark.parametrize(
    ("fails", "error", "alarm"),
    [
        (OSError("no route"), "OSError: no route", ""),
        (Unknown("full"), "full", ""),
        (Refused("NO", "Nobody."), "Nobody.", "Send fails: Nobody."),
    ],
    ids=["raises", "unknown", "refuses"],
)
def test_an_activity_that_fails_is_tried_again(
    world: World, order: type[Saga], mailer: Mailer, fails: Exception | Outcome, error: str, alarm: str
) -> None:
    mailer.fails = fails
    cid = world.start(order).correlation_id
    row = world.row(cid)
    assert (row.status, row.step("Send").error, row.attention) == ("RUNNING", error, alarm)
    mailer.fails = None
    world.settle()
    assert (world.row(cid).status, mailer.tries) == ("COMPLETED", 2)
    world.check(cid)


@pytest.mark.parametrize("after", range(4))
def test_a_process_that_dies_around_an_activity_loses_nothing(
    world: World, order: type[Saga], after: int
) -> None:
    cid = world.start_and_die(order, after=after)
    assert cid is not None
    world.settle()
    assert world.row(cid).status == "COMPLETED"
    world.check(cid)


def test_waiting_activities_keep_only_some_of_the_threads(world: World, order: type[Saga]) -> None:
    """Without a free slot it is unknown, and tried again later."""
    slots = activities._slots_of("Send")
    taken = 0
    while slots.enter(0.0, timeout=0.0):
        taken += 1
    try:
        cid = world.start(order).correlation_id
        assert world.row(cid).step("Send").error == "too many are waiting for Send"
    finally:
        for _ in range(taken):
            slots.leave(0.0, answered=True)
    world.settle()
    assert world.row(cid).status == "COMPLETED"
