"""What becomes of a booking, as the services would write it: `a_good_day` has one of each."""

import json
from typing import Any

from tests.suite import (
    ADJUSTED,
    AT,
    CHARGES,
    DEARER,
    FARE,
    FEE,
    FLIGHT,
    MILES,
    MORE_MILES,
    RETURN,
    STEPS,
    UNDO,
    Happened,
    Suite,
    data_for,
    step_of,
)

CHANGE_STEPS = (
    ("HoldSeats", "", "ReleaseSeats"),
    ("AuthorizePayment", "payment", "CancelPayment"),
    ("SwapTickets", "", ""),
    ("CapturePayment", "payment", ""),
    ("AdjustMiles", "loyalty", ""),
    ("ReleaseOldSeats", "", ""),
    ("SendConfirmation", "", ""),
)


def did(name: str) -> list[Happened]:
    return [("STEP_STARTED", {"step": name, "attempt": 1}), ("STEP_COMPLETED", {"step": name})]


def undid(name: str) -> list[Happened]:
    started = {"step": name, "compensation": UNDO[name], "attempt": 1}
    return [("COMPENSATION_STEP_STARTED", started), ("COMPENSATION_STEP_COMPLETED", {"step": name})]


def begun() -> list[Happened]:
    return [("STARTED", {"flight_id": FLIGHT})]


def forward() -> list[Happened]:
    return [*begun(), *(one for name in STEPS for one in did(name)), ("COMPLETED", {"reason": ""})]


def back(*names: str, reason: str) -> list[Happened]:
    started = ("COMPENSATION_STARTED", {"reason": reason})
    return [started, *(one for name in names for one in undid(name)), ("COMPENSATED", {"reason": reason})]


def completed(suite: Suite, cid: str, number: str, reference: str) -> None:
    done = dict.fromkeys(STEPS, "DONE")
    suite.saga(cid, "COMPLETED", done, forward(), reference=reference)
    suite.has_all_of_a_booking(cid, number, reference)


def cancelled(suite: Suite, cid: str, number: str, reference: str) -> None:
    """COMPLETED first, then its booking was cancelled."""
    events = [*forward(), *back(*reversed(STEPS), reason="CANCELLED_BY_USER")]
    undone = dict.fromkeys(STEPS, "UNDONE")
    suite.saga(cid, "COMPENSATED", undone, events, reference=reference)
    suite.seat(cid, number, "RELEASED")
    suite.booking(cid, reference, number, "CANCELLED")
    suite.record("payment", cid, "AuthorizePayment", "UNDONE")
    suite.payment(cid)
    suite.payment(cid, "CANCELLED")
    suite.record("loyalty", cid, "AwardMiles", "UNDONE")
    suite.miles(cid)
    suite.miles(cid, -MILES)


def settle(suite: Suite, cid: str, reference: str, *, status: str = "CAPTURED", payment: str = "") -> None:
    """The settlement of a booking that is there: its payment is captured and its confirmation sent, or with
    the status CANCELLED there was nothing to do."""
    own, names = f"settles-{cid}", ("CapturePayment", "SendConfirmation")
    facts = {"CapturePayment": {"status": status}, "SendConfirmation": {"sent": status == "CAPTURED"}}
    if payment:
        facts["renewed"] = {"payment_id": payment}
    steps = [
        {**definition, "compensation": "", "status": "DONE", "attempts": 1, "undo_attempts": 0}
        for definition in (
            {"name": names[0], "participant": "payment"},
            {"name": names[1], "participant": ""},
        )
    ]
    events = [*begun(), *(one for name in names for one in did(name)), ("COMPLETED", {"reason": ""})]
    data = {"booking": cid, "reference": reference, "amount": FARE + CHARGES}
    more = {"name": "settle-trip", "data": json.dumps(data), "facts": json.dumps(facts)}
    suite.saga(own, "COMPLETED", {}, events, **more)
    suite.has_steps(own, steps)
    answer = json.dumps({"success": True, "correlation_id": own, "status": status})
    suite.record("payment", own, "CapturePayment", "DONE")
    suite.run("payment", "UPDATE guard_step_record SET answer = ? WHERE correlation_id = ?", answer, own)
    known = "UPDATE sagas_saga SET facts = json_set(facts, '$.ConfirmBooking.settlement', ?)"
    suite.run("backend", f"{known} WHERE correlation_id = ?", own, cid)
    if status == "CAPTURED":
        suite.payment(payment or cid, "CAPTURED")
        suite.confirmation(reference)


