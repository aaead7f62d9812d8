"""Whole bookings: start-booking, and what can be read of them."""

import re
from decimal import Decimal

from proofs.e2e.desk import PAID, Body, Desk, booking, new_id, trip
from proofs.e2e.scenario import Group

bookings = Group("Bookings")

STEPS = ("ReserveSeat", "AuthorizePayment", "AwardMiles", "ConfirmBooking")
COMPENSATIONS = ("CancelSeat", "CancelPayment", "ReverseMiles", "CancelBooking")
EVERY_COMPENSATION = [
    {"step": step, "compensation": compensation, "success": True}
    for step, compensation in reversed(list(zip(STEPS, COMPENSATIONS, strict=True)))
]


@bookings
def booking_runs_to_its_end_and_answers_with_everything(desk: Desk) -> None:
    asked = booking(desk.flight())
    made = desk.book(asked)
    assert made["success"] is True and made["status"] == "COMPLETED" and made["message"]
    assert made["steps_completed"] == 4 and made["seats_reserved"] == 1
    assert re.fullmatch("[A-Z2-9]{6}", made["booking_reference"])
    fare = made["amount"] - desk.charges(asked["flight_id"])
    assert made["miles_awarded"] == int(fare)
    assert desk.seats(asked["flight_id"])[made["seat_numbers"][0]] == "sold"
    payment = desk.get("payment", f"/api/payments/{made['correlation_id']}/").expect(200)
    assert (payment["amount"], payment["currency"]) == (made["amount"], "USD")
    assert payment["status"] in PAID
    assert payment["authorization_id"] and payment["correlation_id"] == made["correlation_id"]
    loyalty = desk.get("loyalty", f"/api/loyalty/{asked['user_id']}/").expect(200)
    assert loyalty["balance"] == int(fare) and loyalty["tier"]
    (entry,) = loyalty["entries"]
    assert (entry["kind"], entry["miles"]) == ("AWARD", int(fare))
    assert entry["correlation_id"] == made["correlation_id"]


@bookings
def family_gets_a_seat_for_each_and_pays_for_all(desk: Desk) -> None:
    people = [{"first_name": name, "last_name": "Curie"} for name in ("Marie", "Pierre", "Irène", "Ève")]
    alone = desk.book(booking(flight_id := desk.flight()))
    made = desk.book(booking(flight_id, passengers=people))
    assert made["seats_reserved"] == 4 == len(set(made["seat_numbers"]))
    charges = desk.charges(flight_id)
    assert made["amount"] - charges == 4 * (alone["amount"] - charges)


@bookings
def return_is_one_booking(desk: Desk) -> None:
    there, back = desk.flight(), desk.flight_back()
    seats = [desk.free_seat(there), desk.free_seat(back)]
    flights = [
        {"flight_id": flight, "seat_numbers": [seat]}
        for flight, seat in zip((there, back), seats, strict=True)
    ]
    made = desk.book(asked := trip(*flights))
    assert made["success"] is True and made["steps_completed"] == 4
    assert (made["seats_reserved"], made["seat_numbers"]) == (2, seats)
    assert [(each["flight_id"], each["seat_numbers"]) for each in made["flights"]] == [
        (there, seats[:1]),
        (back, seats[1:]),
    ]
    fare = sum(desk.fare(flight) for flight in (there, back))
    assert made["amount"] == fare + desk.charges(there) and made["miles_awarded"] == int(fare)
    payment = desk.get("payment", f"/api/payments/{made['correlation_id']}/").expect(200)
    assert payment["amount"] == made["amount"]
    assert len(desk.get("loyalty", f"/api/loyalty/{asked['user_id']}/").expect(200)["entries"]) == 1
    (read,) = tickets_of(desk, asked["user_id"])
    assert [each["id"] for each in read["flights"]] == [there, back]
    assert [ticket["flight_id"] for ticket in read["tickets"]] == [there, back]
    assert desk.seats(there)[seats[0]] == desk.seats(back)[seats[1]] == "sold"


@bookings
def second_flight_that_is_refused_leaves_no_seat_on_the_first(desk: Desk) -> None:
    there, back = desk.flight(), desk.flight_back()
    seat = desk.free_seat(back)
    assert desk.book(booking(back, seat_numbers=[seat]))["success"] is True
    before = desk.seats(there)
    failed = desk.book(trip(there, {"flight_id": back, "seat_numbers": [seat]}))
    assert (failed["failed_step"], failed["error_code"]) == ("ReserveSeat", "SEAT_UNAVAILABLE")
    assert seat in failed["error"]
    assert desk.seats(there) == before
    assert desk.payment(failed["correlation_id"]) == ""


@bookings
def flights_that_do_not_connect_are_no_trip(desk: Desk) -> None:
    there, back = desk.flight(), desk.flight_back()
    problem = desk.start(trip(back, there)).refuse(400, "INVALID")
    assert list(problem["errors"]) == ["flights[1].flight_id"]
    both = desk.start(trip(there, back, flight_id=there)).refuse(400, "INVALID")
    assert list(both["errors"]) == ["flight_id"]


