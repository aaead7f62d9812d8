"""Errors of our own: whatever goes wrong inside, the saga goes on, goes back or asks for a person."""

import json
from typing import Any

import pytest
from django.db import (
    DataError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django_sagas.database import execute
from django_sagas.orchestrator import MAX_WRITE_CONFLICTS

from tests.invariants import rows
from tests.saga_participants import Behaviour, loses_its_reply, meanwhile, reply
from tests.saga_world import Desk, World, around_statements, when


def breaks(error: Exception) -> Behaviour:
    def behave(serve: Any) -> Any:
        raise error

    return behave


def adds(**fields: str) -> Behaviour:
    """The answer carries something that cannot be stored."""

    def behave(serve: Any) -> Any:
        body = json.loads(serve().body)
        text = json.dumps(body)[:-1] + "".join(f', "{name}": {raw}' for name, raw in fields.items()) + "}"
        return reply(200, text.encode())

    return behave


# The orchestrator's own errors are unknown outcomes


def test_an_error_during_a_call_leaves_the_saga_to_recovery(world: World) -> None:
    world.participants.then("AuthorizePayment", breaks(RuntimeError("a bug")))
    saga = world.start()
    assert (saga.status, saga.owner) == ("RUNNING", "")
    world.recover()
    assert world.row(saga.correlation_id).status == "COMPLETED"


def test_an_error_that_stays_ends_at_the_forward_deadline_with_everything_undone(world: World) -> None:
    """It went on for ever: an operator had to find and cancel the saga, and its seats were lost till then."""
    world.participants.always("AwardMiles", breaks(RuntimeError("a bug")))
    saga = world.start()
    world.recover(after=59)
    assert world.row(saga.correlation_id).status == "RUNNING"
    world.recover(after=10)
    world.recover()
    ended = world.row(saga.correlation_id)
    assert (ended.status, ended.reason) == ("COMPENSATED", "DEADLINE_EXCEEDED")
    assert {state for _, state in world.seats(saga.correlation_id)} == {"RELEASED"}


@pytest.mark.parametrize(
    "field", ["1e999999999", "1" * 4000, '"\\ud800"', '"\\u0000"', "[[[[[[[[[[[]]]]]]]]]]]"]
)
def test_an_odd_answer_hurts_nobody(desk: Desk, world: World, field: str) -> None:
    world.participants.then("AuthorizePayment", adds(odd=field))
    cid = desk.book().json()["correlation_id"]
    desk.recover()
    assert desk.status(cid)["status"] == "COMPLETED"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_an_answer_that_is_not_quite_json_is_unknown(desk: Desk, world: World, number: str) -> None:
    """It was taken for done, could not be stored, and the saga met the same error again and again."""
    world.participants.then("AwardMiles", adds(bonus=number))
    cid = desk.book().json()["correlation_id"]
    assert desk.status(cid)["steps"][2]["error"] == "the answer (200) is not the participant's"
    desk.recover()
    assert desk.status(cid)["status"] == "COMPLETED"


def test_errors_while_compensating_alarm_after_ten_tries_and_never_end_it(world: World) -> None:
    world.participants.always("CancelPayment", breaks(RuntimeError("a bug")))
    saga = world.start(simulate_awardmiles_fail=True)
    assert saga.status == "COMPENSATING"
    for _ in range(10):
        world.recover()
    stuck = world.row(saga.correlation_id)
    assert (stuck.status, bool(stuck.attention)) == ("COMPENSATING", True)


def test_ten_claims_without_progress_alarm(world: World) -> None:
    """Each owner dies before it has written anything."""
    saga = world.orchestrator().accept(world.new_saga())
    assert saga is not None
    for claims in range(1, 11):
        world.clock.advance(11)
        claimed = world.orchestrator(owner=f"dies {claims}").claim(saga.correlation_id)
        assert claimed is not None and claimed.claims == claims
        assert bool(claimed.attention) == (claims >= 10)
    world.recover()
    assert world.row(saga.correlation_id).status == "COMPLETED"


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("locked"),
        InterfaceError("closed"),
        InternalError("cannot execute UPDATE in a read-only transaction"),
        NotSupportedError("cached plan must not change result type"),
        ProgrammingError("no such column"),
        DataError("NUL"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("times", [1, 2, 1000])
def test_an_error_at_an_outcomes_commit_is_followed_by_the_same_call_again(
    world: World, error: Exception, times: int
) -> None:
    with around_statements(before=when("UPDATE sagas_saga", error, times=times)):
        saga = world.start()
    assert saga.owner == ""
    world.recover()
    assert world.row(saga.correlation_id).status == "COMPLETED"
    first, second, _ = [one.body for one in world.participants.received]
    assert first == second


def test_a_subscriber_edge_that_fails_disturbs_no_saga(world: World) -> None:
    """An error of publishing came after the commit, and the request answered 500 for a booking that ran."""

    def fails(events: Any) -> None:
        raise RuntimeError("no more threads")

    orchestrator = world.orchestrator(publish=fails)
    assert world.start(orchestrator).status == "COMPLETED"
    accepted = orchestrator.accept(world.new_saga())
    assert accepted is not None
    turned = orchestrator.cancel(accepted.correlation_id, completed=False, reason="CANCELLED_BY_OPERATOR")
    assert turned is not None
    assert orchestrator.advance(turned).status == "COMPENSATED"


# Losing the row


def test_a_run_that_lost_its_row_and_then_the_database_still_answers(desk: Desk, world: World) -> None:
    def cancel() -> None:
        (row,) = rows("SELECT correlation_id FROM sagas_saga")
        Desk(world).post(f"/api/saga/{row['correlation_id']}/cancel/")

    def away(sql: str) -> None:
        if sql.startswith("SELECT") and "FROM sagas_saga WHERE correlation_id" in sql and cancelled:
            raise OperationalError("away")

    cancelled: list[bool] = []
    world.participants.then(
        "AwardMiles",
        meanwhile(lambda: (cancel(), cancelled.append(True))),  # type: ignore[func-returns-value]
    )
    with around_statements(before=away):
        answer = desk.book()
    assert answer.status_code == 202
    assert (
        answer.json()["correlation_id"] == rows("SELECT correlation_id FROM sagas_saga")[0]["correlation_id"]
    )


# Write conflicts


def taking_one_of_two(times: int) -> Any:
    """The hold of two seats finds one of them taken, so often; the transaction is rolled back each time."""
    left = [times]

    def wrap(execute_: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "INSERT INTO flight_seat" in sql and left[0] > 0:
            left[0] -= 1
            half = len(params) // 2
            sql = sql.replace(",(%s,%s,%s,%s,%s,%s,%s)", "")
            return execute_(sql, params[:half], many, context)
        return execute_(sql, params, many, context)

    return connection.execute_wrapper(wrap)


@pytest.mark.parametrize("times", [1, MAX_WRITE_CONFLICTS - 1])
def test_a_conflict_over_seats_is_solved_by_choosing_again(world: World, times: int) -> None:
    with taking_one_of_two(times):
        saga = world.start()
    assert saga.status == "COMPLETED"
    assert world.events(saga.correlation_id).count("SAGA_STARTED") == 1


def test_a_conflict_that_never_resolves_is_503_and_nothing_is_stored(desk: Desk, world: World) -> None:
    """It was a 500."""
    with taking_one_of_two(10**6):
        answer = desk.book(headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["code"]) == (503, "TRY_AGAIN")
    assert "Retry-After" in answer.headers
    assert rows("SELECT 1 FROM sagas_saga") == []
    assert world.participants.calls() == []
    assert desk.book(headers={"Idempotency-Key": "k"}).status_code == 200


def test_an_accepted_saga_whose_conflict_never_resolves_is_given_up_at_its_deadline(world: World) -> None:
    """It was claimed, met the conflict and was claimed again without end: only an operator could end it."""
    saga = world.orchestrator().accept(world.new_saga())
    assert saga is not None
    with taking_one_of_two(10**6):
        world.recover()
        first = world.row(saga.correlation_id)
        assert (first.status, first.step("ReserveSeat").status, first.owner) == ("RUNNING", "UNKNOWN", "")
        world.recover(after=59)
        assert world.row(saga.correlation_id).step("ReserveSeat").attempts == 2
        world.recover()
        world.recover()
    ended = world.row(saga.correlation_id)
    assert (ended.status, ended.reason) == ("COMPENSATED", "DEADLINE_EXCEEDED")
    assert (world.seats(saga.correlation_id), world.participants.calls()) == ([], [])


def test_an_accepted_saga_whose_conflict_passes_books_after_all(world: World) -> None:
    saga = world.orchestrator().accept(world.new_saga())
    assert saga is not None
    with taking_one_of_two(MAX_WRITE_CONFLICTS):
        world.recover()
    world.recover()
    assert world.row(saga.correlation_id).status == "COMPLETED"


def test_a_confirmation_whose_seats_are_gone_is_compensated_at_its_deadline(world: World) -> None:
    """Somebody changed the database by hand: twenty conflicts in a row, on every claim, for ever."""
    world.participants.then("AwardMiles", loses_its_reply)
    saga = world.start()
    execute("UPDATE flight_seat SET state = 'RELEASED' WHERE correlation_id = %s", (saga.correlation_id,))
    world.recover()
    assert world.row(saga.correlation_id).status == "RUNNING"
    world.recover(after=61)
    world.recover()
    assert world.row(saga.correlation_id).status == "COMPENSATED"
