"""A step whose outcome stays unknown: repeated, then given up and undone."""

import pytest

from tests.booking_events import FORWARD, REMOTE, undone
from tests.saga_participants import (
    Behaviour,
    answers,
    answers_for_another_saga,
    loses_its_reply,
    never_arrives,
)
from tests.saga_world import Desk, World

NOT_ANSWERED: dict[str, Behaviour] = {
    "500": answers(500, {"code": "INTERNAL_ERROR", "detail": "?"}),
    "502 from a proxy": answers(502, b"<html>Bad Gateway</html>"),
    "503": answers(503, {"code": "TRY_AGAIN", "detail": "Busy."}, Retry_After="2"),
    "429": answers(429, b""),
    "408": answers(408, b""),
    "401": answers(401, {"code": "NOT_AUTHENTICATED", "detail": "?"}),
    "a redirect": answers(302, b"", Location="http://evil.example/api/saga/authorize-payment/"),
    "HTML with 200": answers(200, b"<html>Welcome to our Wi-Fi</html>"),
    "no answer": never_arrives,
    "a lost reply": loses_its_reply,
    "another saga's answer": answers_for_another_saga,
    "64 KiB and more": answers(200, b'{"success": true, "x": "' + b"x" * 65536 + b'"}'),
}


@pytest.mark.parametrize("step", list(REMOTE))
@pytest.mark.parametrize("behaviour", NOT_ANSWERED.values(), ids=NOT_ANSWERED)
def test_an_unknown_outcome_is_202_and_recovery_repeats_the_same_call(
    desk: Desk, world: World, step: str, behaviour: Behaviour
) -> None:
    world.participants.then(step, behaviour)
    answer = desk.book()
    body = answer.json()
    cid = body["correlation_id"]
    assert (answer.status_code, body["status"], "success" in body) == (202, "RUNNING", False)
    assert answer.headers["Location"] == f"/api/saga/status/{cid}/"
    stands = desk.status(cid)
    assert {one["status"] for one in stands["steps"] if one["name"] == step} == {"UNKNOWN"}
    assert stands["next_attempt_at"] is not None

    assert desk.recover() == 1

    assert world.row(cid).status == "COMPLETED"
    first, second = [one.body for one in world.participants.received if one.name == step]
    assert first == second
    place = FORWARD.index(f"STEP_STARTED {step}")
    again = [FORWARD[place], f"STEP_UNKNOWN {step}"]
    assert world.events(cid) == FORWARD[:place] + again + FORWARD[place:]


def test_a_step_that_stays_unknown_is_given_up_after_a_minute_and_undone_too(
    desk: Desk, world: World
) -> None:
    world.participants.always("AuthorizePayment", loses_its_reply)
    cid = desk.book().json()["correlation_id"]
    desk.recover(after=59)
    assert desk.status(cid)["status"] == "RUNNING"
    world.participants.then("CancelPayment", loses_its_reply)
    desk.recover(after=6)
    desk.recover()
    ended = desk.status(cid)
    assert (ended["status"], ended["reason"]) == ("COMPENSATED", "DEADLINE_EXCEEDED")
    assert ended["result"]["error_code"] == "DEADLINE_EXCEEDED"
    assert ended["result"]["compensation_result"] == undone("AuthorizePayment", "ReserveSeat")
    assert [entry.kind for entry in world.participants.ledger] == ["AUTHORIZED", "CANCELLED"]
    assert world.participants.calls(cid) == ["AuthorizePayment"] * 3 + ["CancelPayment"] * 2


def test_a_participant_that_comes_back_after_the_deadline_is_asked_once_before_giving_up(
    desk: Desk, world: World
) -> None:
    world.participants.then("AwardMiles", never_arrives)
    cid = desk.book().json()["correlation_id"]
    desk.recover(after=3600)
    assert desk.status(cid)["status"] == "COMPLETED"


def test_retry_after_puts_the_next_try_off(desk: Desk, world: World) -> None:
    world.participants.then("AwardMiles", answers(503, b"", Retry_After="15"))
    cid = desk.book().json()["correlation_id"]
    saga = world.row(cid)
    assert saga.due_at is not None
    assert 15 <= (saga.due_at - saga.created_at).total_seconds() < 20


def test_five_refused_credentials_raise_an_alarm_that_the_end_closes(desk: Desk, world: World) -> None:
    world.participants.always("AuthorizePayment", answers(401))
    cid = desk.book().json()["correlation_id"]
    for _ in range(3):
        desk.recover(after=6)
    assert desk.status(cid)["needs_attention"] is False
    desk.recover(after=6)
    alarmed = desk.status(cid)
    assert alarmed["needs_attention"] is True
    assert alarmed["attention_reason"] == (
        "AuthorizePayment: the participant answered 401: check the services' credentials"
    )
    world.participants.heal()
    desk.recover()
    assert desk.status(cid)["needs_attention"] is False
