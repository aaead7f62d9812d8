"""Given these replies: these calls in this order, this answer, these events, these rows."""

from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django_sagas import json_text

from flight.models import Booking, Ticket
from tests.invariants import events_of, rows
from tests.saga_participants import (
    Behaviour,
    answers,
    answers_for_another_saga,
    loses_its_reply,
    meanwhile,
    never_arrives,
    refuses,
)
from tests.saga_world import Desk, World

FORWARD = [
    "SAGA_STARTED",
    "STEP_STARTED ReserveSeat",
    "STEP_COMPLETED ReserveSeat",
    "STEP_STARTED AuthorizePayment",
    "STEP_COMPLETED AuthorizePayment",
    "STEP_STARTED AwardMiles",
    "STEP_COMPLETED AwardMiles",
    "STEP_STARTED ConfirmBooking",
    "STEP_COMPLETED ConfirmBooking",
    "SAGA_COMPLETED",
]
BACK = {
    "ReserveSeat": ["COMPENSATION_STEP_STARTED CancelSeat", "COMPENSATION_STEP_COMPLETED CancelSeat"],
    "AuthorizePayment": [
        "COMPENSATION_STEP_STARTED CancelPayment",
        "COMPENSATION_STEP_COMPLETED CancelPayment",
    ],
    "AwardMiles": ["COMPENSATION_STEP_STARTED ReverseMiles", "COMPENSATION_STEP_COMPLETED ReverseMiles"],
    "ConfirmBooking": [
        "COMPENSATION_STEP_STARTED CancelBooking",
        "COMPENSATION_STEP_COMPLETED CancelBooking",
    ],
}
STEPS = list(BACK)
COMPENSATIONS = dict(
    zip(STEPS, ("CancelSeat", "CancelPayment", "ReverseMiles", "CancelBooking"), strict=True)
)
REMOTE = {"AuthorizePayment": "CancelPayment", "AwardMiles": "ReverseMiles"}


def undone(*steps: str) -> list[dict[str, Any]]:
    return [{"step": step, "compensation": COMPENSATIONS[step], "success": True} for step in steps]


def failure(failed: str, *, outcome_of: str = "STEP_FAILED") -> list[str]:
    """The events of a saga whose step `failed` was refused, and everything before it undone."""
    place = STEPS.index(failed)
    back = [event for step in reversed(STEPS[:place]) for event in BACK[step]]
    started = ["SAGA_COMPENSATION_STARTED"] if back else []
    return [*FORWARD[: 2 * place + 2], f"{outcome_of} {failed}", *started, *back, "SAGA_COMPENSATED"]


# To the end


def test_the_charge_stands_in_one_place_and_travels_with_the_call(
    desk: Desk, world: World, client: Client, settings: LazySettings
) -> None:
    settings.OTHER_CHARGES_CENTS = 6250
    body = json_text.load_stored(desk.book(expected_amount=462.5).content.decode())
    assert (body["status"], body["amount"]) == ("COMPLETED", Decimal("462.50"))
    assert world.participants.received[0].body["booking_data"]["other_charges"] == Decimal("62.50")
    settings.OTHER_CHARGES_CENTS = 9900
    read = client.get(f"/api/bookings/{body['booking_reference']}/").json()
    assert (read["amount"], read["flight_fare"], read["other_charges"]) == (462.5, 400, 62.5)
    offer = client.get(f"/api/flights/{world.flight.id}/").json()
    assert (offer["other_charges"], offer["seat_classes"][0]["total"]) == (99, 200 + 99)


def test_a_booking_succeeds(desk: Desk, world: World) -> None:
    answer = desk.book()
    assert answer.status_code == 200
    body = json_text.load_stored(answer.content.decode())
    cid, reference = body["correlation_id"], body["booking_reference"]
    assert body == {
        "success": True,
        "correlation_id": cid,
        "status": "COMPLETED",
        "message": f"Booking {reference} is confirmed.",
        "steps_completed": 4,
        "booking_reference": reference,
        "seats_reserved": 2,
        "seat_numbers": body["seat_numbers"],
        "flights": [
            {
                "flight_id": world.flight.id,
                "flight_number": "ZZ101",
                "origin": "DFW",
                "destination": "ORD",
                "seat_class": "economy",
                "seat_numbers": body["seat_numbers"],
            }
        ],
        "amount": Decimal("450.00"),
        "miles_awarded": 400,
    }
    assert answer.headers["X-Correlation-ID"] == cid
    assert world.events(cid) == FORWARD
    assert world.seats(cid) == [(seat, "SOLD") for seat in sorted(body["seat_numbers"])]
    assert [str(ticket.seat_number) for ticket in Ticket.objects.order_by("seat_number")] == body[
        "seat_numbers"
    ]
    assert Booking.objects.get().reference == reference


