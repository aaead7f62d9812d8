"""After the booking: its money is captured and its confirmation sent; what a cancellation gives back."""

import time

from proofs.e2e.desk import Body, Desk, booking
from proofs.e2e.scenario import Group

settlements = Group("Settlements, and cancellations with a quote")


def settled(desk: Desk, made: Body) -> Body:
    """The status of a booking's settlement once that has ended."""
    return desk.ended(desk.status(made["correlation_id"])["settlement"])


def quoted(desk: Desk, made: Body) -> Body:
    return desk.get("backend", f"/api/bookings/{made['booking_reference']}/cancel-quote/").expect(200)


def cancelled(desk: Desk, made: Body, quote: Body) -> Body:
    path = f"/api/bookings/{made['booking_reference']}/cancel/"
    answer = desk.post("backend", path, {"quote_id": quote["quote_id"]})
    assert answer.status in (200, 202), answer.text
    assert (answer.body["refund"], answer.body["fee"]) == (quote["refund"], quote["fee"])
    return desk.ended(made["correlation_id"])


def payment(desk: Desk, made: Body) -> Body:
    return desk.get("payment", f"/api/payments/{made['correlation_id']}/").expect(200)


def flight_in(desk: Desk, days: int) -> int:
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86_400))
    path = f"/api/flights/search/?origin=DFW&destination=ORD&depart_date={day}"
    return int(next(one["id"] for one in desk.get("backend", path).expect(200)["results"] if one["bookable"]))


@settlements
def booking_is_captured_and_its_confirmation_sent(desk: Desk) -> None:
    made = desk.book(booking(desk.flight()))
    settlement = settled(desk, made)
    assert (settlement["definition"], settlement["status"]) == ("settle-trip", "COMPLETED")
    assert settlement["booking"] == made["correlation_id"]
    result = settlement["result"]
    assert (result["not_needed"], result["confirmation_sent"]) == (False, True)
    paid = payment(desk, made)
    assert (paid["status"], paid["captured"]) == ("CAPTURED", made["amount"])
    assert desk.status(made["correlation_id"])["result"] == made


@settlements
def booking_cancelled_before_it_is_captured_costs_nothing_and_gets_no_mail(desk: Desk) -> None:
    made = desk.book(booking(desk.flight()))
    quote = quoted(desk, made)
    assert (quote["refund"], quote["fee"]) == (made["amount"], 0)
    assert cancelled(desk, made, quote)["status"] == "COMPENSATED"
    result = settled(desk, made)["result"]
    assert (result["not_needed"], result["confirmation_sent"]) == (True, False)
    paid = payment(desk, made)
    assert (paid["status"], paid["returned"]) == ("CANCELLED", made["amount"])


@settlements
def booking_cancelled_after_it_was_captured_is_refunded(desk: Desk) -> None:
    made = desk.book(booking(desk.flight()))
    settled(desk, made)
    assert cancelled(desk, made, quoted(desk, made))["status"] == "COMPENSATED"
    paid = payment(desk, made)
    assert (paid["status"], paid["refunded"]) == ("REFUNDED", made["amount"])


@settlements.cases((True,), (False,))
def late_cancellation_keeps_the_fee_that_was_quoted(desk: Desk, captured: bool) -> None:
    people = [{"first_name": name, "last_name": "Lovelace"} for name in ("Ada", "Anne")]
    made = desk.book(booking(flight_in(desk, 3), passengers=people))
    if captured:
        settled(desk, made)
    quote = quoted(desk, made)
    assert quote["fee"] == 100 and quote["refund"] == made["amount"] - 100
    ended = cancelled(desk, made, quote)["result"]
    assert (ended["fee"], ended["miles"]) == (100, made["miles_awarded"])
    assert payment(desk, made)["returned"] == made["amount"] - 100
    settled(desk, made)
    assert payment(desk, made)["returned"] == made["amount"] - 100


@settlements
def quote_is_good_for_its_own_booking_only(desk: Desk) -> None:
    mine, other = (desk.book(booking(desk.flight())) for _ in range(2))
    path = f"/api/bookings/{mine['booking_reference']}/cancel/"
    refused = desk.post("backend", path, {"quote_id": quoted(desk, other)["quote_id"]}).expect(400)
    assert list(refused["errors"]) == ["quote_id"]
    assert desk.status(mine["correlation_id"])["status"] == "COMPLETED"
