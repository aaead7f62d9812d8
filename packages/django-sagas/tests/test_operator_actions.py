"""Operators act on sagas by HTTP and from a shell; both do the same, for a reason that is kept."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from django.core.management import CommandError
from django.test import Client
from django_sagas import bulk
from django_sagas.models import ManualSettlement
from django_sagas.operators import Operator

from tests.operators import (
    HOW,
    WHY,
    access,
    get,
    order,
    post,
    shell,
    stuck,
    this_world,
    told,
    trail,
    waiting,
)
from tests.world import World, answers

__all__ = ["access", "this_world"]
"Fixtures."


@pytest.mark.parametrize("by", ["http", "shell"])
def test_a_waiting_saga_is_tried_again_now(world: World, by: str) -> None:
    cid = waiting(world)
    assert world.row(cid).status == "RUNNING"
    if by == "http":
        answer = post(f"{cid}/retry/", WHY)
        assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
    else:
        (shown,) = told("retry", cid, "--reason", WHY["reason"], "--actor", "ops")
        assert shown["status"] == "COMPLETED"
    assert trail() == [("ops", "retry", cid, WHY["reason"], "")]


@pytest.mark.parametrize("by", ["http", "shell"])
def test_a_running_saga_is_turned_back(world: World, by: str) -> None:
    cid = waiting(world)
    if by == "http":
        answer = post(f"{cid}/cancel/", WHY)
        assert (answer.status_code, answer.headers["X-Correlation-ID"]) == (200, cid)
        assert [one["step"] for one in answer.json()["compensation_result"]] == ["Charge", "Reserve"]
    else:
        shell("cancel", cid, "--reason", WHY["reason"], "--actor", "ops")
    assert (world.row(cid).status, world.row(cid).reason) == ("COMPENSATED", "CANCELLED_BY_OPERATOR")
    assert trail() == [("ops", "cancel", cid, WHY["reason"], "")]


@pytest.mark.parametrize("by", ["http", "shell"])
def test_a_stuck_compensation_is_resolved_by_hand(world: World, by: str) -> None:
    cid = stuck(world)
    if by == "http":
        assert post(f"{cid}/resolve/", HOW).json()["resolved_manually"] is True
    else:
        words = [word for name, text in HOW.items() for word in (f"--{name}", text)]
        (shown,) = told("resolve", cid, *words, "--actor", "ops")
        assert shown["resolved_manually"] is True
    assert world.row(cid).status == "COMPENSATED"
    assert trail() == [("ops", "resolve", cid, HOW["reason"], HOW["evidence"])]
    assert ManualSettlement.objects.get().actor == "ops"


def test_a_cancellation_that_goes_on_by_itself_says_where(world: World) -> None:
    cid = waiting(world)
    answer = post(f"{cid}/cancel/", WHY, Prefer="respond-async")
    assert (answer.status_code, answer.json()["status"]) == (202, "COMPENSATING")
    assert get(answer.headers["Location"].removeprefix("/sagas/")).json()["status"] == "COMPENSATING"


def test_a_complete_saga_is_not_cancelled_and_leaves_no_trail(world: World) -> None:
    cid = world.start(order()).correlation_id
    answer = post(f"{cid}/cancel/", WHY)
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_CANCELLABLE")
    with pytest.raises(CommandError, match="NOT_CANCELLABLE: The saga is complete"):
        shell("cancel", cid, "--reason", "too late")
    assert (world.row(cid).status, trail()) == ("COMPLETED", [])


def test_a_step_that_is_not_stuck_is_not_resolved(world: World) -> None:
    cid = waiting(world)
    answer = post(f"{cid}/resolve/", HOW)
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_STUCK")
    unknown = post(f"{cid}/resolve/", {**HOW, "step": "Ship"})
    assert (unknown.status_code, unknown.json()["errors"]) == (
        400,
        {"step": "must be one of Reserve, Charge, Confirm"},
    )
    words = ["--step", "Ship", "--reason", "r", "--evidence", "e"]
    with pytest.raises(CommandError, match="must be one of Reserve, Charge, Confirm"):
        shell("resolve", cid, *words)
    assert trail() == []


WRONG: Mapping[str, tuple[str, Any, list[str]]] = {
    "no reason": ("retry", {}, ["reason"]),
    "an empty reason": ("cancel", {"reason": " "}, ["reason"]),
    "no text": ("retry", {"reason": 7}, ["reason"]),
    "too long": ("retry", {"reason": "x" * 201}, ["reason"]),
    "a line break": ("retry", {"reason": "a\nb"}, ["reason"]),
    "nothing at all": ("resolve", {}, ["step", "reason", "evidence"]),
}


@pytest.mark.parametrize(("action", "body", "fields"), WRONG.values(), ids=WRONG)
def test_an_action_without_a_reason_names_what_is_missing_and_changes_nothing(
    world: World, action: str, body: Any, fields: list[str]
) -> None:
    cid = waiting(world)
    before = world.row(cid)
    answer = post(f"{cid}/{action}/", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, fields)
    assert (world.row(cid), trail()) == (before, [])


@pytest.mark.parametrize("verb", ["retry", "cancel", "resolve"])
def test_the_shell_needs_a_reason_too(world: World, verb: str) -> None:
    cid = waiting(world)
    before = world.row(cid)
    more = ["--step", "Charge", "--evidence", "e"] if verb == "resolve" else []
    with pytest.raises(CommandError, match="--reason"):
        shell(verb, cid, *more)
    with pytest.raises(CommandError, match="--reason must not be empty"):
        shell(verb, cid, *more, "--reason", " ")
    assert (world.row(cid), trail()) == (before, [])


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"'])
def test_a_body_that_is_no_object_is_a_400(world: World, body: bytes) -> None:
    assert post(f"{waiting(world)}/retry/", body).status_code == 400


def test_a_form_is_a_415_and_a_wrong_method_a_405(world: World) -> None:
    path = f"/sagas/{waiting(world)}/retry/"
    assert Client().post(path, {"reason": "r"}, headers={"X-User": "ops"}).status_code == 415
    got = Client().get(path, headers={"X-User": "ops"})
    assert (got.status_code, got.headers["Content-Type"]) == (405, "application/problem+json")
    assert "POST" in got.headers["Allow"]


def alarmed(world: World) -> str:
    """Its compensation is refused our credential, which raises an alarm."""
    world.participant.always("UndoCharge", answers(401, {}))
    return world.start(order(), refused_by="Confirm").correlation_id


def test_all_sagas_of_one_error_are_acted_on_batch_by_batch(world: World) -> None:
    cids = sorted(alarmed(world) for _ in range(3))
    why = get(f"{cids[0]}/").json()["attention_reason"]
    how = {"action": "resolve", "attention_reason": why, "reason": "settled", "evidence": "letter 7"}
    assert get(f"?attention_reason={quote(why)}&created_before=2031-01-01").json()["results"] != []
    by = Operator("ops", "settled", "letter 7")
    first = bulk.act("resolve", stuck_for=why, after="", by=by, most=2)
    assert (first.done, first.following, first.left) == (2, cids[1], 1)
    assert post("bulk/", {**how, "after": first.following}).json() == {
        "done": 1,
        "refused": [],
        "after": None,
        "left": 0,
    }
    assert post("bulk/", how).json()["done"] == 0, "none of them is stuck any more"
    listed = get("settlements/").json()["results"]
    assert [each["correlation_id"] for each in listed] == cids and listed[0]["evidence"] == "letter 7"


@pytest.mark.parametrize(
    ("change", "field"),
    [({"action": "drop"}, "action"), ({"reason": ""}, "reason"), ({"action": "resolve"}, "evidence")],
)
def test_a_bulk_action_that_is_wrong_names_its_field(
    world: World, change: dict[str, str], field: str
) -> None:
    answer = post("bulk/", {"action": "retry", "attention_reason": "x", "reason": "y", **change})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