@bookings
def quoted_total_is_what_is_paid_and_its_parts_are_told(desk: Desk) -> None:
    asked = booking(desk.flight())
    flight = desk.get("backend", f"/api/flights/{asked['flight_id']}/").expect(200)
    quoted = next(each for each in flight["seat_classes"] if each["seat_class"] == "economy")
    made = desk.book(asked | {"expected_amount": float(quoted["total"])})
    parts = (made["amount"], quoted["fare"], flight["other_charges"])
    assert parts[0] == quoted["total"] == quoted["fare"] + flight["other_charges"]
    for service, path in (("payment", f"payments/{made['correlation_id']}"), ("backend", _trip(made))):
        told = desk.get(service, f"/api/{path}/").expect(200)
        assert (told["amount"], told["flight_fare"], told["other_charges"]) == parts


def _trip(made: Body) -> str:
    return f"bookings/{made['booking_reference']}"


@bookings
def wanted_seat_is_sold_once(desk: Desk) -> None:
    flight_id = desk.flight()
    seat = desk.free_seat(flight_id)
    first = desk.book(booking(flight_id, seat_numbers=[seat]))
    assert first["seat_numbers"] == [seat]
    second = desk.book(booking(flight_id, seat_numbers=[seat]))
    assert (second["success"], second["error_code"]) == (False, "SEAT_UNAVAILABLE")
    assert desk.payment(second["correlation_id"]) == ""


@bookings
def price_that_was_not_shown_is_refused(desk: Desk) -> None:
    asked = booking(desk.flight())
    right = desk.book(asked)["amount"]
    assert desk.book(asked | {"expected_amount": float(right)})["success"] is True
    refused = desk.book(asked | {"expected_amount": float(right - Decimal("0.01"))})
    assert (refused["failed_step"], refused["error_code"]) == ("ReserveSeat", "PRICE_CHANGED")


@bookings.cases(*[(step, number) for number, step in enumerate(STEPS)])
def step_that_fails_has_the_earlier_ones_undone_in_reverse(desk: Desk, step: str, done: int) -> None:
    asked = booking(desk.flight()) | {f"simulate_{step.lower()}_fail": True}
    failed = desk.book(asked)
    assert failed["success"] is False and failed["status"] == "COMPENSATED"
    assert (failed["failed_step"], failed["error_code"]) == (step, "SIMULATED_FAILURE")
    assert failed["error"] and failed["steps_completed"] == done
    assert failed["compensation_result"] == EVERY_COMPENSATION[4 - done :]
    cid = failed["correlation_id"]
    assert desk.payment(cid) == ("CANCELLED" if done > 1 else "")
    assert desk.balance(asked["user_id"]) == 0
    told = [event["data"].get("compensation") for event in desk.events(cid)]
    ran = [name for name in told if name and told.count(name)]
    assert list(dict.fromkeys(ran)) == list(reversed(COMPENSATIONS[:done]))


@bookings.cases(("tok_declined",), ("tok_insufficient_funds",))
def declined_card_gives_the_seat_back(desk: Desk, token: str) -> None:
    flight_id = desk.flight()
    seat = desk.free_seat(flight_id)
    failed = desk.book(booking(flight_id, seat_numbers=[seat], payment={"card_token": token}))
    assert (failed["failed_step"], failed["error_code"]) == ("AuthorizePayment", "PAYMENT_DECLINED")
    assert failed["compensation_result"] == EVERY_COMPENSATION[3:]
    assert desk.seats(flight_id)[seat] == "free"
    assert desk.payment(failed["correlation_id"]) == ""


@bookings
def same_key_is_the_same_booking_word_for_word(desk: Desk) -> None:
    asked, key = booking(desk.flight()), {"Idempotency-Key": new_id("key")}
    first, second = desk.start(asked, **key), desk.start(asked, **key)
    assert first.expect(200)["success"] is True
    assert (second.status, second.text) == (200, first.text)
    assert second.headers["X-Correlation-ID"] == first.headers["X-Correlation-ID"]
    assert len(tickets_of(desk, asked["user_id"])) == 1
    other = asked | {"contact_info": {"email": "other@example.com", "mobile": "12345"}}
    desk.start(other, **key).expect(422)
    assert desk.book(asked)["correlation_id"] != first.body["correlation_id"]


@bookings
def failed_booking_is_remembered_under_its_key_too(desk: Desk) -> None:
    asked = booking(desk.flight(), payment={"card_token": "tok_declined"})
    key = {"Idempotency-Key": new_id("key")}
    assert desk.start(asked, **key).text == desk.start(asked, **key).text


@bookings
def booking_can_be_followed_to_its_end(desk: Desk) -> None:
    accepted = desk.start(booking(desk.flight()), Prefer="respond-async")
    cid = accepted.expect(202)["correlation_id"]
    assert accepted.body["status"] in ("PENDING", "RUNNING", "COMPLETED")
    assert accepted.headers["Location"] == f"/api/saga/status/{cid}/"
    ended = desk.ended(cid)
    assert ended["status"] == "COMPLETED"
    result = ended["result"]
    assert result["success"] is True and result["booking_reference"] == ended["booking_reference"]


