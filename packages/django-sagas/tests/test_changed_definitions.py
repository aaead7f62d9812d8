"""A definition changes while sagas are open at every position: they go on by their own steps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django_sagas import Saga, Step, unserved
from django_sagas.definitions import SAGAS
from django_sagas.models import SagaRow
from django_sagas.problems import Problem

from tests.toy.steps import far, near
from tests.world import World, base, define, never_arrives

Table = Sequence[Step]


@dataclass(frozen=True)
class Release:
    """What a release's definition says."""

    steps: Table
    retired: Table = ()

    def deploy(self) -> type[Saga]:
        return define(*self.steps, retired=self.retired)


RESERVE, CHARGE, AWARD = near("Reserve"), far("Charge"), far("Award", at="depot")
CONFIRM = near("Confirm", pivot=True)
NOTIFY, ARCHIVE = far("Notify", at="depot", retriable=True), near("Archive", retriable=True)
FIRST = (RESERVE, CHARGE, AWARD, CONFIRM, NOTIFY, ARCHIVE)
HOTEL, LABEL = far("Hotel"), near("Label")
INSURE = far("Insure", retriable=True)


def with_step(step: Step, place: int) -> Table:
    return (*FIRST[:place], step, *FIRST[place:])


def without(step: Step) -> Table:
    return tuple(one for one in FIRST if one != step)


def renamed(step: Step) -> Step:
    """The same step under another name; it knows the name of before."""
    return replace(
        step,
        name=f"{step.name}Now",
        compensation=f"{step.compensation}Now",
        aliases={step.name: step.compensation},
    )


def knowing_both(step: Step) -> Step:
    """The step under the name of before, as a release has it that is deployed after it was renamed."""
    return replace(step, aliases={f"{step.name}Now": f"{step.compensation}Now"})


@dataclass(frozen=True)
class Change:
    """A new release; and the old one as it is deployed when the new one is taken back."""

    new: Release
    back: Release = field(default_factory=lambda: Release(FIRST))


CHANGES = {
    **{
        f"adds {step.name} at {place}": Change(
            Release(with_step(step, place)), Release(FIRST, retired=[step])
        )
        for step, places in ((HOTEL, (0, 1, 2, 3)), (LABEL, (0, 2)), (INSURE, (4, 6)))
        for place in places
    },
    **{f"drops {step.name}": Change(Release(without(step), retired=[step])) for step in FIRST},
    **{
        f"renames {step.name}": Change(
            Release(tuple(renamed(one) if one == step else one for one in FIRST)),
            Release(tuple(knowing_both(one) if one == step else one for one in FIRST)),
        )
        for step in FIRST
    },
    "reorders": Change(Release((AWARD, CHARGE, RESERVE, CONFIRM, ARCHIVE, NOTIFY))),
    "moves a step": Change(Release((CHARGE, RESERVE, AWARD, CONFIRM, NOTIFY, ARCHIVE))),
    "does all of it": Change(
        Release(
            (
                renamed(AWARD),
                HOTEL,
                RESERVE,
                CONFIRM,
                INSURE,
                renamed(NOTIFY),
            ),
            retired=[CHARGE, ARCHIVE],
        ),
        Release(
            (RESERVE, CHARGE, knowing_both(AWARD), CONFIRM, knowing_both(NOTIFY), ARCHIVE),
            retired=[HOTEL, INSURE],
        ),
    ),
}
STORIES = {
    "succeeds": {},
    "pivot refuses": {"refused_by": "Confirm"},
    "a step before it refuses": {"refused_by": "Award"},
    "the first step refuses": {"refused_by": "Reserve"},
}
each_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
each_story = pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)


def open_at_every_position(world: World, release: Release, story: dict[str, str]) -> list[str]:
    """One saga for each commit of a run, whose process died right after it."""
    definition, begun = release.deploy(), list[str]()
    while cid := world.start_and_die(definition, after=len(begun), **story):
        begun.append(cid)
    assert begun
    return begun


def all_end(world: World, sagas: Sequence[str], story: dict[str, str]) -> None:
    """And those that are complete can be cancelled."""
    world.settle()
    for cid in sagas:
        world.check(cid)
        steps = {base(step.name) for step in world.row(cid).steps}
        if story.get("refused_by") in steps:
            assert world.row(cid).status == "COMPENSATED"
            continue
        assert set(world.statuses(cid)) == {"DONE"}
        world.cancel(cid, completed=True)
    world.settle()
    for cid in sagas:
        world.check(cid)
        assert world.row(cid).status == "COMPENSATED"


@each_story
@each_change
def test_sagas_of_the_old_release_end_under_the_new_one(
    world: World, change: Change, story: dict[str, str]
) -> None:
    sagas = open_at_every_position(world, Release(FIRST), story)
    change.new.deploy()
    all_end(world, sagas, story)


