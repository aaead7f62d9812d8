"""A test per crash point: the process dies there, another one goes on, and nothing is lost or done twice."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django_sagas.events import SagaEvent

from flight.saga_orchestrator_complete import BookingOrchestrator
from tests.invariants import rows, sagas
from tests.saga_participants import dies, loses_its_reply, meanwhile, never_arrives
from tests.saga_world import Died, DiesAfterCommit, World, around_statements, at_once

LAST_STATEMENT = "INSERT INTO sagas_event"
"of every transaction of a run: to die after it is to die before the commit"


@dataclass(frozen=True)
class Story:
    """A booking, how it ends when nobody dies, and what it costs."""

    name: str
    end: str
    commits: int
    calls: tuple[str, ...]
    changes: tuple[tuple[str, Any], ...] = ()


FORWARD = ("AuthorizePayment", "AwardMiles")
BACK = ("ReverseMiles", "CancelPayment")
STORIES = (
    Story("succeeds", "COMPLETED", 3, FORWARD),
    Story("no seat", "COMPENSATED", 1, (), (("simulate_reserveseat_fail", True),)),
    Story("declined", "COMPENSATED", 3, FORWARD[:1], (("payment", {"card_token": "tok_declined"}),)),
    Story("no miles", "COMPENSATED", 4, (*FORWARD, "CancelPayment"), (("simulate_awardmiles_fail", True),)),
    Story("no ticket", "COMPENSATED", 5, (*FORWARD, *BACK), (("simulate_confirmbooking_fail", True),)),
)
COMMITS = [(story, place) for story in STORIES for place in range(story.commits)]
CALLS = [(story, place) for story in STORIES for place in range(len(story.calls))]


def name(point: Any) -> str:
    return point.name if isinstance(point, Story) else str(point)


def run(world: World, story: Story, **seams: Any) -> str | None:
    """Start it in a process that dies on the way; the saga's id when it was written at all."""
    saga = world.new_saga(**dict(story.changes))
    with pytest.raises(Died):
        world.orchestrator("first", **seams).start(saga, deadline=None)
    found = rows("SELECT correlation_id FROM sagas_saga WHERE correlation_id = %s", saga.correlation_id)
    return saga.correlation_id if found else None


def goes_on(world: World, story: Story, cid: str) -> None:
    """Another process takes over when the lease has run out, and the story ends as it would have."""
    before = world.row(cid).epoch
    still_open = world.row(cid).due_at is not None
    assert world.recover(after=9, owner="second") == 0  # The lease of the dead still runs.
    world.settle()
    after = world.row(cid)
    assert after.status == story.end
    assert after.epoch == (before + 1 if still_open else before)
    kinds = sorted(entry.kind for entry in world.participants.ledger if entry.correlation_id == cid)
    undone = {"AuthorizePayment": "CANCELLED", "AwardMiles": "REVERSAL"}
    opened = {"AuthorizePayment": "AUTHORIZED", "AwardMiles": "AWARD"}
    took = [step for step, state in world.participants.states(cid).items() if state in ("DONE", "UNDONE")]
    expected = [opened[step] for step in took]
    expected += [undone[step] for step in took if story.end == "COMPENSATED"]
    assert kinds == sorted(expected)
    world.check_quiet()


@contextmanager
def dying_before_commit(place: int) -> Iterator[None]:
    left = [place]

    def hook(sql: str) -> None:
        if LAST_STATEMENT in sql:
            left[0] -= 1
            if left[0] < 0:
                raise Died

    with around_statements(after=hook):
        yield


@pytest.mark.parametrize("story", STORIES, ids=name)
def test_the_stories_end_as_they_say(world: World, story: Story) -> None:
    commits: list[int] = []
    orchestrator = world.orchestrator(publish=lambda events: commits.append(len(events)))
    saga = world.start(orchestrator, **dict(story.changes))
    assert (saga.status, len(commits)) == (story.end, story.commits)
    assert tuple(world.participants.calls()) == story.calls


