"""Turning sagas back, and the operator's three actions."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from django_sagas.clock import utc_now
from service_kit import credentials
from service_kit.testing import callers

from flight.models import Booking, Flight
from tests.invariants import events_of, rows
from tests.saga_participants import answers, loses_its_reply, meanwhile, never_arrives
from tests.saga_world import Desk, World, around_statements, when
from tests.test_saga_scripts import BACK, FORWARD, undone

EVIDENCE = {"step": "AuthorizePayment", "reason": "the bank was called", "evidence": "ticket 4711"}


def cancel_booking(desk: Desk, reference: str) -> Any:
    return desk.post(f"/api/bookings/{reference}/cancel/")


def act(desk: Desk, cid: str, action: str, **body: Any) -> Any:
    return desk.post(f"/api/saga/{cid}/{action}/", body)


def audited(cid: str) -> list[tuple[str, str, str, str]]:
    found = rows("SELECT * FROM security_audit WHERE correlation_id = %s ORDER BY id", cid)
    return [(row["actor"], row["action"], row["reason"], row["evidence"]) for row in found]


def token(user: str, role: str = "traveller") -> dict[str, str]:
    signed = callers.user_token(user_id=user, role=role, audience="backend")
    return {"Authorization": f"Bearer {signed}"}


def service(user: str, role: str = "") -> dict[str, str]:
    """The UI's headers; what is empty is not sent."""
    bearer = callers.service_bearer(caller="ui", audience="backend")
    named = {credentials.ON_BEHALF_OF: user, credentials.ROLE: role}
    return {"Authorization": bearer, **{name: value for name, value in named.items() if value}}


def stuck(desk: Desk, world: World) -> str:
    """A saga whose payment cannot be cancelled."""
    world.participants.always("CancelPayment", answers(503))
    cid: str = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
    return cid


# The cancellation of a booking


def test_a_cancelled_booking_runs_every_compensation_in_reverse_order(desk: Desk, world: World) -> None:
    first = desk.book().json()
    cid, reference = first["correlation_id"], first["booking_reference"]
    answer = cancel_booking(desk, reference)
    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "correlation_id": cid,
        "status": "COMPENSATED",
        "reason": "CANCELLED_BY_USER",
        "booking_reference": reference,
        "compensation_result": undone("ConfirmBooking", "AwardMiles", "AuthorizePayment", "ReserveSeat"),
        "refund": 450.0,
        "fee": 0.0,
        "miles": 400,
    }
    back = [event for step in reversed(BACK) for event in BACK[step]]
    assert world.events(cid) == [*FORWARD, "SAGA_COMPENSATION_STARTED", *back, "SAGA_COMPENSATED"]
    assert Booking.objects.get().status == "CANCELLED"
    assert {state for _, state in world.seats(cid)} == {"RELEASED"}
    assert desk.status(cid)["result"]["error_code"] == "CANCELLED_BY_USER"


def test_a_booking_is_never_cancelled_twice(desk: Desk, world: World) -> None:
    first = desk.book().json()
    once = cancel_booking(desk, first["booking_reference"])
    calls, events = world.participants.calls(), world.events(first["correlation_id"])
    twice = cancel_booking(desk, first["booking_reference"])
    assert (twice.status_code, twice.content) == (200, once.content)
    assert (world.participants.calls(), world.events(first["correlation_id"])) == (calls, events)


def test_a_cancellation_that_waits_for_a_participant_is_202_and_a_repeat_shows_it(
    desk: Desk, world: World
) -> None:
    first = desk.book().json()
    world.participants.always("ReverseMiles", never_arrives)
    once = cancel_booking(desk, first["booking_reference"])
    assert (once.status_code, once.json()["status"]) == (202, "COMPENSATING")
    assert once.json()["compensation_result"] == undone("ConfirmBooking")
    assert once.headers["Location"] == f"/api/saga/status/{first['correlation_id']}/"
    twice = cancel_booking(desk, first["booking_reference"])
    assert (twice.status_code, twice.content) == (202, once.content)
    assert Booking.objects.get().status == "CANCELLED"


def test_an_asynchronous_cancellation_is_202_and_runs_in_recovery(desk: Desk, world: World) -> None:
    first = desk.book().json()
    calls = world.participants.calls()
    path = f"/api/bookings/{first['booking_reference']}/cancel/"
    answer = desk.post(path, headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.json()["status"]) == (202, "COMPENSATING")
    assert answer.json()["compensation_result"] == []
    assert world.participants.calls() == calls
    assert desk.recover(after=0) == 1
    assert desk.status(first["correlation_id"])["status"] == "COMPENSATED"


def test_the_result_of_a_booking_that_is_being_cancelled_says_so(desk: Desk, world: World) -> None:
    first = desk.book().json()
    world.participants.always("ReverseMiles", never_arrives)
    cancel_booking(desk, first["booking_reference"])
    result = desk.status(first["correlation_id"])["result"]
    told = (result["success"], result["status"], result["error_code"], result["booking_reference"])
    assert told == (False, "COMPENSATING", "CANCELLED_BY_USER", first["booking_reference"])