def test_the_calls_of_a_booking_carry_what_their_step_needs_and_no_more(desk: Desk, world: World) -> None:
    cid = desk.book(amount=1, status="COMPLETED", miles_awarded=9, flight_fare=1).json()["correlation_id"]
    data = {"flight_id": world.flight.id, "user_id": "1", "flight_fare": Decimal("400.00")}
    data["other_charges"] = Decimal("50.00")
    authorize, award = world.participants.received
    assert authorize.body == {
        "correlation_id": cid,
        "step_number": 2,
        "booking_data": {**data, "payment": {"card_token": "tok_ok"}},
    }
    assert award.body == {"correlation_id": cid, "step_number": 3, "booking_data": data}


@pytest.mark.parametrize("failed", STEPS)
def test_a_simulated_failure_undoes_what_came_before_in_reverse_order(
    desk: Desk, world: World, failed: str
) -> None:
    before = STEPS[: STEPS.index(failed)]
    answer = desk.book(**{f"simulate_{failed.lower()}_fail": True})
    body = answer.json()
    cid = body["correlation_id"]
    assert answer.status_code == 200
    assert body == {
        "success": False,
        "correlation_id": cid,
        "status": "COMPENSATED",
        "message": "The booking failed and everything was undone; nothing is charged.",
        "steps_completed": len(before),
        "failed_step": failed,
        "error": body["error"],
        "error_code": "SIMULATED_FAILURE",
        "compensation_result": undone(*reversed(before)),
    }
    assert world.events(cid) == failure(failed)
    called = [step for step in STEPS[: STEPS.index(failed) + 1] if step in REMOTE]
    assert world.participants.calls() == called + [
        REMOTE[step] for step in reversed(before) if step in REMOTE
    ]
    assert world.seats(cid) == [(seat, "RELEASED") for seat, _ in world.seats(cid)]
    assert not Booking.objects.exists()


def test_a_declined_card_is_compensated_and_names_its_reason(desk: Desk, world: World) -> None:
    body = desk.book(payment={"card_token": "tok_declined"}).json()
    assert (body["failed_step"], body["error"], body["error_code"]) == (
        "AuthorizePayment",
        "Declined.",
        "PAYMENT_DECLINED",
    )
    assert body["compensation_result"] == undone("ReserveSeat")
    assert world.events(body["correlation_id"]) == failure("AuthorizePayment")
    assert world.participants.ledger == []
    assert desk.status(body["correlation_id"])["reason"] == "PAYMENT_DECLINED"


def test_a_closed_account_gives_the_money_back(desk: Desk, world: World) -> None:
    world.participants.then("AwardMiles", refuses("ACCOUNT_CLOSED"))
    body = desk.book().json()
    assert body["error_code"] == "ACCOUNT_CLOSED"
    assert body["compensation_result"] == undone("AuthorizePayment", "ReserveSeat")
    assert [entry.kind for entry in world.participants.ledger] == ["AUTHORIZED", "CANCELLED"]


def test_each_passenger_gets_the_seat_at_their_place(desk: Desk) -> None:
    names = [{"first_name": "Ada", "last_name": "A"}, {"first_name": "Bob", "last_name": "B"}]
    body = desk.book(passengers=names, seat_numbers=["14A", "9B"]).json()
    assert body["seat_numbers"] == ["14A", "9B"]
    tickets = desk.get(f"/api/bookings/{body['booking_reference']}/")["tickets"]
    assert {one["first_name"]: one["seat_number"] for one in tickets} == {"Ada": "14A", "Bob": "9B"}


def test_a_wanted_seat_that_is_taken_is_refused_before_anybody_is_called(desk: Desk, world: World) -> None:
    first = desk.book(seat_numbers=["12A", "12B"]).json()
    assert first["seat_numbers"] == ["12A", "12B"]
    second = desk.book(seat_numbers=["12B", "12C"]).json()
    assert (second["failed_step"], second["error_code"]) == ("ReserveSeat", "SEAT_UNAVAILABLE")
    assert second["compensation_result"] == []
    assert world.events(second["correlation_id"]) == failure("ReserveSeat")
    assert world.participants.calls(second["correlation_id"]) == []


