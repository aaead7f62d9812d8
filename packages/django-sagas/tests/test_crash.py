"""The process is killed at each commit and call of a saga and of its recovery; another one goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django_sagas.models import SagaRow

from tests.toy.sagas import PlaceOrder
from tests.world import Died, DiesAfter, World, dies

LAST_STATEMENT = "INSERT INTO sagas_event"
"Of every transaction: to die after it is to die before the commit."


@dataclass(frozen=True)
class Story:
    """An order, and how it ends when nobody dies."""

    name: str
    end: str
    commits: int
    calls: tuple[str, ...]
    refused_by: str = ""

    def __str__(self) -> str:
        return self.name


STORIES = (
    Story("succeeds", "COMPLETED", 3, ("ChargeCard", "ShipOrder")),
    Story("no stock", "COMPENSATED", 1, (), "ReserveStock"),
    Story("card declined", "COMPENSATED", 3, ("ChargeCard",), "ChargeCard"),
    Story("not confirmed", "COMPENSATED", 3, ("ChargeCard", "UndoChargeCard"), "ConfirmOrder"),
)
COMMITS = [(story, place) for story in STORIES for place in range(story.commits)]
CALLS = [(story, call) for story in STORIES for call in story.calls]
each_commit = pytest.mark.parametrize(("story", "place"), COMMITS, ids=str)


def run(world: World, story: Story, **seams: Any) -> None:
    saga = world.new(PlaceOrder, refused_by=story.refused_by)
    world.orchestrator("mortal", **seams).start(saga, deadline=None)


def goes_on(world: World, story: Story) -> None:
    """Recovery takes over when the lease has run out, and the story ends as it would have."""
    assert world.recover(after=9) == 0  # The lease of the dead still runs.
    world.settle()
    (row,) = SagaRow.objects.all()
    assert row.status == story.end
    world.check(row.pk)


@contextmanager
def dying_before_commit(place: int) -> Iterator[None]:
    left = [place]

    def execute(run: Any, sql: str, *rest: Any) -> Any:
        result = run(sql, *rest)
        if LAST_STATEMENT in sql:
            left[0] -= 1
            if left[0] < 0:
                raise Died
        return result

    with connection.execute_wrapper(execute):
        yield


@pytest.mark.parametrize("story", STORIES, ids=str)
def test_the_stories_end_as_they_say(world: World, story: Story) -> None:
    commits: list[int] = []
    run(world, story, publisher=lambda events: commits.append(len(events)))
    (row,) = SagaRow.objects.all()
    assert (row.status, len(commits), tuple(world.calls(row.pk))) == (story.end, story.commits, story.calls)
    world.check(row.pk)


@each_commit
def test_death_before_a_commit_leaves_what_the_commit_before_it_says(
    world: World, story: Story, place: int
) -> None:
    with dying_before_commit(place), pytest.raises(Died):
        run(world, story)
    if place == 0:
        assert (SagaRow.objects.count(), world.participant.received) == (0, [])
    else:
        goes_on(world, story)


@each_commit
def test_death_after_a_commit_is_gone_on_from_there(world: World, story: Story, place: int) -> None:
    with pytest.raises(Died):
        run(world, story, publisher=DiesAfter(place))
    goes_on(world, story)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("story", "call"), CALLS, ids=str)
def test_death_during_a_call_is_followed_by_the_same_call_again(
    world: World, story: Story, call: str, before: bool
) -> None:
    world.participant.then(call, dies(before=before))
    with pytest.raises(Died):
        run(world, story)
    goes_on(world, story)
    bodies = {one.body for one in world.participant.received if one.name == call}
    assert len(bodies) == 1


@each_commit
def test_recovery_may_die_at_every_commit_too(world: World, story: Story, place: int) -> None:
    with pytest.raises(Died):
        run(world, story, publisher=DiesAfter(place))
    for commits in range(4):
        if SagaRow.objects.open().exists():
            world.clock.advance(60)
            recovery = world.orchestrator(f"mortal {commits}", publisher=DiesAfter(commits))
            saga = recovery.claim(SagaRow.objects.get().pk)
            assert saga is not None
            try:
                recovery.advance(saga)
            except Died:
                continue
    if SagaRow.objects.open().exists():
        goes_on(world, story)
    (row,) = SagaRow.objects.all()
    assert row.status == story.end
    world.check(row.pk)


def test_the_owner_that_was_thought_dead_writes_and_sends_nothing_more(world: World) -> None:
    """It slept during its call, longer than its lease; recovery has ended the saga meanwhile."""

    def sleeps(call: Any, serve: Any) -> Any:
        outcome = serve()
        world.settle()
        return outcome

    world.participant.then("ChargeCard", sleeps)
    run(world, STORIES[0])
    (row,) = SagaRow.objects.all()
    assert (row.status, row.epoch) == ("COMPLETED", 2)
    assert world.calls(row.pk) == ["ChargeCard", "ChargeCard", "ShipOrder"]
    world.check(row.pk)