@each_story
@each_change
def test_sagas_of_the_new_release_end_when_it_is_taken_back(
    world: World, change: Change, story: dict[str, str]
) -> None:
    sagas = open_at_every_position(world, change.new, story)
    change.back.deploy()
    all_end(world, sagas, story)


@each_change
def test_sagas_of_the_old_release_are_cancelled_on_their_way_under_the_new_one(
    world: World, change: Change
) -> None:
    sagas = open_at_every_position(world, Release(FIRST), {})
    change.new.deploy()
    for cid in sagas:
        done = world.row(cid).is_terminal
        assert world.cancel(cid, completed=done) is not None
    world.settle()
    for cid in sagas:
        world.check(cid)
        assert world.row(cid).status == "COMPENSATED"


@each_change
def test_cancelled_sagas_go_on_going_back_under_the_next_release(world: World, change: Change) -> None:
    """Each has undone one step more than the one before it when its process dies."""
    definition, sagas = Release(FIRST).deploy(), list[str]()
    while cid := world.cancel_and_die(world.start(definition).correlation_id, after=len(sagas)):
        sagas.append(cid)
    assert len({str(world.statuses(cid)) for cid in sagas}) == 5
    change.new.deploy()
    world.settle()
    for cid in sagas:
        world.check(cid)
        assert world.row(cid).status == "COMPENSATED"


def check_command() -> str:
    out = StringIO()
    call_command("sagas_check", stdout=out)
    return out.getvalue()


def check_as_json() -> tuple[int, dict[str, Any]]:
    out, code = StringIO(), 0
    try:
        call_command("sagas", "check", "--json", stdout=out)
    except SystemExit as ended:
        code = int(str(ended.code))
    told: dict[str, Any] = json.loads(out.getvalue())
    return code, told


@pytest.mark.parametrize("back", [False, True], ids=["forward", "undoing"])
def test_an_unknown_step_is_neither_skipped_nor_counted_as_undone(world: World, back: bool) -> None:
    story = {"refused_by": "Confirm"} if back else {}
    sagas = open_at_every_position(world, Release(with_step(HOTEL, 1)), story)
    Release(FIRST).deploy()
    for _ in range(4):
        world.recover()
    waiting = [cid for cid in sagas if not world.row(cid).is_terminal]
    assert waiting
    for cid in waiting:
        assert world.row(cid).attention == "This release does not know the step Hotel."
        assert world.calls(cid).count("Hotel") <= 1
        assert "UndoHotel" not in world.calls(cid)
    # The complete ones can be cancelled, and would need it then.
    needing = SagaRow.objects.exclude(status="COMPENSATED").count()
    with pytest.raises(CommandError, match=rf"{needing} sagas? needs? a step .*: Hotel"):
        check_command()
    code, told = check_as_json()
    assert (code, told["can_serve"]) == (1, False) and "Hotel" in told["reason"]
    Release(with_step(HOTEL, 1)).deploy()
    assert "This release knows every step" in check_command()
    assert check_as_json() == (0, {"can_serve": True, "reason": None})
    world.settle()
    for cid in sagas:
        world.check(cid)


def test_a_complete_saga_with_an_unknown_step_stays_complete(world: World) -> None:
    cid = world.start(Release(with_step(HOTEL, 1)).deploy()).correlation_id
    Release(FIRST).deploy()
    with pytest.raises(Problem, match="This release cannot undo Hotel") as caught:
        world.cancel(cid, completed=True)
    assert (caught.value.status, caught.value.code) == (503, "STEP_UNKNOWN")
    assert world.row(cid).status == "COMPLETED"


def test_sagas_of_a_definition_that_is_gone_are_counted_and_wait(world: World) -> None:
    cid = world.start_and_die(Release(FIRST).deploy(), after=0)
    assert cid is not None
    del SAGAS["toy"]
    world.recover()
    assert world.row(cid).attention == "This release does not know the step Charge."
    with pytest.raises(CommandError, match="1 saga needs a step"):
        check_command()
    with pytest.raises(SystemExit, match="Not started: 1 saga needs a step"):
        unserved.refuse_to_start(now=world.clock())


def test_a_complete_saga_that_cannot_go_back_holds_up_no_release(world: World) -> None:
    final = far("Ship", retriable=True, final=True)
    world.start(define(RESERVE, final))
    define(far("Other"))
    assert unserved.find_unserved(now=world.clock(), newest=10) is None


def test_a_step_that_is_done_for_good_holds_up_no_release(world: World) -> None:
    """The saga is behind its pivot, which has no compensation: only what comes is needed."""
    pivot = far("Sell", pivot=True, final=True)
    world.participant.always("Notify", never_arrives)
    world.start(define(RESERVE, pivot, NOTIFY))
    define(NOTIFY)
    assert unserved.find_unserved(now=world.clock(), newest=10) is None
    world.settle()