@pytest.mark.parametrize(("story", "place"), COMMITS, ids=name)
def test_death_before_a_commit_leaves_what_the_commit_before_it_says(
    world: World, story: Story, place: int
) -> None:
    with dying_before_commit(place):
        cid = run(world, story)
    if place == 0:
        assert cid is None
        assert world.participants.calls() == []
    else:
        assert cid is not None
        goes_on(world, story, cid)


@pytest.mark.parametrize(("story", "place"), COMMITS, ids=name)
def test_death_after_a_commit_is_gone_on_from_there(world: World, story: Story, place: int) -> None:
    cid = run(world, story, publish=DiesAfterCommit(place))
    assert cid is not None
    goes_on(world, story, cid)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize(("story", "place"), CALLS, ids=name)
def test_death_during_a_call_is_followed_by_the_same_call_again(
    world: World, story: Story, place: int, before: bool
) -> None:
    """Before or after the participant's own commit: the caller cannot tell, and need not."""
    call = story.calls[place]
    world.participants.then(call, dies(Died(), before=before))
    cid = run(world, story)
    assert cid is not None
    goes_on(world, story, cid)
    bodies = [one.body for one in world.participants.received if one.name == call]
    assert len(bodies) == 2 and bodies[0] == bodies[1]


@pytest.mark.parametrize("story", STORIES, ids=name)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_death_at_any_statement_loses_nothing(world: World, story: Story, after: bool) -> None:
    """Every statement of the run, one after another, until it survives them all."""
    world.participants.watch = lambda received: None
    for place in range(100):
        counted = [place]

        def hook(sql: str, counted: list[int] = counted) -> None:
            counted[0] -= 1
            if counted[0] < 0:
                raise Died

        saga = world.new_saga(**dict(story.changes))
        died = False
        with around_statements(**{"after" if after else "before": hook}):
            try:
                world.orchestrator("first").start(saga, deadline=None)
            except Died:
                died = True
                connection.close()  # With the process its connection is gone.
        world.settle()
        found = rows("SELECT status FROM sagas_saga WHERE correlation_id = %s", saga.correlation_id)
        assert [row["status"] for row in found] in ([story.end], [] if died else [story.end])
        if not died:
            break
    else:
        pytest.fail("the run never came to its end")
    assert place >= 2


# Dying again, and again


@pytest.mark.parametrize("story", STORIES[1:], ids=name)
def test_every_owner_dies_after_one_call_and_the_saga_still_ends(world: World, story: Story) -> None:
    """Each commits an intent, calls, commits the outcome, and is gone."""
    cid = run(world, story, publish=DiesAfterCommit(0))
    assert cid is not None
    for turn in range(10):
        if world.row(cid).due_at is None:
            break
        world.clock.advance(11)
        mortal = world.orchestrator(f"mortal {turn}", publish=DiesAfterCommit(1))
        claimed = mortal.claim(cid)
        assert claimed is not None
        with suppress(Died):
            mortal.advance(claimed)
        world.check_always()
    assert world.row(cid).status == story.end


def test_owners_that_die_before_each_call_raise_an_alarm(world: World) -> None:
    cid = run(world, STORIES[0], publish=DiesAfterCommit(0))
    assert cid is not None
    for turn in range(10):
        assert world.row(cid).attention == ""
        with pytest.raises(Died):
            world.recover(owner=f"mortal {turn}", publish=DiesAfterCommit(0))
    assert world.row(cid).attention == "It was claimed again and again without progress."
    assert world.participants.calls() == []


@pytest.mark.parametrize("first", ["AuthorizePayment", "AwardMiles"])
@pytest.mark.parametrize("second", ["ReverseMiles", "CancelPayment", "AwardMiles"])
def test_two_deaths_at_two_calls(world: World, first: str, second: str) -> None:
    story = STORIES[4]
    world.participants.then(first, dies(Died(), before=False))
    cid = run(world, story)
    assert cid is not None
    world.participants.then(second, dies(Died(), before=True))
    with pytest.raises(Died):
        world.recover()
    goes_on(world, story, cid)


