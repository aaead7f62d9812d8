"""Compensations that do not succeed at once: repeated, and an alarm."""

import pytest

from tests.booking_events import REMOTE, undone
from tests.saga_participants import (
    Behaviour,
    answers,
    loses_its_reply,
    never_arrives,
    refuses,
)
from tests.saga_world import Desk, World


@pytest.mark.parametrize(
    "behaviour",
    [
        answers(503),
        never_arrives,
        loses_its_reply,
        answers(400, {"code": "INVALID", "detail": "?"}),
        refuses("SIMULATED_FAILURE"),
        answers(409, {"code": "ALREADY_COMPENSATED", "detail": "?"}),
    ],
    ids=["503", "no answer", "lost reply", "contract error", "refused", "already"],
)
@pytest.mark.parametrize(("step", "compensation"), list(REMOTE.items()))
def test_a_failed_compensation_is_tried_again_until_it_succeeds(
    desk: Desk, world: World, step: str, compensation: str, behaviour: Behaviour
) -> None:
    world.participants.then(compensation, behaviour)
    answer = desk.book(simulate_confirmbooking_fail=True)
    cid = answer.json()["correlation_id"]
    assert (answer.status_code, answer.json()["status"]) == (202, "COMPENSATING")
    assert f"COMPENSATION_FAILED {compensation}" in world.events(cid)
    desk.recover()
    ended = desk.status(cid)
    assert ended["result"]["compensation_result"] == undone("AwardMiles", "AuthorizePayment", "ReserveSeat")
    assert world.participants.calls().count(compensation) == 2


@pytest.mark.parametrize(
    "behaviour", [refuses("SIMULATED_FAILURE"), answers(400, {"code": "X", "detail": "?"})]
)
def test_a_compensation_that_is_refused_alarms_at_once(
    desk: Desk, world: World, behaviour: Behaviour
) -> None:
    world.participants.always("CancelPayment", behaviour)
    cid = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
    assert desk.status(cid)["needs_attention"] is True
    assert desk.get("/api/saga/?needs_attention=true")["results"][0]["correlation_id"] == cid


def test_ten_tries_of_a_compensation_alarm(desk: Desk, world: World) -> None:
    world.participants.always("CancelPayment", answers(503))
    cid = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
    for _ in range(8):
        desk.recover(after=21)
    assert desk.status(cid)["needs_attention"] is False
    desk.recover(after=21)
    alarmed = desk.status(cid)
    assert alarmed["needs_attention"] is True
    assert alarmed["attention_reason"] == "CancelPayment fails: the participant answered 503"


def test_five_minutes_of_a_compensation_alarm(desk: Desk, world: World) -> None:
    world.participants.always("CancelPayment", never_arrives)
    cid = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
    desk.recover(after=295)
    assert desk.status(cid)["needs_attention"] is False
    desk.recover(after=10)
    assert desk.status(cid)["needs_attention"] is True
    world.participants.heal()
    desk.recover()
    ended = desk.status(cid)
    assert (ended["status"], ended["needs_attention"], ended["attention_reason"]) == (
        "COMPENSATED",
        False,
        None,
    )


def test_a_participant_that_is_down_for_an_hour_is_undone_when_it_returns(desk: Desk, world: World) -> None:
    world.participants.always("ReverseMiles", never_arrives)
    cid = desk.book(simulate_confirmbooking_fail=True).json()["correlation_id"]
    for _ in range(6):
        desk.recover(after=600)
        assert desk.status(cid)["status"] == "COMPENSATING"
    world.participants.heal()
    desk.recover()
    assert desk.status(cid)["status"] == "COMPENSATED"
