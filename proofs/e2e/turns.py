"""Bookings that turn back: cancelled by traveller or operator, given up at the deadline, disturbed."""

from collections.abc import Mapping
from typing import Any

from proofs.e2e.bookings import EVERY_COMPENSATION, tickets_of
from proofs.e2e.desk import GIVEN_BACK, PAID, Desk, booking, new_id
from proofs.e2e.scenario import Group

turns = Group("Cancellations, deadlines and faults")


@turns
def cancelled_booking_is_undone_in_reverse_and_never_twice(desk: Desk) -> None:
    asked = booking(desk.flight())
    made = desk.book(asked)
    path = f"/api/bookings/{made['booking_reference']}/cancel/"
    cancelled = desk.post("backend", path).expect(200)
    assert cancelled["success"] is True and cancelled["status"] == "COMPENSATED"
    assert cancelled["correlation_id"] == made["correlation_id"]
    assert cancelled["compensation_result"] == EVERY_COMPENSATION
    assert desk.seats(asked["flight_id"])[made["seat_numbers"][0]] == "free"
    assert desk.payment(made["correlation_id"]) in GIVEN_BACK and desk.balance(asked["user_id"]) == 0
    assert tickets_of(desk, asked["user_id"])[0]["status"] == "CANCELLED"
    events = len(desk.events(made["correlation_id"]))
    assert desk.post("backend", path).expect(200)["status"] == "COMPENSATED"
    assert len(desk.events(made["correlation_id"])) == events
    status = desk.status(made["correlation_id"])
    assert status["reason"] == "CANCELLED_BY_USER"
    result = status["result"]
    assert (result["success"], result["error_code"]) == (False, "CANCELLED_BY_USER")
    assert result["booking_reference"] == made["booking_reference"] and "cancelled" in result["message"]
    assert desk.book(booking(asked["flight_id"], seat_numbers=made["seat_numbers"]))["success"] is True


@turns
def booking_made_by_direct_calls_cannot_be_cancelled_as_one(desk: Desk) -> None:
    cid, data = new_id(), booking(desk.flight())
    desk.step("reserve-seat", cid, data).expect(200)
    reference = desk.step("confirm-booking", cid, data).expect(200)["booking_reference"]
    desk.post("backend", f"/api/bookings/{reference}/cancel/").refuse(409, "NOT_CANCELLABLE")


@turns
def ended_saga_is_not_cancelled_by_the_operator(desk: Desk) -> None:
    made = desk.book(booking(desk.flight()))
    path = f"/api/saga/{made['correlation_id']}/cancel/"
    told = desk.post("backend", path, {"reason": "a test"}).refuse(409, "NOT_CANCELLABLE")
    assert made["booking_reference"] in str(told)


@turns
def silent_gateway_is_answered_202_and_the_operator_turns_the_saga_back(desk: Desk) -> None:
    started = desk.start(booking(desk.flight(), payment={"card_token": "tok_timeout"}))
    cid = started.expect(202)["correlation_id"]
    assert "success" not in started.body
    assert desk.status(cid)["status"] in ("RUNNING", "COMPENSATING", "COMPENSATED")
    desk.post("backend", f"/api/saga/{cid}/cancel/", {"reason": "the gateway is silent"})
    ended = desk.ended(cid)
    assert ended["status"] == "COMPENSATED" and desk.payment(cid) == ""


@turns.own
def silent_gateway_is_compensated_at_the_deadline(desk: Desk) -> None:
    flight_id = desk.flight()
    seat = desk.free_seat(flight_id)
    asked = booking(flight_id, seat_numbers=[seat], payment={"card_token": "tok_timeout"})
    cid = desk.start(asked).expect(202)["correlation_id"]
    ended = desk.ended(cid)
    assert (ended["status"], ended["reason"]) == ("COMPENSATED", "DEADLINE_EXCEEDED")
    assert ended["result"]["failed_step"] == "AuthorizePayment"
    assert ended["result"]["compensation_result"] == EVERY_COMPENSATION[2:]
    assert ended["steps"][1]["attempts"] > 1
    assert desk.seats(flight_id)[seat] == "free" and desk.payment(cid) == ""


FAULTS = (
    ("the reply is lost after the payment", "payment", "AuthorizePayment", "lose_reply", "COMPLETED"),
    ("the reply is lost after the award", "loyalty", "AwardMiles", "lose_reply", "COMPLETED"),
    ("the payment service fails twice", "payment", "AuthorizePayment", "fail", "COMPLETED"),
    ("a compensation fails twice", "payment", "CancelPayment", "fail", "COMPENSATED"),
    ("the reply of a compensation is lost", "loyalty", "ReverseMiles", "lose_reply", "COMPENSATED"),
)


@turns.cases(*FAULTS)
def fault_is_survived(desk: Desk, what: str, service: str, step: str, kind: str, end: str) -> None:
    flags = {"simulate_confirmbooking_fail": True} if end == "COMPENSATED" else {}
    with_fault(desk, service, {"step": step, "kind": kind, "times": 2 if kind == "fail" else 1})
    try:
        answer = desk.start(booking(desk.flight(), **flags))
        assert answer.status == 202, answer.text
        ended = desk.ended(answer.body["correlation_id"])
        fired = desk.get(service, "/api/demo/faults/").expect(200)["faults"][0]["fired"]
    finally:
        desk.call("DELETE", service, "/api/demo/faults/")
    assert ended["status"] == end and fired >= 1
    paid = desk.payment(ended["correlation_id"])
    assert paid in (PAID if end == "COMPLETED" else GIVEN_BACK)


def with_fault(desk: Desk, service: str, fault: Mapping[str, Any]) -> None:
    desk.call("PUT", service, "/api/demo/faults/", json={"faults": [fault]}).expect(200)
