"""An operator's three actions: retry, cancel, resolve; each audited, or not done."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from service_kit.testing import callers

from tests.booking_events import undone
from tests.invariants import events_of, rows
from tests.saga_callers import EVIDENCE, act, audited, service, stuck
from tests.saga_participants import loses_its_reply, meanwhile, never_arrives
from tests.saga_world import Desk, World, around_statements, when

# The cancellation of a booking


@pytest.mark.parametrize("action", ["retry", "cancel", "resolve"])
@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, EVIDENCE, 401),
        ({"user": ""}, EVIDENCE, 403),
        ({"user": "", "role": "operator"}, EVIDENCE, 403),
        ({"user": "9"}, EVIDENCE, 403),
        ({"user": "9", "role": "auditor"}, EVIDENCE, 403),
        ({"user": "9", "role": "operator"}, {**EVIDENCE, "reason": ""}, 400),
        ({"user": "9", "role": "operator"}, {"step": "AuthorizePayment", "evidence": "ticket 4711"}, 400),
    ],
)
def test_outside_demo_mode_an_operators_action_needs_a_name_and_a_reason(
    desk: Desk,
    world: World,
    settings: LazySettings,
    action: str,
    headers: dict[str, str],
    body: dict[str, str],
    status: int,
) -> None:
    cid = stuck(desk, world)
    events = world.events(cid)
    settings.DEMO_MODE = False
    path = f"/api/saga/{cid}/{action}/"
    answer = desk.post(path, body, headers=service(**headers) if headers else {})
    assert answer.status_code == status
    assert (world.events(cid), audited(cid)) == (events, [])


@pytest.mark.parametrize("action", ["retry", "resolve"])
def test_outside_demo_mode_an_operators_action_is_audited_under_the_operators_name(
    desk: Desk, world: World, settings: LazySettings, action: str
) -> None:
    cid = stuck(desk, world)
    world.participants.heal()
    settings.DEMO_MODE = False
    headers = service("9", "operator")
    assert desk.post(f"/api/saga/{cid}/{action}/", EVIDENCE, headers=headers).status_code == 200
    assert [(actor, reason) for actor, _, reason, _ in audited(cid)] == [("9", EVIDENCE["reason"])]


# The cancellation of a running saga


@pytest.mark.parametrize("action", ["retry", "cancel", "resolve"])
def test_an_action_on_no_saga_is_404(desk: Desk, action: str) -> None:
    assert act(desk, "no-such-saga", action, **EVIDENCE).status_code == 404


@pytest.mark.parametrize("action", ["retry", "cancel", "resolve"])
def test_outside_demo_mode_an_action_needs_an_operator_and_a_reason(
    desk: Desk, world: World, settings: LazySettings, action: str
) -> None:
    cid = stuck(desk, world)
    settings.DEMO_MODE = False
    calls = world.participants.calls()

    def by(role: str, **body: str) -> Any:
        token = callers.user_token(user_id="op", role=role, audience="backend")
        return desk.post(f"/api/saga/{cid}/{action}/", body, headers={"Authorization": f"Bearer {token}"})

    assert act(desk, cid, action, **EVIDENCE).status_code == 401
    assert by("traveller", **EVIDENCE).status_code == 403
    without = by("operator", step="AuthorizePayment", evidence="x")
    assert (without.status_code, list(without.json()["errors"])) == (400, ["reason"])
    assert world.participants.calls() == calls
    assert audited(cid) == []
    assert by("operator", **EVIDENCE).status_code in (200, 202)
    settings.DEMO_MODE = True


# Trying again


def test_retry_tries_a_waiting_saga_now(desk: Desk, world: World) -> None:
    cid = stuck(desk, world)
    world.participants.heal()
    answer = act(desk, cid, "retry", reason="payment is back")
    assert (answer.status_code, answer.json()["status"]) == (200, "COMPENSATED")
    assert audited(cid) == [("demo", "retry", "payment is back", "")]


def test_retry_of_a_saga_that_is_still_stuck_is_202(desk: Desk, world: World) -> None:
    cid = stuck(desk, world)
    answer = desk.client.generic("POST", f"/api/saga/{cid}/retry/")
    assert (answer.status_code, answer.json()["status"]) == (202, "COMPENSATING")
    assert world.participants.calls().count("CancelPayment") == 2
    assert audited(cid) == [("demo", "retry", "no reason given", "")]


def test_retry_goes_forward_too(desk: Desk, world: World) -> None:
    world.participants.then("AwardMiles", loses_its_reply)
    cid = desk.book().json()["correlation_id"]
    assert act(desk, cid, "retry").json()["status"] == "COMPLETED"


def test_retry_leaves_a_saga_with_a_live_lease_alone(desk: Desk, world: World) -> None:
    during: list[Any] = []

    def retry() -> None:
        (cid,) = [row["correlation_id"] for row in rows("SELECT correlation_id FROM sagas_saga")]
        during.append(act(Desk(world), cid, "retry", reason="impatient"))

    world.participants.then("AwardMiles", meanwhile(retry))
    body = desk.book().json()
    assert body["status"] == "COMPLETED"
    assert (during[0].status_code, during[0].json()["status"]) == (202, "RUNNING")
    assert world.participants.calls() == ["AuthorizePayment", "AwardMiles"]
    assert world.row(body["correlation_id"]).epoch == 1


def test_retry_of_a_terminal_saga_changes_nothing(desk: Desk, world: World) -> None:
    body = desk.book().json()
    before = world.row(body["correlation_id"])
    answer = act(desk, body["correlation_id"], "retry")
    assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
    assert world.row(body["correlation_id"]) == before


# Settling by hand


def test_a_stuck_compensation_is_settled_by_hand_and_the_rest_runs(desk: Desk, world: World) -> None:
    cid = stuck(desk, world)
    answer = act(desk, cid, "resolve", **EVIDENCE)
    body = answer.json()
    assert (answer.status_code, body["status"], body["resolved_manually"]) == (200, "COMPENSATED", True)
    assert [step["status"] for step in body["steps"]] == ["UNDONE", "RESOLVED", "REFUSED", "PENDING"]
    by_hand = {"step": "AuthorizePayment", "compensation": "CancelPayment", "success": False}
    assert body["result"]["compensation_result"] == [
        {**by_hand, "settled_by_hand": True},
        *undone("ReserveSeat"),
    ]
    assert body["result"]["message"] == (
        "The booking failed. CancelPayment could not be done and was settled by hand; the rest was undone."
    )
    assert audited(cid) == [("demo", "resolve", "the bank was called", "ticket 4711")]
    resolved = [event for event in events_of(cid) if event.type == "SAGA_COMPENSATION_RESOLVED"]
    told = {"step": "AuthorizePayment", "compensation": "CancelPayment", "actor": "demo"}
    assert [event.data for event in resolved] == [told]


def test_settling_by_hand_closes_the_alarm(desk: Desk, world: World) -> None:
    cid = stuck(desk, world)
    for _ in range(9):
        desk.recover(after=21)
    assert desk.status(cid)["needs_attention"] is True
    assert act(desk, cid, "resolve", **EVIDENCE).json()["needs_attention"] is False


@pytest.mark.parametrize("step", ["ReserveSeat", "AwardMiles", "ConfirmBooking"])
def test_a_step_that_is_not_stuck_is_not_settled(desk: Desk, world: World, step: str) -> None:
    cid = stuck(desk, world)
    before = world.row(cid)
    answer = act(desk, cid, "resolve", **{**EVIDENCE, "step": step})
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_STUCK")
    assert world.row(cid) == before
    assert audited(cid) == []


def test_a_compensation_in_its_first_try_is_not_stuck_yet(desk: Desk, world: World) -> None:
    during: list[Any] = []

    def resolve() -> None:
        (cid,) = [row["correlation_id"] for row in rows("SELECT correlation_id FROM sagas_saga")]
        during.append(act(Desk(world), cid, "resolve", **EVIDENCE))

    world.participants.then("CancelPayment", meanwhile(resolve))
    body = desk.book(simulate_awardmiles_fail=True).json()
    assert [answer.status_code for answer in during] == [409]
    assert body["status"] == "COMPENSATED"
    assert desk.status(body["correlation_id"])["resolved_manually"] is False


@pytest.mark.parametrize("change", [{}, {"simulate_awardmiles_fail": True}])
def test_a_terminal_saga_has_nothing_to_settle(desk: Desk, world: World, change: dict[str, Any]) -> None:
    cid = desk.book(**change).json()["correlation_id"]
    before = world.row(cid)
    assert act(desk, cid, "resolve", **EVIDENCE).status_code == 409
    assert world.row(cid) == before


@pytest.mark.parametrize("missing", ["step", "reason", "evidence"])
def test_settling_needs_a_step_a_reason_and_evidence(desk: Desk, world: World, missing: str) -> None:
    cid = stuck(desk, world)
    given = {name: value for name, value in EVIDENCE.items() if name != missing}
    answer = act(desk, cid, "resolve", **given)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [missing])
    assert world.statuses(cid)[1] == "UNDOING"


def test_settling_while_the_next_participant_is_away_is_202(desk: Desk, world: World) -> None:
    world.participants.always("ReverseMiles", never_arrives)
    world.participants.always("CancelPayment", never_arrives)
    cid = desk.book(simulate_confirmbooking_fail=True).json()["correlation_id"]
    answer = act(desk, cid, "resolve", **{**EVIDENCE, "step": "AwardMiles"})
    assert (answer.status_code, answer.json()["status"]) == (202, "COMPENSATING")
    assert world.statuses(cid) == ["DONE", "UNDOING", "RESOLVED", "REFUSED"]


# The audit row stands with the action, or not at all


@pytest.mark.parametrize("action", ["retry", "cancel", "resolve"])
def test_an_action_that_cannot_be_audited_does_not_happen(desk: Desk, world: World, action: str) -> None:
    if action == "cancel":
        world.participants.always("AuthorizePayment", never_arrives)
        cid = desk.book().json()["correlation_id"]
    else:
        cid = stuck(desk, world)
    before = world.row(cid)
    calls = world.participants.calls()
    hook = when('INSERT INTO "security_audit"', OperationalError("disk full"))
    with around_statements(before=hook):
        assert act(desk, cid, action, **EVIDENCE).status_code == 503
    assert world.row(cid) == before
    assert world.participants.calls() == calls
