"""Trips that are changed: dearer, cheaper, cancelled afterwards, and what refuses a change."""

from decimal import Decimal
from typing import Any

from proofs.e2e.desk import Body, Desk, booking, wait
from proofs.e2e.scenario import Group
from proofs.e2e.turns import with_fault

changes = Group("Changes of a trip")

GIVEN_BACK = ("CANCELLED", "REFUNDED")


def quote(desk: Desk, made: Body, flight_id: int, **flight: Any) -> Body:
    path = f"/api/bookings/{made['booking_reference']}/change-quote/"
    return desk.post("backend", path, {"flights": [{"flight_id": flight_id, **flight}]}).expect(200)


def change(desk: Desk, made: Body, quoted: Body, **more: Any) -> Body:
    """The answer of a change that runs to its end, whichever."""
    path = f"/api/bookings/{made['booking_reference']}/change/"
    answer = desk.post("backend", path, {"quote_id": quoted["quote_id"], **more})
    assert answer.status in (200, 202), answer.text
    ended: Body = desk.ended(answer.body["correlation_id"])["result"]
    return ended


def miles_are(desk: Desk, user_id: str, miles: int) -> None:
    wait(lambda: desk.balance(user_id) == miles, f"{user_id} has {miles} miles")


@changes
def dearer_trip_pays_the_difference_and_a_cheaper_one_gets_it_back(desk: Desk) -> None:
    asked = booking(flight_id := desk.flight())
    made = desk.book(asked)
    (old,) = made["seat_numbers"]
    dearer = quote(desk, made, flight_id, seat_class="business")
    assert dearer["difference"] > 0 and dearer["amount"] == made["amount"] + dearer["difference"]
    changed = change(desk, made, dearer)
    assert changed["success"] is True and changed["amount"] == dearer["amount"], changed
    (new,) = changed["seat_numbers"]
    seats = desk.seats(flight_id)
    assert (seats[old], seats[new]) == ("free", "sold")
    assert desk.payment(changed["correlation_id"]) == "CAPTURED"
    miles_are(desk, asked["user_id"], made["miles_awarded"] + dearer["miles"])
    cheaper = quote(desk, made, flight_id, seat_class="economy")
    assert (cheaper["difference"], cheaper["amount"]) == (-dearer["difference"], made["amount"])
    assert change(desk, made, cheaper)["success"] is True
    assert desk.seats(flight_id)[new] == "free"
    miles_are(desk, asked["user_id"], made["miles_awarded"])
    shown = desk.get("backend", f"/api/bookings/{made['booking_reference']}/").expect(200)
    assert (shown["amount"], shown["flights"][0]["seat_class"]) == (made["amount"], "economy")


@changes
def cancellation_after_two_changes_gives_everything_back(desk: Desk) -> None:
    asked = booking(flight_id := desk.flight())
    made = desk.book(asked)
    first = change(desk, made, quote(desk, made, flight_id, seat_class="business"))
    seat = desk.free_seat(flight_id)
    second = change(desk, made, quote(desk, made, flight_id, seat_class="economy", seat_numbers=[seat]))
    assert second["seat_numbers"] == [seat]
    cancelled = desk.post("backend", f"/api/bookings/{made['booking_reference']}/cancel/")
    assert cancelled.status in (200, 202), cancelled.text
    assert desk.ended(made["correlation_id"])["status"] == "COMPENSATED"
    seats = desk.seats(flight_id)
    owned = {*made["seat_numbers"], *first["seat_numbers"], *second["seat_numbers"]}
    assert {seats[number] for number in owned} == {"free"}
    assert {desk.payment(cid) for cid in (made["correlation_id"], first["correlation_id"])} <= {*GIVEN_BACK}
    miles_are(desk, asked["user_id"], 0)


@changes
def declined_difference_leaves_the_trip_as_it_was(desk: Desk) -> None:
    asked = booking(flight_id := desk.flight())
    made = desk.book(asked)
    quoted = quote(desk, made, flight_id, seat_class="business")
    failed = change(desk, made, quoted, payment={"card_token": "tok_declined"})
    assert (failed["success"], failed["error_code"]) == (False, "PAYMENT_DECLINED")
    again = change(desk, made, quoted)
    assert again == failed, "the quote is the key"
    shown = desk.get("backend", f"/api/bookings/{made['booking_reference']}/").expect(200)
    assert (shown["amount"], shown["flights"][0]["seat_numbers"]) == (made["amount"], made["seat_numbers"])
    assert desk.balance(asked["user_id"]) == made["miles_awarded"]


@changes
def other_seats_cost_nothing(desk: Desk) -> None:
    made = desk.book(booking(flight_id := desk.flight()))
    seat = desk.free_seat(flight_id)
    quoted = quote(desk, made, flight_id, seat_numbers=[seat])
    assert (quoted["difference"], quoted["miles"]) == (Decimal(0), 0)
    assert change(desk, made, quoted)["seat_numbers"] == [seat]
    assert desk.seats(flight_id)[made["seat_numbers"][0]] == "free"


@changes
def reply_that_is_lost_after_the_refund_changes_nothing(desk: Desk) -> None:
    made = desk.book(booking(flight_id := desk.flight(), seat_class="business"))
    quoted = quote(desk, made, flight_id, seat_class="economy")
    with_fault(desk, "payment", {"step": "RefundPayment", "kind": "lose_reply", "times": 1})
    try:
        assert change(desk, made, quoted)["success"] is True
    finally:
        desk.call("DELETE", "payment", "/api/demo/faults/")
    paid = desk.get("payment", f"/api/payments/{made['correlation_id']}/").expect(200)
    assert (paid["status"], paid["captured"] - paid["refunded"]) == ("PARTLY_REFUNDED", quoted["amount"])