@bookings
def status_tells_every_step(desk: Desk) -> None:
    cid = desk.book(booking(desk.flight(), simulate_awardmiles_fail=True))["correlation_id"]
    status = desk.status(cid)
    states = [(step["name"], step["status"], step["attempts"]) for step in status["steps"]]
    assert states == [
        ("ReserveSeat", "UNDONE", 1),
        ("AuthorizePayment", "UNDONE", 1),
        ("AwardMiles", "REFUSED", 1),
        ("ConfirmBooking", "PENDING", 0),
    ]
    assert all(step["started_at"] and step["finished_at"] for step in status["steps"][:3])
    assert status["steps"][2]["error"]
    assert (status["status"], status["reason"]) == ("COMPENSATED", "SIMULATED_FAILURE")
    assert status["needs_attention"] is False and status["next_attempt_at"] is None
    assert status["created_at"] <= status["finished_at"]


@bookings
def events_have_no_gap_and_can_be_read_from_any_number(desk: Desk) -> None:
    cid = desk.book(booking(desk.flight(), simulate_confirmbooking_fail=True))["correlation_id"]
    events = desk.events(cid)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert {event["correlation_id"] for event in events} == {cid}
    assert len({event["event_id"] for event in events}) == len(events)
    assert all(event["timestamp"].endswith(("Z", "+00:00")) for event in events)
    types = [event["event_type"] for event in events]
    assert (types[0], types[-1]) == ("SAGA_STARTED", "SAGA_COMPENSATED")
    for kind, times in (("STEP_STARTED", 4), ("STEP_COMPLETED", 3), ("STEP_FAILED", 1)):
        assert types.count(f"SAGA_{kind}") == times
    assert types.count("SAGA_COMPENSATION_STEP_COMPLETED") == 3
    assert desk.events(cid, after=5) == events[5:]
    assert desk.events(cid, after=len(events)) == []


@bookings
def events_arrive_live_and_the_stream_ends(desk: Desk) -> None:
    cid = desk.book(booking(desk.flight()))["correlation_id"]
    stream = desk.get("ui", f"/api/saga/stream/{cid}/")
    assert stream.status == 200 and stream.headers["Content-Type"].startswith("text/event-stream")
    ids = [int(number) for number in re.findall(r"(?m)^id: ?(\d+)$", stream.text)]
    assert ids == [event["sequence"] for event in desk.events(cid)]
    rest = desk.call("GET", "ui", f"/api/saga/stream/{cid}/", headers={"Last-Event-ID": str(ids[-2])})
    assert re.findall(r"(?m)^id: ?(\d+)$", rest.text) == [str(ids[-1])]


@bookings
def list_of_sagas_is_filtered_and_newest_first(desk: Desk) -> None:
    user = new_id("traveller")
    first = desk.book(booking(desk.flight(), user_id=user))["correlation_id"]
    failing = booking(desk.flight(), user_id=user, simulate_reserveseat_fail=True)
    second = desk.book(failing)["correlation_id"]
    assert _listed(desk, user_id=user) == [second, first]
    assert _listed(desk, user_id=user, status="COMPLETED") == [first]
    assert _listed(desk, user_id=user, status="COMPENSATED") == [second]
    assert _listed(desk, user_id=user, needs_attention="true") == []
    assert _listed(desk, user_id=user, created_after=desk.status(first)["created_at"]) == [second]
    page = desk.get("backend", f"/api/saga/?user_id={user}&limit=1").expect(200)
    following = desk.get("backend", page["next"]).expect(200)
    assert [saga["correlation_id"] for saga in following["results"]] == [first]
    desk.get("backend", "/api/saga/?status=NONSENSE").expect(400)


@bookings
def booking_and_tickets_can_be_read(desk: Desk) -> None:
    asked = booking(desk.flight())
    made = desk.book(asked)
    read = desk.get("backend", f"/api/bookings/{made['booking_reference']}/").expect(200)
    assert (read["status"], read["correlation_id"]) == ("CONFIRMED", made["correlation_id"])
    assert read["user_id"] == asked["user_id"] and read["flight"]["id"] == asked["flight_id"]
    assert [ticket["seat_number"] for ticket in read["tickets"]] == made["seat_numbers"]
    assert [one["booking_reference"] for one in tickets_of(desk, asked["user_id"])] == [
        read["booking_reference"]
    ]


@bookings
def user_is_the_same_as_a_number_and_as_a_text(desk: Desk) -> None:
    number = int(new_id()[-8:], 16)
    desk.book(booking(desk.flight(), user_id=number))
    desk.book(booking(desk.flight(), user_id=str(number)))
    assert len(tickets_of(desk, str(number))) == 2


def tickets_of(desk: Desk, user_id: str) -> list[Body]:
    results: list[Body] = desk.get("backend", f"/api/tickets/user/{user_id}/").expect(200)["results"]
    return results


def _listed(desk: Desk, **filters: str) -> list[str]:
    query = "&".join(f"{name}={value}" for name, value in filters.items()).replace("+", "%2B")
    found = desk.get("backend", f"/api/saga/?{query}").expect(200)["results"]
    return [saga["correlation_id"] for saga in found]