@pytest.mark.parametrize(
    ("shown", "status", "code"),
    [(450.00, "COMPLETED", None), (450, "COMPLETED", None), (449.99, "COMPENSATED", "PRICE_CHANGED")],
)
def test_another_price_than_the_one_shown_is_refused(
    desk: Desk, shown: float, status: str, code: str | None
) -> None:
    body = desk.book(expected_amount=shown).json()
    assert (body["status"], body.get("error_code")) == (status, code)
    assert body.get("failed_step") == (None if code is None else "ReserveSeat")


# Unknown outcomes


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


# Errors of the contract


@pytest.mark.parametrize("step", list(REMOTE))
@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (answers(400, {"code": "INVALID", "detail": "Bad."}), "INVALID"),
        (answers(422, {"code": "DIFFERENT_REQUEST", "detail": "Other fields."}), "DIFFERENT_REQUEST"),
        (answers(404, {"code": "NOT_FOUND", "detail": "Where?"}), "NOT_FOUND"),
        (refuses("FULL_MOON"), "FULL_MOON"),
    ],
)
def test_a_contract_error_compensates_with_that_step(
    desk: Desk, world: World, step: str, behaviour: Behaviour, code: str
) -> None:
    world.participants.then(step, behaviour)
    answer = desk.book()
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "COMPENSATED")
    assert (body["failed_step"], body["error_code"]) == (step, code)
    assert body["compensation_result"] == undone(*reversed(STEPS[: STEPS.index(step) + 1]))


def test_another_amount_than_quoted_is_cancelled(desk: Desk, world: World) -> None:
    world.participants.then("AuthorizePayment", authorises_too_much(world))
    body = desk.book().json()
    assert (body["status"], body["failed_step"], body["error_code"]) == (
        "COMPENSATED",
        "AuthorizePayment",
        "PRICE_CHANGED",
    )
    assert body["compensation_result"] == undone("AuthorizePayment", "ReserveSeat")
    assert world.participants.calls() == ["AuthorizePayment", "CancelPayment"]


def authorises_too_much(world: World) -> Behaviour:
    def behave(serve: Any) -> Any:
        reply = serve()
        return type(reply)(200, reply.body.replace(b"450.00", b"451.00"), reply.headers)

    return behave


@pytest.mark.parametrize("step", list(REMOTE))
def test_a_step_compensated_by_another_caller_turns_the_saga_back(
    desk: Desk, world: World, step: str
) -> None:
    world.participants.then(step, answers(409, {"code": "ALREADY_COMPENSATED", "detail": "Before."}))
    body = desk.book().json()
    assert (body["status"], body["error_code"]) == ("COMPENSATED", "ALREADY_COMPENSATED")
    assert body["compensation_result"] == undone(*reversed(STEPS[: STEPS.index(step) + 1]))


# Compensations that do not succeed at once


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


# The card


def test_the_card_token_stands_only_in_its_row_and_only_until_payment_is_settled(
    desk: Desk, world: World
) -> None:
    seen: list[list[str]] = []

    def look() -> None:
        seen.append([row["secrets"] for row in rows("SELECT secrets FROM sagas_saga")])

    world.participants.then("AuthorizePayment", meanwhile(look))
    world.participants.then("AwardMiles", meanwhile(look))
    desk.book()
    assert seen == [['{"card_token":"tok_ok"}'], [""]]


@pytest.mark.parametrize("flag", ["reserveseat", "authorizepayment"])
def test_a_refusal_erases_the_card_token(desk: Desk, world: World, flag: str) -> None:
    cid = desk.book(**{f"simulate_{flag}_fail": True}).json()["correlation_id"]
    assert world.row(cid).secrets == {}


def test_the_card_token_survives_an_unknown_payment_because_the_repeat_needs_it(
    desk: Desk, world: World
) -> None:
    world.participants.then("AuthorizePayment", never_arrives)
    cid = desk.book().json()["correlation_id"]
    assert world.row(cid).secrets == {"card_token": "tok_ok"}
    desk.recover()
    assert world.row(cid).secrets == {}


def test_events_name_no_passenger(desk: Desk, world: World) -> None:
    cid = desk.book().json()["correlation_id"]
    assert "Doe" not in str([event.data for event in events_of(cid)])
