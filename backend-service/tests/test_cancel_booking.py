"""A traveller's booking is cancelled: once, in strict reverse order, while its flight has not departed."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django_sagas.clock import utc_now

from flight.models import Booking, Flight
from tests.booking_events import BACK, FORWARD, undone
from tests.saga_callers import act, audited, cancel_booking, service, token
from tests.saga_participants import never_arrives
from tests.saga_world import Desk, World


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
