"""Given these replies: these calls in this order, this answer, these events, these rows."""

from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django_sagas import json_text

from flight.models import Booking, Ticket
from tests.booking_events import FORWARD, REMOTE, STEPS, failure, undone
from tests.invariants import events_of, rows
from tests.saga_participants import (
    Behaviour,
    answers,
    meanwhile,
    never_arrives,
    refuses,
)
from tests.saga_world import Desk, World

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
    world.participants.then("AuthorizePayment", answers_with(b"450.00", b"451.00"))
    body = desk.book().json()
    assert (body["status"], body["failed_step"], body["error_code"]) == (
        "COMPENSATED",
        "AuthorizePayment",
        "PRICE_CHANGED",
    )
    assert body["compensation_result"] == undone("AuthorizePayment", "ReserveSeat")
    assert world.participants.calls() == ["AuthorizePayment", "CancelPayment"]


@pytest.mark.parametrize("told", [b'"miles_awarded":4000', b'"miles_awarded":"400"', b'"miles":400'])
def test_other_miles_than_the_fare_earns_are_reversed(desk: Desk, world: World, told: bytes) -> None:
    world.participants.then("AwardMiles", answers_with(b'"miles_awarded":400', told))
    body = desk.book().json()
    assert (body["status"], body["failed_step"], body["error_code"]) == (
        "COMPENSATED",
        "AwardMiles",
        "WRONG_MILES",
    )
    assert body["compensation_result"] == undone("AwardMiles", "AuthorizePayment", "ReserveSeat")


def answers_with(honest: bytes, told: bytes) -> Behaviour:
    """It takes effect, and the answer says something else."""

    def behave(serve: Any) -> Any:
        reply = serve()
        assert honest in reply.body
        return type(reply)(200, reply.body.replace(honest, told), reply.headers)

    return behave


@pytest.mark.parametrize("step", list(REMOTE))
def test_a_step_compensated_by_another_caller_turns_the_saga_back(
    desk: Desk, world: World, step: str
) -> None:
    world.participants.then(step, answers(409, {"code": "ALREADY_COMPENSATED", "detail": "Before."}))
    body = desk.book().json()
    assert (body["status"], body["error_code"]) == ("COMPENSATED", "ALREADY_COMPENSATED")
    assert body["compensation_result"] == undone(*reversed(STEPS[: STEPS.index(step) + 1]))


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