def test_a_booking_whose_flight_has_departed_is_not_cancelled(
    desk: Desk, world: World, settings: LazySettings
) -> None:
    settings.SALE_CLOSES_MINUTES = 0
    first = desk.book().json()
    leaves(world, utc_now() + timedelta(seconds=60))
    assert cancel_booking(desk, first["booking_reference"]).status_code == 200
    second = desk.book().json()
    leaves(world, utc_now() - timedelta(seconds=1))
    refused = cancel_booking(desk, second["booking_reference"])
    assert (refused.status_code, refused.json()["code"]) == (409, "DEPARTED")
    assert world.row(second["correlation_id"]).status == "COMPLETED"
    assert Booking.objects.get(pk=second["booking_reference"]).status == "CONFIRMED"
    # What was cancelled in time is answered as it is.
    assert cancel_booking(desk, first["booking_reference"]).json()["status"] == "COMPENSATED"


def leaves(world: World, at: datetime) -> None:
    Flight.objects.filter(pk=world.flight.pk).update(departs_at=at, arrives_at=at + timedelta(hours=2))


def test_an_operator_turns_a_running_saga_back_though_its_flight_has_departed(
    desk: Desk, world: World
) -> None:
    world.participants.always("AuthorizePayment", never_arrives)
    cid = desk.book().json()["correlation_id"]
    leaves(world, utc_now() - timedelta(seconds=1))
    assert act(desk, cid, "cancel").json()["status"] == "COMPENSATED"


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), (b'{"x": NaN}', 400), (b"x" * 65_537, 413)]
)
def test_malformed_body_cancelled_a_booking_and_changes_nothing(desk: Desk, body: bytes, status: int) -> None:
    reference = desk.book().json()["booking_reference"]
    answer = desk.client.post(f"/api/bookings/{reference}/cancel/", body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert Booking.objects.get().status == "CONFIRMED"


def test_reference_in_small_letters_is_shown_and_cancelled(desk: Desk) -> None:
    reference = desk.book().json()["booking_reference"].lower()
    assert desk.client.get(f"/api/bookings/{reference}/").status_code == 200
    assert desk.client.post(f"/api/bookings/{reference}/cancel/").json()["status"] == "COMPENSATED"


def test_the_seats_of_a_cancelled_booking_can_be_bought_again(desk: Desk) -> None:
    first = desk.book(seat_numbers=["12A", "12B"]).json()
    cancel_booking(desk, first["booking_reference"])
    assert desk.book(seat_numbers=["12A", "12B"]).json()["success"] is True


def test_a_booking_that_is_not_there_is_404(desk: Desk) -> None:
    assert cancel_booking(desk, "ABC234").status_code == 404


def test_a_booking_without_a_saga_cannot_be_cancelled(desk: Desk, make_booking: Any) -> None:
    booking = make_booking("DIRECT")
    answer = cancel_booking(desk, "DIRECT")
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_CANCELLABLE")
    booking.refresh_from_db()
    assert booking.status == "CONFIRMED"
    booking.tickets.all().delete()
    booking.delete()


@pytest.mark.parametrize(
    ("user", "role", "status", "reason"),
    [
        ("1", "traveller", 200, "CANCELLED_BY_USER"),
        ("1", "operator", 200, "CANCELLED_BY_USER"),
        ("9", "operator", 200, "CANCELLED_BY_OPERATOR"),
        ("9", "traveller", 404, None),
        ("9", "auditor", 403, None),
        ("1", "auditor", 200, "CANCELLED_BY_USER"),
    ],
)
@pytest.mark.parametrize("named_by", ["token", "service"])
def test_outside_demo_mode_a_booking_is_cancelled_by_its_owner_or_an_operator(
    desk: Desk, settings: LazySettings, user: str, role: str, status: int, reason: str | None, named_by: str
) -> None:
    first = desk.book().json()
    settings.DEMO_MODE = False
    path = f"/api/bookings/{first['booking_reference']}/cancel/"
    headers = {"token": token(user, role), "service": service(user, role)}[named_by]
    answer = desk.post(path, {"reason": "the traveller called"}, headers=headers)
    assert (answer.status_code, answer.json().get("reason")) == (status, reason)
    settings.DEMO_MODE = True
    assert desk.status(first["correlation_id"])["reason"] == reason
    by_operator = [("9", "cancel-booking", "the traveller called", "")]
    assert audited(first["correlation_id"]) == (by_operator if reason == "CANCELLED_BY_OPERATOR" else [])


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({}, {"reason": "x"}, 404),
        ({"user": ""}, {"reason": "x"}, 404),
        ({"user": "", "role": "operator"}, {"reason": "x"}, 404),
        ({"user": "9", "role": "operator"}, {}, 400),
        ({"user": "9", "role": "operator"}, {"reason": ""}, 400),
    ],
)
def test_outside_demo_mode_a_booking_is_not_cancelled_without_a_name_or_for_another_without_a_reason(
    desk: Desk, settings: LazySettings, headers: dict[str, str], body: dict[str, str], status: int
) -> None:
    reference = desk.book().json()["booking_reference"]
    settings.DEMO_MODE = False
    path = f"/api/bookings/{reference}/cancel/"
    answer = desk.post(path, body, headers=service(**headers) if headers else {})
    assert answer.status_code == status
    assert Booking.objects.get().status == "CONFIRMED"


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
