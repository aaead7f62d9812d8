"""Every step and every compensation, called directly with an id that belongs to no saga."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from proofs.e2e.desk import Body, Desk, booking, new_id
from proofs.e2e.scenario import Group

steps = Group("Steps and compensations, called directly")

PAIRS = (
    ("reserve-seat", "cancel-seat"),
    ("authorize-payment", "cancel-payment"),
    ("award-miles", "reverse-miles"),
    ("confirm-booking", "cancel-booking"),
)
FARE, CHARGES, MILES = Decimal("500.25"), Decimal(50), 500


def booking_data(desk: Desk, **more: Any) -> Body:
    return booking(desk.flight(), flight_fare=float(FARE), **more)


def prepare(desk: Desk, action: str, cid: str, data: Body) -> None:
    """Run the steps that this step needs before it."""
    if action == "confirm-booking":
        desk.step("reserve-seat", cid, data).expect(200)


def tidy(desk: Desk, cid: str) -> None:
    """Release the seats of a call that is not confirmed."""
    for _, compensation in reversed(PAIRS):
        desk.step(compensation, cid).expect(200)


@steps
def reserve_seat_holds_the_wanted_seat_and_cancel_seat_frees_it(desk: Desk) -> None:
    cid, data = new_id(), booking_data(desk)
    flight_id = data["flight_id"]
    seat = desk.free_seat(flight_id)
    held = desk.step("reserve-seat", cid, data | {"seat_numbers": [seat]}).expect(200)
    assert held["success"] is True and held["correlation_id"] == cid
    assert held["reservation_id"] and held["seats_reserved"] == 1 and held["seat_numbers"] == [seat]
    assert datetime.fromisoformat(held["expires_at"]) > datetime.now(UTC)
    assert held["flight"]["id"] == flight_id and held["flight"]["flight_number"]
    assert (held["flight"]["origin"], held["flight"]["destination"]) == ("DFW", "ORD")
    assert desk.seats(flight_id)[seat] == "held"
    released = desk.step("cancel-seat", cid).expect(200)
    assert (released["seats_released"], released["status"]) == (1, "CANCELLED")
    assert desk.seats(flight_id)[seat] == "free"


@steps
def authorize_payment_holds_fare_and_charges_and_cancel_payment_gives_them_back(desk: Desk) -> None:
    cid = new_id()
    paid = desk.step("authorize-payment", cid, booking_data(desk)).expect(200)
    assert paid["success"] is True and paid["authorization_id"]
    assert (paid["flight_fare"], paid["other_charges"], paid["amount"]) == (FARE, CHARGES, FARE + CHARGES)
    assert (paid["currency"], paid["status"]) == ("USD", "AUTHORIZED")
    assert desk.payment(cid) == "AUTHORIZED"
    given_back = desk.step("cancel-payment", cid).expect(200)
    assert given_back["authorization_id"] == paid["authorization_id"]
    assert (given_back["amount"], given_back["status"]) == (FARE + CHARGES, "CANCELLED")
    assert given_back["message"]
    assert desk.payment(cid) == "CANCELLED"


@steps
def award_miles_adds_whole_dollars_and_reverse_miles_takes_them_back(desk: Desk) -> None:
    cid, data = new_id(), booking_data(desk)
    awarded = desk.step("award-miles", cid, data).expect(200)
    assert awarded["user_id"] == data["user_id"] and awarded["miles_awarded"] == MILES
    assert (awarded["original_balance"], awarded["new_balance"]) == (0, MILES)
    assert desk.balance(data["user_id"]) == MILES
    reversed_ = desk.step("reverse-miles", cid).expect(200)
    assert reversed_["user_id"] == data["user_id"] and reversed_["miles_reversed"] == MILES
    assert (reversed_["new_balance"], reversed_["status"]) == (0, "REVERSED")
    assert desk.balance(data["user_id"]) == 0


@steps
def confirm_booking_sells_the_held_seats_and_cancel_booking_holds_them_again(desk: Desk) -> None:
    cid, data = new_id(), booking_data(desk)
    seat = desk.step("reserve-seat", cid, data).expect(200)["seat_numbers"][0]
    confirmed = desk.step("confirm-booking", cid, data).expect(200)
    assert re.fullmatch("[A-Z2-9]{6}", confirmed["booking_reference"])
    assert confirmed["status"] == "CONFIRMED"
    (ticket,) = confirmed["tickets"]
    assert ticket["ticket_number"] and ticket["passenger"] == "Ada Lovelace"
    assert ticket["seat_number"] == seat
    assert desk.seats(data["flight_id"])[seat] == "sold"
    cancelled = desk.step("cancel-booking", cid).expect(200)
    assert cancelled["booking_reference"] == confirmed["booking_reference"]
    assert cancelled["status"] == "CANCELLED"
    assert desk.seats(data["flight_id"])[seat] == "held"
    tidy(desk, cid)


@steps.cases(*PAIRS)
def repeat_gets_the_first_answer_word_for_word(desk: Desk, action: str, compensation: str) -> None:
    cid, data = new_id(), booking_data(desk)
    prepare(desk, action, cid, data)
    first = desk.step(action, cid, data, step_number=1)
    first.expect(200)
    again = desk.step(action, cid, data, step_number=2, unknown="ignored")
    assert (again.status, again.text) == (200, first.text)
    assert again.headers["Idempotent-Replayed"] == "true"
    undone = desk.step(compensation, cid)
    undone.expect(200)
    assert desk.step(compensation, cid).text == undone.text
    tidy(desk, cid)


@steps.cases(*PAIRS)
def same_id_with_another_body_is_422(desk: Desk, action: str, compensation: str) -> None:
    cid, data = new_id(), booking_data(desk)
    prepare(desk, action, cid, data)
    desk.step(action, cid, data).expect(200)
    ada = data["passengers"][0]
    other = data | {"user_id": "somebody-else", "passengers": [ada | {"first_name": "Grace"}]}
    assert desk.step(action, cid, other).expect(422)["correlation_id"] == cid
    tidy(desk, cid)


@steps.cases(*PAIRS)
def step_after_its_compensation_is_409(desk: Desk, action: str, compensation: str) -> None:
    cid, data = new_id(), booking_data(desk)
    nothing = desk.step(compensation, cid).expect(200)
    assert nothing["success"] is True and nothing["message"]
    desk.step(action, cid, data).refuse(409, "ALREADY_COMPENSATED")
    assert desk.payment(cid) == "" and desk.balance(data["user_id"]) == 0


@steps.cases(*PAIRS)
def simulated_failure_is_refused_and_the_refusal_is_remembered(
    desk: Desk, action: str, compensation: str
) -> None:
    cid, data = new_id(), booking_data(desk)
    refused = desk.step(action, cid, data, simulate_failure=True)
    body = refused.expect(200)
    assert body["success"] is False and body["error"] and body["error_code"] == "SIMULATED_FAILURE"
    assert desk.step(action, cid, data).text == refused.text
    assert desk.step(compensation, cid).expect(200)["success"] is True
    assert desk.step(action, cid, data).text == refused.text


@steps.cases(*PAIRS)
def compensation_that_was_made_to_fail_succeeds_the_next_time(
    desk: Desk, action: str, compensation: str
) -> None:
    cid, data = new_id(), booking_data(desk)
    prepare(desk, action, cid, data)
    desk.step(action, cid, data).expect(200)
    failed = desk.step(compensation, cid, simulate_failure=True).expect(200)
    assert (failed["success"], failed["error_code"]) == (False, "SIMULATED_FAILURE")
    assert desk.step(compensation, cid).expect(200)["success"] is True
    tidy(desk, cid)


@steps
def seats_of_a_booking_are_released_only_after_it_is_cancelled(desk: Desk) -> None:
    cid, data = new_id(), booking_data(desk)
    desk.step("reserve-seat", cid, data).expect(200)
    desk.step("confirm-booking", cid, data).expect(200)
    desk.step("cancel-seat", cid).refuse(409, "ORDER_VIOLATION")
    tidy(desk, cid)


@steps.cases(("tok_declined",), ("tok_insufficient_funds",))
def card_is_declined_for_good(desk: Desk, token: str) -> None:
    cid, data = new_id(), booking_data(desk, payment={"card_token": token})
    declined = desk.step("authorize-payment", cid, data)
    assert (declined.expect(200)["success"], declined.body["error_code"]) == (False, "PAYMENT_DECLINED")
    assert desk.step("authorize-payment", cid, data).text == declined.text
    assert desk.payment(cid) == ""


@steps
def gateway_that_never_answers_is_503_and_stores_nothing(desk: Desk) -> None:
    cid, data = new_id(), booking_data(desk, payment={"card_token": "tok_timeout"})
    assert desk.step("authorize-payment", cid, data).status == 503
    assert desk.payment(cid) == ""
    paid = desk.step("authorize-payment", cid, data | {"payment": {"card_token": "tok_ok"}}).expect(200)
    assert paid["success"] is True


@steps.cases(*[(name,) for pair in (PAIRS[0], PAIRS[3]) for name in pair])
def step_of_a_saga_cannot_be_called_directly(desk: Desk, name: str) -> None:
    cid = desk.book(booking(desk.flight()))["correlation_id"]
    desk.step(name, cid, booking_data(desk)).refuse(409, "SAGA_OWNED")
    assert desk.status(cid)["status"] == "COMPLETED"
