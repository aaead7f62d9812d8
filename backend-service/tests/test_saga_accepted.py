"""A booking that answers 202: asked for, out of time, or left by its database."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError

from tests.invariants import stored
from tests.saga_world import KEY, Desk, World, around_statements, at_once, desk_of, when

# Accepted, to be worked on elsewhere


@pytest.mark.parametrize("prefer", ["respond-async", "Respond-Async, wait=10", "wait=5; respond-async"])
def test_respond_async_is_accepted_and_recovery_books(desk: Desk, world: World, prefer: str) -> None:
    answer = desk.book(headers={"Prefer": prefer})
    body = answer.json()
    cid = body["correlation_id"]
    assert answer.status_code == 202
    assert body == {
        "correlation_id": cid,
        "status": "PENDING",
        "message": "The booking is being worked on; see its status.",
    }
    assert answer.headers["Location"] == f"/api/saga/status/{cid}/"
    assert world.events(cid) == ["SAGA_STARTED"]
    assert world.seats(cid) == []
    assert world.participants.calls() == []
    assert desk.recover(after=0) == 1
    assert desk.status(cid)["result"]["success"] is True


def test_another_preference_is_not_async(desk: Desk) -> None:
    assert desk.book(headers={"Prefer": "return=minimal"}).status_code == 200


def test_a_request_whose_time_is_used_up_answers_202_and_its_saga_goes_on(
    desk: Desk, world: World, settings: LazySettings
) -> None:
    settings.SAGA_REQUEST_DEADLINE = 0.0
    answer = desk.book()
    cid = answer.json()["correlation_id"]
    assert (answer.status_code, world.participants.calls()) == (202, [])
    saga = world.row(cid)
    assert (saga.owner, saga.due_at is not None) == ("", True)
    desk.recover(after=0)
    assert world.row(cid).status == "COMPLETED"


def test_a_call_gets_what_is_left_of_the_requests_time(world: World) -> None:
    given: list[float] = []

    class Timed:
        def call(self, call: Any, *, timeout: float) -> Any:
            given.append(round(timeout, 3))
            world.clock.advance(6)
            return world.participants.call(call, timeout=timeout)

    made = world.new_saga()
    deadline = world.clock() + timedelta(seconds=10)
    saga = world.orchestrator(participants=Timed()).start(made, deadline=deadline)
    assert given == [8.0, 4.0]
    assert saga is not None and saga.status == "RUNNING"
    assert world.statuses(saga.correlation_id) == ["DONE", "DONE", "DONE", "PENDING"]


def test_a_deadline_that_passed_before_the_call_is_unknown_and_nothing_is_sent(world: World) -> None:
    made = world.new_saga()

    def late(events: Any) -> None:
        world.clock.advance(11)

    deadline = world.clock() + timedelta(seconds=10)
    saga = world.orchestrator(publish=late).start(made, deadline=deadline)
    assert saga is not None
    assert world.statuses(saga.correlation_id)[1] == "UNKNOWN"
    assert world.participants.calls() == []


# The database does not answer


@pytest.mark.parametrize("fragment", ["INSERT INTO sagas_saga (", "INSERT INTO flight_seat"])
def test_a_database_that_is_busy_before_the_first_commit_is_503_and_nothing_is_stored(
    desk: Desk, fragment: str
) -> None:
    with around_statements(before=when(fragment, OperationalError("database is locked"))):
        answer = desk.book(headers=KEY)
    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_BUSY")
    assert "Retry-After" in answer.headers
    assert stored() == (0, 0)
    assert desk.book(headers=KEY).status_code == 200


@pytest.mark.parametrize("times", [1, 1000], ids=["once", "for good"])
def test_a_database_that_goes_away_after_the_first_commit_is_202_with_the_sagas_id(
    desk: Desk, world: World, times: int
) -> None:
    with around_statements(before=when("UPDATE sagas_saga", OperationalError("disk full"), times=times)):
        answer = desk.book(headers=KEY)
    cid = answer.json()["correlation_id"]
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/saga/status/{cid}/")
    assert world.row(cid).status == "RUNNING"
    desk.recover()
    assert world.row(cid).status == "COMPLETED"
    assert desk.book(headers=KEY).json()["correlation_id"] == cid


def test_many_threads_on_one_service_all_finish(desk: Desk, world: World) -> None:
    """Nothing waits on its own service over HTTP, so one thread after the other gets its turn.

    Beside other work on the machine the 2 s for the database can run out: a 503, which stored nothing.
    """
    statuses = at_once(*[lambda: desk_of(world).book().status_code] * 20)
    assert len(statuses) == 20 and set(statuses) <= {200, 202, 503}
    assert 200 in statuses and stored()[0] == 20 - statuses.count(503)