def tell_kept(suite: Suite, cid: str, cents: int) -> None:
    """What payment answered to the cancellation."""
    facts = (
        "UPDATE sagas_saga SET facts = json_set(facts, '$.CancelPayment', json(?)) WHERE correlation_id = ?"
    )
    suite.run("backend", facts, json.dumps({"kept": cents / 100}), cid)


def keep_fee(suite: Suite, cid: str) -> None:
    """Of a cancelled booking, whose payment was captured before."""
    facts = (
        "UPDATE sagas_saga SET facts = json_set(facts, '$.cancellation', json(?)) WHERE correlation_id = ?"
    )
    suite.run("backend", facts, json.dumps({"amount": FARE + CHARGES - FEE, "fee": FEE, "miles": MILES}), cid)
    tell_kept(suite, cid, FEE)
    suite.run("payment", "DELETE FROM payment_ledger WHERE correlation_id = ? AND kind = 'CANCELLED'", cid)
    suite.run("payment", "DELETE FROM bank_movement WHERE hold = ? AND kind = 'RELEASE'", f"ref-{cid}")
    suite.payment(cid, "CAPTURED")
    suite.payment(cid, "REFUNDED", amount=FARE + CHARGES - FEE)


def authorize_again(suite: Suite, cid: str, *, trip: str = "", **money: Any) -> None:
    """For a booking whose first authorisation has expired, or a change of `trip`; by a saga of its own."""
    own = f"again-{cid}"
    names = ("AuthorizePayment", "ResumeSettlement")
    steps = [step_of(names[0], "DONE"), {**step_of(names[0], "DONE"), "name": names[1], "participant": ""}]
    steps[1]["compensation"] = ""
    events = [*begun(), *(one for name in names for one in did(name)), ("COMPLETED", {"reason": ""})]
    more = {"name": "authorize-again", "data": json.dumps({"booking": trip or cid})}
    suite.saga(own, "COMPLETED", {names[0]: "DONE"}, events, **more)
    suite.has_steps(own, steps)
    suite.record("payment", own, "AuthorizePayment", "DONE")
    suite.payment(cid, "EXPIRED", **money)
    suite.payment(own, trip=trip or cid, **money)


def authorize_change_again(suite: Suite, cid: str) -> str:
    """The change of this booking has captured another payment than its own, which has expired."""
    change, again = f"changes-{cid}", f"again-changes-{cid}"
    for table, owner in (("payment_ledger", "correlation_id"), ("bank_movement", "hold")):
        captured = f"DELETE FROM {table} WHERE {owner} = ? AND kind LIKE 'CAPTURE%'"
        suite.run("payment", captured, change if owner == "correlation_id" else f"ref-{change}")
    suite.stands(change, "status = 'EXPIRED', captured = 0")
    money: dict[str, Any] = {"amount": DEARER, "flight_fare": DEARER, "other_charges": 0}
    authorize_again(suite, change, trip=cid, **money)
    suite.stands(again, "amount = ?, flight_fare = ?, other_charges = 0", DEARER, DEARER)
    suite.payment(again, "CAPTURED", **money)
    renewed = "UPDATE sagas_saga SET facts = json_set(facts, '$.renewed', json(?)) WHERE correlation_id = ?"
    suite.run("backend", renewed, json.dumps({"payment_id": again}), change)
    return again