# Cancelling and accepting die too


def test_death_before_an_acceptance_is_durable_leaves_nothing(world: World) -> None:
    with dying_before_commit(0), pytest.raises(Died):
        world.orchestrator().accept(world.new_saga())
    assert rows("SELECT 1 FROM sagas_saga") == []


def test_death_after_an_acceptance_is_followed_by_the_booking(world: World) -> None:
    with pytest.raises(Died):
        world.orchestrator(publish=DiesAfterCommit(0)).accept(world.new_saga())
    world.settle()
    assert [saga["status"] for saga in sagas()] == ["COMPLETED"]


@pytest.mark.parametrize(
    ("death", "ends"),
    [(dying_before_commit(0), "COMPLETED"), (nullcontext(), "COMPENSATED")],
    ids=["before", "after"],
)
def test_death_at_the_commit_of_a_cancellation(
    world: World, death: AbstractContextManager[None], ends: str
) -> None:
    saga = world.completed()
    orchestrator = world.orchestrator(publish=DiesAfterCommit(0))
    with death, pytest.raises(Died):
        orchestrator.cancel(saga.correlation_id, completed=True, reason="CANCELLED_BY_USER")
    world.settle()
    assert world.row(saga.correlation_id).status == ends


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("call", BACK)
def test_death_during_the_compensations_of_a_cancelled_booking(world: World, call: str, before: bool) -> None:
    saga = world.completed()
    taken = world.orchestrator().cancel(saga.correlation_id, completed=True, reason="CANCELLED_BY_USER")
    assert taken is not None
    world.participants.then(call, dies(Died(), before=before))
    with pytest.raises(Died):
        world.orchestrator().advance(taken)
    world.settle()
    assert world.row(saga.correlation_id).status == "COMPENSATED"
    assert world.row(saga.correlation_id).epoch == 3


# Two owners


@pytest.mark.parametrize("call", FORWARD)
@pytest.mark.parametrize("late", [False, True], ids=["effect first", "effect late"])
def test_an_owner_paused_past_its_lease_writes_and_sends_nothing_more(
    world: World, call: str, late: bool
) -> None:
    world.participants.then(call, meanwhile(lambda: world.recover(after=11, owner="second"), before=late))
    saga = world.start()
    assert saga.status == "COMPLETED"  # As the other owner left it.
    assert saga.epoch == 2
    assert world.participants.calls().count(call) == 2
    others = [one for one in FORWARD if one != call]
    assert all(world.participants.calls().count(other) == 1 for other in others)
    assert world.events(saga.correlation_id).count("SAGA_COMPLETED") == 1


@pytest.mark.parametrize("call", FORWARD)
def test_an_owner_whose_saga_was_claimed_meanwhile_and_has_not_moved_writes_nothing(
    world: World, call: str
) -> None:
    """Only the epoch tells the two apart: the status is still the one that the paused owner expects."""

    def claim() -> None:
        world.clock.advance(11)
        assert world.orchestrator("second").claim(world.participants.received[-1].correlation_id)

    world.participants.then(call, meanwhile(claim))
    saga = world.start()
    assert (saga.status, saga.epoch, saga.owner) == ("RUNNING", 2, "second")
    assert saga.step(call).status == "STARTED"
    assert world.participants.calls()[-1] == call


@pytest.mark.parametrize("call", BACK)
def test_an_owner_paused_while_compensating_writes_and_sends_nothing_more(world: World, call: str) -> None:
    world.participants.then(call, meanwhile(lambda: world.recover(after=11, owner="second")))
    saga = world.start(simulate_confirmbooking_fail=True)
    assert (saga.status, saga.epoch) == ("COMPENSATED", 2)
    assert world.participants.calls().count(call) == 2
    assert world.events(saga.correlation_id).count("SAGA_COMPENSATED") == 1


