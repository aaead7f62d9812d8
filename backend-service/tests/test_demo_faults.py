"""Faults of the process that runs a saga, and faults that are set for one saga before it begins."""

from typing import Any

import pytest

from flight.demo_faults import ORCHESTRATOR, die_if_asked
from tests.saga_world import Desk, World

FAULTS = "/api/demo/faults/"
WAITING = {"simulate_wait": 2}


def add(desk: Desk, correlation_id: str, **fault: Any) -> None:
    body = {"faults": [{**fault, "correlation_id": correlation_id}]}
    answer = desk.client.post(FAULTS, body, content_type="application/json")
    assert answer.status_code == 200, answer.content


@pytest.fixture(autouse=True)
def no_faults(desk: Desk) -> Any:
    yield
    desk.client.delete(FAULTS)


def test_faults_are_set_for_one_saga_between_its_acceptance_and_its_beginning(
    desk: Desk, world: World
) -> None:
    answer = desk.book(**WAITING)
    cid = answer.json()["correlation_id"]
    assert (answer.status_code, answer.json()["status"]) == (202, "PENDING")
    due = world.row(cid).due_at
    assert due is not None and (due - world.row(cid).created_at).total_seconds() == 2
    add(desk, cid, step="ReserveSeat", kind="refuse")
    assert desk.book().json()["success"] is True, "the fault is not for this one"
    desk.recover()
    assert world.row(cid).reason == "SIMULATED_FAILURE"


@pytest.mark.parametrize("wait", [-1, 6, "1", True, None])
def test_a_wait_is_a_few_seconds(desk: Desk, wait: Any) -> None:
    answer = desk.book(simulate_wait=wait)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["simulate_wait"])


def test_an_orchestrator_stands_still_after_the_answer_of_its_own_saga_only(desk: Desk, world: World) -> None:
    cid = desk.book(**WAITING).json()["correlation_id"]
    add(desk, cid, step=ORCHESTRATOR, kind="delay", seconds=0, times=1)
    desk.book()
    assert [each["fired"] for each in desk.get(FAULTS)["faults"]] == [0]
    desk.recover()
    assert [each["fired"] for each in desk.get(FAULTS)["faults"]] == [1]
    assert world.row(cid).status == "COMPLETED"


def test_a_process_lives_on_if_it_does_not_run_the_saga_whose_orchestrator_is_to_die(
    desk: Desk, world: World
) -> None:
    cid = desk.book(**WAITING).json()["correlation_id"]
    add(desk, cid, step=ORCHESTRATOR, kind="fail", times=1)
    die_if_asked(world.clock())
    assert [each["fired"] for each in desk.get(FAULTS)["faults"]] == [0]


def test_tries_name_the_worker_and_the_token_under_which_they_are_made(desk: Desk) -> None:
    cid = desk.book().json()["correlation_id"]
    begun = [
        each["data"]
        for each in desk.get(f"/api/saga/events/{cid}/")["events"]
        if each["event_type"] == "SAGA_STEP_STARTED"
    ]
    assert {each["epoch"] for each in begun} == {1} and all(each["worker"] for each in begun)