def change(suite: Suite, cid: str, reference: str, before: str, after: str) -> None:
    """A booking that is there gets another seat, which costs more and earns more."""
    own = f"changes-{cid}"
    steps = [
        {
            "name": name,
            "participant": at,
            "compensation": undo,
            "status": "DONE",
            "attempts": 1,
            "undo_attempts": 0,
        }
        for name, at, undo in CHANGE_STEPS
    ]
    names = [name for name, _, _ in CHANGE_STEPS]
    events = [*begun(), *(one for name in names for one in did(name)), ("COMPLETED", {"reason": ""})]
    flown = {"flight_id": FLIGHT, "seat_class": "economy"}
    trips = {
        "before": [{**flown, "seat_numbers": [before], "fare": FARE}],
        "after": [{**flown, "seat_numbers": [after], "fare": FARE + DEARER}],
    }
    data = {"booking": cid, "charges": CHARGES, "difference": DEARER, "miles": MORE_MILES, **trips}
    more = {"data": json.dumps(data), "facts": json.dumps({"SendConfirmation": {"sent": True}})}
    suite.saga(own, "COMPLETED", {}, events, name="change-trip", **more)
    suite.has_steps(own, steps)
    suite.seat(own, before, "RELEASED")
    moved = "UPDATE flight_seat SET seat_number = ? WHERE correlation_id = ?"
    suite.run("backend", moved, after, cid)
    suite.run("backend", "UPDATE flight_ticket SET seat_number = ? WHERE booking_id = ?", after, reference)
    dearer = "UPDATE flight_booking SET amount = amount + ?, changed_by = ? WHERE correlation_id = ?"
    suite.run("backend", dearer, DEARER, own, cid)
    money: dict[str, Any] = {"amount": DEARER, "flight_fare": DEARER, "other_charges": 0}
    for step in ("AuthorizePayment", "CapturePayment"):
        suite.record("payment", own, step, "DONE")
    suite.payment(own, trip=cid, **money)
    suite.stands(own, "amount = ?, flight_fare = ?, other_charges = 0", DEARER, DEARER)
    suite.payment(own, "CAPTURED", **money)
    suite.record("loyalty", own, "AdjustMiles", "DONE")
    suite.miles(own, MORE_MILES, trip=cid)
    sent = {"begun_at": AT.format(30), "ended_at": AT.format(31), "error": ""}
    suite.add("backend", "flight_change_confirmation", change=own, booking_id=reference, **sent)


def declined(suite: Suite, cid: str, number: str) -> None:
    failed = {"step": "AuthorizePayment", "outcome": "REFUSED"}
    events = [
        *begun(),
        *did("ReserveSeat"),
        ("STEP_STARTED", {"step": "AuthorizePayment", "attempt": 1}),
        ("STEP_FAILED", failed),
        *back("ReserveSeat", reason="PAYMENT_DECLINED"),
    ]
    steps = {"ReserveSeat": "UNDONE", "AuthorizePayment": "REFUSED"}
    suite.saga(cid, "COMPENSATED", steps, events, failed_step="AuthorizePayment")
    suite.seat(cid, number, "RELEASED")
    suite.record("payment", cid, "AuthorizePayment", "REFUSED")


def never_answered(suite: Suite, cid: str, number: str) -> None:
    """The payment's outcome stayed unknown; its compensation came first and left a tombstone."""
    failed = {"step": "AuthorizePayment", "outcome": "UNKNOWN"}
    events = [
        *begun(),
        *did("ReserveSeat"),
        ("STEP_STARTED", {"step": "AuthorizePayment", "attempt": 1}),
        ("STEP_UNKNOWN", {"step": "AuthorizePayment", "attempt": 1}),
        ("STEP_FAILED", failed),
        *back("AuthorizePayment", "ReserveSeat", reason="DEADLINE_EXCEEDED"),
    ]
    steps = {"ReserveSeat": "UNDONE", "AuthorizePayment": "UNDONE"}
    suite.saga(cid, "COMPENSATED", steps, events, failed_step="AuthorizePayment")
    suite.seat(cid, number, "RELEASED")
    suite.record("payment", cid, "AuthorizePayment", "UNDONE", tombstone=True)


def refused_a_seat(suite: Suite, *, at: str) -> None:
    events = [
        *begun(),
        ("STEP_STARTED", {"step": "ReserveSeat", "attempt": 1}),
        ("STEP_FAILED", {"step": "ReserveSeat", "outcome": "REFUSED"}),
        ("COMPENSATED", {"reason": "SEAT_UNAVAILABLE"}),
    ]
    steps = {"ReserveSeat": "REFUSED"}
    suite.saga("refused", "COMPENSATED", steps, events, error_code="SEAT_UNAVAILABLE")
    changed = "UPDATE sagas_event SET timestamp = ? WHERE correlation_id = 'refused'"
    suite.run("backend", changed, at)


def running(suite: Suite, cid: str, number: str) -> None:
    """Its payment is on the way: the card token still stands in its row."""
    events = [
        *begun(),
        *did("ReserveSeat"),
        ("STEP_STARTED", {"step": "AuthorizePayment", "attempt": 1}),
    ]
    steps = {"ReserveSeat": "DONE", "AuthorizePayment": "STARTED"}
    suite.saga(cid, "RUNNING", steps, events, secrets='{"card_token":"tok_ok"}', owner="backend-1")
    suite.seat(cid, number, "HELD")


