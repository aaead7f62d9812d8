"""A saga that still runs is turned back, by an operator or by its traveller."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from tests.booking_events import FORWARD
from tests.invariants import rows
from tests.saga_callers import act, audited, service, stuck
from tests.saga_participants import loses_its_reply, meanwhile
from tests.saga_world import Desk, World

# The cancellation of a booking


# The cancellation of a running saga


@pytest.mark.parametrize("step", ["AuthorizePayment", "AwardMiles"])
def test_a_running_saga_is_turned_back_and_its_run_sends_nothing_more(
    desk: Desk, world: World, step: str
) -> None:
    during: list[Any] = []

    def cancel() -> None:
        (cid,) = [row["correlation_id"] for row in rows("SELECT correlation_id FROM sagas_saga")]
        during.append(act(Desk(world), cid, "cancel", reason="changed their mind"))

    world.participants.then(step, meanwhile(cancel))
    answer = desk.book()
    cid = answer.json()["correlation_id"]
    assert during[0].status_code == 200
    assert during[0].json()["status"] == "COMPENSATED"
    # The request whose run lost its row answers with the saga as it is.
    assert (answer.status_code, answer.json()["status"]) == (200, "COMPENSATED")
    assert answer.json()["error_code"] == "CANCELLED_BY_OPERATOR"
    assert answer.json()["failed_step"] is None
    back = {"AuthorizePayment": ["CancelPayment"], "AwardMiles": ["ReverseMiles", "CancelPayment"]}
    forward = {"AuthorizePayment": ["AuthorizePayment"], "AwardMiles": ["AuthorizePayment", "AwardMiles"]}
    assert world.participants.calls() == forward[step] + back[step]
    assert audited(cid) == [("demo", "cancel", "changed their mind", "")]


def test_a_traveller_withdraws_what_waits_for_the_bank_and_sees_until_when_it_waits(
    desk: Desk, world: World, settings: LazySettings
) -> None:
    world.participants.always("AuthorizePayment", loses_its_reply)
    cid = desk.book().json()["correlation_id"]
    stands = desk.status(cid)
    asked = datetime.fromisoformat(stands["steps"][1]["started_at"])
    assert datetime.fromisoformat(stands["gives_up_at"]) - asked == timedelta(seconds=60)
    settings.DEMO_MODE = False
    path = f"/api/saga/{cid}/withdraw/"
    assert [desk.post(path, headers=service(*by)).status_code for by in [("2",), ("9", "operator")]] == [
        404,
        403,
    ]
    answer = desk.post(path, headers=service("1"))
    assert (answer.status_code, answer.json()["reason"]) == (200, "CANCELLED_BY_USER")
    settings.DEMO_MODE = True
    assert (desk.status(cid)["status"], desk.status(cid)["gives_up_at"]) == ("COMPENSATED", None)
    assert world.participants.states(cid) == {"AuthorizePayment": "UNDONE"}
    assert audited(cid) == []


def test_a_booking_that_is_made_is_not_withdrawn(desk: Desk, world: World) -> None:
    booked = desk.book().json()
    answer = desk.post(f"/api/saga/{booked['correlation_id']}/withdraw/")
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_CANCELLABLE")
    assert world.events(booked["correlation_id"]) == FORWARD


def test_a_cancellation_that_overtakes_a_call_refuses_it_for_good(desk: Desk, world: World) -> None:
    """The compensation arrives first: its tombstone answers the late action with 409."""

    def cancel() -> None:
        (cid,) = [row["correlation_id"] for row in rows("SELECT correlation_id FROM sagas_saga")]
        act(Desk(world), cid, "cancel")

    world.participants.then("AuthorizePayment", meanwhile(cancel, before=True))
    body = desk.book().json()
    assert body["status"] == "COMPENSATED"
    assert world.participants.states(body["correlation_id"]) == {"AuthorizePayment": "UNDONE"}
    assert world.participants.ledger == []


def test_an_accepted_saga_is_turned_back_before_anything_began(desk: Desk, world: World) -> None:
    cid = desk.book(headers={"Prefer": "respond-async"}).json()["correlation_id"]
    answer = act(desk, cid, "cancel")
    assert (answer.status_code, answer.json()["compensation_result"]) == (200, [])
    assert world.events(cid) == ["SAGA_STARTED", "SAGA_COMPENSATION_STARTED", "SAGA_COMPENSATED"]
    assert world.participants.calls() == []


def test_a_complete_saga_is_not_cancellable_and_names_the_bookings_cancel(desk: Desk, world: World) -> None:
    first = desk.book().json()
    cid, reference = first["correlation_id"], first["booking_reference"]
    answer = act(desk, cid, "cancel")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "NOT_CANCELLABLE")
    assert problem["cancel_booking"] == f"/api/bookings/{reference}/cancel/"
    assert problem["cancel_booking"] in problem["detail"]
    assert world.events(cid) == FORWARD
    assert audited(cid) == []


def test_cancelling_a_saga_that_goes_back_already_answers_with_its_state(desk: Desk, world: World) -> None:
    cid = stuck(desk, world)
    calls = world.participants.calls()
    answer = act(desk, cid, "cancel")
    assert (answer.status_code, answer.json()["status"]) == (202, "COMPENSATING")
    assert answer.json()["reason"] == "SIMULATED_FAILURE"
    assert world.participants.calls() == calls