def test_a_paused_owner_that_wakes_to_a_compensated_saga_gives_no_ticket_without_money(world: World) -> None:
    """The other owner gave up at the deadline and undid everything while this one's call was under way."""

    def other() -> None:
        world.participants.always("AwardMiles", never_arrives)
        world.recover(after=61, owner="second")
        world.settle()

    world.participants.then("AwardMiles", meanwhile(other))
    saga = world.start()
    assert saga.status == "COMPENSATED"
    assert rows("SELECT 1 FROM flight_booking") == []


def test_only_one_of_many_claims_a_saga(world: World) -> None:
    saga = world.orchestrator().accept(world.new_saga())
    assert saga is not None
    claims = at_once(
        *[
            lambda owner=owner: world.orchestrator(f"owner {owner}").claim(saga.correlation_id)
            for owner in range(8)
        ]
    )
    assert len([claim for claim in claims if claim]) == 1
    assert world.row(saga.correlation_id).epoch == 2


def test_a_lease_that_still_runs_is_not_taken(world: World) -> None:
    world.participants.then("AwardMiles", dies(Died(), before=False))
    cid = run(world, STORIES[0])
    assert cid is not None
    assert world.orchestrator("second").claim(cid) is None
    world.clock.advance(9.9)
    assert world.orchestrator("second").claim(cid) is None
    world.clock.advance(0.2)
    assert world.orchestrator("second").claim(cid) is not None


# A cancellation at the moment of the pivot


def cancelling(world: World, orchestrator: BookingOrchestrator, results: list[Any]) -> Callable[[], None]:
    def cancel() -> None:
        (row,) = rows("SELECT correlation_id FROM sagas_saga WHERE name = 'book-trip'")
        taken = orchestrator.cancel(row["correlation_id"], completed=False, reason="CANCELLED_BY_OPERATOR")
        results.append(taken and orchestrator.advance(taken).status.value)

    return cancel


def test_a_cancellation_just_before_the_pivot_wins(world: World) -> None:
    results: list[Any] = []
    world.participants.then("AwardMiles", meanwhile(cancelling(world, world.orchestrator("op"), results)))
    saga = world.start()
    assert (saga.status, results) == ("COMPENSATED", ["COMPENSATED"])
    assert rows("SELECT 1 FROM flight_ticket") == []


def test_a_cancellation_just_after_the_pivot_is_too_late(world: World) -> None:
    results: list[Any] = []
    cancel = cancelling(world, world.orchestrator("op"), results)

    def publish(events: Sequence[SagaEvent]) -> None:
        if events[-1].event_type == "SAGA_COMPLETED":
            cancel()

    saga = world.start(world.orchestrator(publish=publish))
    assert (saga.status, results) == ("COMPLETED", [None])


@pytest.mark.parametrize("attempt", range(5))
def test_a_cancellation_at_the_same_moment_as_the_pivot_leaves_all_or_nothing(
    world: World, attempt: int
) -> None:
    world.participants.watch = lambda received: None
    world.participants.then("AwardMiles", dies(Died(), before=False))
    cid = run(world, STORIES[0])
    assert cid is not None
    world.clock.advance(11)
    claimed = world.orchestrator("second").claim(cid)
    assert claimed is not None
    canceller = world.orchestrator("op")
    finished, taken = at_once(
        lambda: world.orchestrator("second").advance(claimed),
        lambda: canceller.cancel(cid, completed=False, reason="CANCELLED_BY_OPERATOR"),
    )
    if taken is None:
        assert finished.status == "COMPLETED"
    else:
        assert canceller.advance(taken).status == "COMPENSATED"
    world.check_quiet()


@pytest.mark.parametrize("step", FORWARD)
def test_two_cancellations_of_one_saga_undo_it_once(world: World, step: str) -> None:
    world.participants.then(step, loses_its_reply)
    saga = world.start()
    one, two = (world.orchestrator(owner) for owner in ("one", "two"))
    taken = one.cancel(saga.correlation_id, completed=False, reason="CANCELLED_BY_OPERATOR")
    assert taken is not None
    assert two.cancel(saga.correlation_id, completed=False, reason="CANCELLED_BY_OPERATOR") is None
    assert one.advance(taken).status == "COMPENSATED"