def returning(suite: Suite, cid: str, number: str, reference: str) -> None:
    """A trip of two flights, on the same seat."""
    done, data = dict.fromkeys(STEPS, "DONE"), json.dumps(data_for(FLIGHT, RETURN))
    suite.saga(cid, "COMPLETED", done, forward(), reference=reference, data=data)
    suite.has_all_of_a_booking(cid, number, reference)
    suite.seat(cid, number, "SOLD", flight_id=RETURN)
    suite.ticket(reference, number, ticket_number=f"974-{reference}", flight_id=RETURN, segment=2)


def called_directly(suite: Suite, cid: str, number: str, reference: str) -> None:
    suite.record("backend", cid, "ReserveSeat", "DONE")
    suite.record("backend", cid, "ConfirmBooking", "DONE")
    suite.record("payment", cid, "AuthorizePayment", "DONE")
    suite.record("loyalty", cid, "AwardMiles", "DONE")
    suite.record("loyalty", f"{cid}-change", "AdjustMiles", "DONE")
    suite.seat(cid, number, "SOLD", expires_at=AT.format(30))
    suite.booking(cid, reference, number, amount=None)
    suite.payment(cid)
    suite.miles(cid)
    suite.miles(f"{cid}-change", ADJUSTED, trip=cid)


def lose_fee(suite: Suite, cid: str) -> None:
    """Of a cancelled booking whose authorisation had expired before."""
    fee = json.dumps({"amount": FARE + CHARGES - FEE, "fee": FEE, "miles": MILES})
    facts = "UPDATE sagas_saga SET facts = json_set(facts, '$.cancellation', json(?))"
    suite.run("backend", f"{facts} WHERE correlation_id = ?", fee, cid)
    tell_kept(suite, cid, 0)
    suite.add(
        "backend",
        "security_audit",
        correlation_id=cid,
        kind="alarm",
        actor="",
        action="fee-not-kept",
        reason="",
        evidence="",
        address="",
        created_at=AT.format(9),
    )
    suite.run("payment", "DELETE FROM payment_ledger WHERE correlation_id = ? AND kind = 'CANCELLED'", cid)
    suite.run("payment", "DELETE FROM bank_movement WHERE hold = ? AND kind = 'RELEASE'", f"ref-{cid}")
    suite.payment(cid, "EXPIRED")


def a_good_day(suite: Suite) -> None:
    flies(suite, FLIGHT, "2026-04-01")
    flies(suite, RETURN, "2026-04-08")
    suite.add("loyalty", "loyalty_account", user_id="ada", balance=0, closed=0, created_at=AT.format(0))
    completed(suite, "good", "4A", "AAAAAA")
    cancelled(suite, "cancelled", "4B", "BBBBBB")
    declined(suite, "declined", "4C")
    never_answered(suite, "unanswered", "4D")
    called_directly(suite, "direct", "4E", "CCCCCC")
    returning(suite, "return", "4F", "RRRRRR")
    completed(suite, "settled", "5A", "EEEEEE")
    settle(suite, "settled", "EEEEEE")
    cancelled(suite, "not-needed", "5B", "FFFFFF")
    settle(suite, "not-needed", "FFFFFF", status="CANCELLED")
    cancelled(suite, "with-a-fee", "5C", "GGGGGG")
    keep_fee(suite, "with-a-fee")
    cancelled(suite, "expired", "5E", "KKKKKK")
    lose_fee(suite, "expired")
    completed(suite, "renewed", "5D", "HHHHHH")
    completed(suite, "changed", "6A", "JJJJJJ")
    change(suite, "changed", "JJJJJJ", "6A", "6C")
    authorize_again(suite, "renewed")
    settle(suite, "renewed", "HHHHHH", payment="again-renewed")


def flies(suite: Suite, flight: int, day: str) -> None:
    suite.add(
        "backend",
        "flight_flight",
        id=flight,
        flight_number="TW 7",
        origin_id="DFW",
        destination_id="ORD",
        departs_on=day,
        departs_at=f"{day} 15:00:00",
        arrives_at=f"{day} 17:30:00",
        distance_miles=801,
        duration_minutes=150,
        aircraft="A320-200",
        economy_fare=FARE,
        business_fare=3 * FARE,
    )
