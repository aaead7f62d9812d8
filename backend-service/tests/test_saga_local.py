"""The backend's own steps in a saga: what the fault console does to them, and numbers that are taken."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection
from django_sagas import json_text

from flight.inputs import Passenger
from flight.inventory import HeldFlight
from flight.models import Booking, Ticket
from flight.services import make_confirmation
from tests.invariants import rows
from tests.saga_world import Desk, World, around_statements, when

FAULTS = "/api/demo/faults/"
SetFault = Callable[..., None]


@pytest.fixture
def fault(desk: Desk) -> Iterator[SetFault]:
    def put(step: str, kind: str, **more: Any) -> None:
        body = {"faults": [{"step": step, "kind": kind, **more}]}
        answer = desk.client.put(FAULTS, body, content_type="application/json")
        assert answer.status_code == 200, answer.content

    yield put
    desk.client.delete(FAULTS)


@pytest.mark.parametrize("step", ["ReserveSeat", "ConfirmBooking"])
def test_a_refused_local_step_is_compensated(desk: Desk, fault: SetFault, step: str) -> None:
    fault(step, "refuse")
    body = desk.book().json()
    assert (body["status"], body["failed_step"], body["error_code"]) == (
        "COMPENSATED",
        step,
        "SIMULATED_FAILURE",
    )


@pytest.mark.parametrize("kind", ["fail", "delay"])
@pytest.mark.parametrize("step", ["ReserveSeat", "ConfirmBooking"])
def test_a_local_step_that_fails_once_is_tried_again(
    desk: Desk, world: World, fault: SetFault, step: str, kind: str
) -> None:
    fault(step, kind, times=1, **({"seconds": 4} if kind == "delay" else {}))
    answer = desk.book()
    cid = answer.json()["correlation_id"]
    assert answer.status_code == 202
    assert {one["status"] for one in desk.status(cid)["steps"] if one["name"] == step} == {"UNKNOWN"}
    assert len(world.seats(cid)) == (0 if step == "ReserveSeat" else 2)
    desk.recover()
    assert world.row(cid).status == "COMPLETED"


def test_a_delayed_local_step_is_late_once_and_not_each_time(
    desk: Desk, world: World, fault: SetFault
) -> None:
    fault("ConfirmBooking", "delay", seconds=4)
    cid = desk.book().json()["correlation_id"]
    due = world.row(cid).due_at
    assert due is not None and (due - world.row(cid).created_at).total_seconds() >= 4
    desk.recover()
    assert world.row(cid).status == "COMPLETED"


def test_a_local_step_that_keeps_failing_is_given_up_at_the_deadline(
    desk: Desk, world: World, fault: SetFault
) -> None:
    fault("ConfirmBooking", "fail")
    cid = desk.book().json()["correlation_id"]
    desk.recover(after=61)
    ended = desk.status(cid)
    assert (ended["status"], ended["reason"]) == ("COMPENSATED", "DEADLINE_EXCEEDED")
    first = ended["result"]["compensation_result"][0]
    assert first["compensation"] == "CancelBooking"  # It may have happened.
    assert not Booking.objects.exists()


@pytest.mark.parametrize("kind", ["fail", "refuse"])
@pytest.mark.parametrize("compensation", ["CancelSeat", "CancelBooking"])
def test_a_local_compensation_that_fails_is_tried_until_it_succeeds(
    desk: Desk, world: World, fault: SetFault, compensation: str, kind: str
) -> None:
    booked = desk.book().json()
    fault(compensation, kind, times=2)
    answer = desk.post(f"/api/bookings/{booked['booking_reference']}/cancel/")
    cid = booked["correlation_id"]
    assert (answer.status_code, answer.json()["status"]) == (202, "COMPENSATING")
    assert desk.status(cid)["needs_attention"] is (kind == "refuse")
    desk.recover()
    desk.recover()
    ended = desk.status(cid)
    assert (ended["status"], ended["needs_attention"]) == ("COMPENSATED", False)


def test_a_fault_for_one_saga_meets_no_other(desk: Desk, fault: SetFault) -> None:
    fault("ReserveSeat", "refuse", correlation_id="somebody-else")
    assert desk.book().json()["success"] is True


# What is random may stand for something already


def rewriting(fragment: str, place: int, taken: str, *, times: int = 1) -> Any:
    """The first statements that hold `fragment` draw a number that somebody has already."""
    left = [times]

    def wrap(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if fragment in sql and left[0] > 0:
            left[0] -= 1
            params = [*params[:place], taken, *params[place + 1 :]]
        return execute(sql, params, many, context)

    return connection.execute_wrapper(wrap)


def test_a_booking_reference_that_stands_for_another_booking_is_drawn_again(desk: Desk, world: World) -> None:
    first = desk.book().json()
    with rewriting("INSERT INTO flight_booking", 0, first["booking_reference"]):
        second = desk.book().json()
    assert second["success"] is True
    assert second["booking_reference"] != first["booking_reference"]
    assert world.participants.calls(second["correlation_id"]) == ["AuthorizePayment", "AwardMiles"]


def test_a_ticket_number_that_stands_for_another_ticket_is_drawn_again(desk: Desk, world: World) -> None:
    desk.book()
    taken = Ticket.objects.first()
    assert taken is not None
    with rewriting("INSERT INTO flight_ticket", 0, taken.ticket_number):
        assert desk.book().json()["success"] is True
    assert Ticket.objects.count() == 4


def test_references_and_ticket_numbers_have_their_form() -> None:
    people = (Passenger(first_name="A", last_name="B"), Passenger(first_name="C", last_name="D"))
    flights = [HeldFlight(1, "TW101", "DFW", "ORD", "economy", ("4A", "4B"))]
    made = [make_confirmation(passengers=people, flights=flights) for _ in range(200)]
    assert all(set(one.reference) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ23456789") for one in made)
    assert {len(one.reference) for one in made} == {6}
    numbers = [ticket.ticket_number for one in made for ticket in one.tickets]
    assert len(set(numbers)) == 400
    assert {(number[:4], len(number)) for number in numbers} == {("973-", 14)}


# The edges of the log


def test_a_flight_that_is_gone_is_refused(world: World) -> None:
    saga = world.new_saga()
    (flight,) = saga.data["flights"]
    gone = replace(saga, data={**saga.data, "flights": [{**flight, "flight_id": 999_999}]}, context=None)
    sold_out = world.orchestrator().start(gone, deadline=None)
    assert sold_out is not None
    assert (sold_out.status, sold_out.error_code) == ("COMPENSATED", "FLIGHT_NOT_FOUND")


def test_a_saga_log_that_cannot_be_read_shows_in_the_metrics(desk: Desk) -> None:
    error: DatabaseError = OperationalError("away")
    with around_statements(before=when('FROM "sagas_saga"', error, times=100)):
        text = desk.client.get("/metrics").content.decode()
    assert "saga_log_readable 0.0" in text
    assert "saga_log_readable 1.0" in desk.client.get("/metrics").content.decode()


def test_a_row_is_read_as_it_was_written(world: World) -> None:
    saga = world.completed(seat_numbers=["12A", "12B"], expected_amount=450)
    stored = world.row(saga.correlation_id)
    assert json_text.dumps([stored.data, stored.facts]) == json_text.dumps([saga.data, saga.facts])
    assert stored.steps == saga.steps
    assert stored.result == saga.result
    assert len(rows("SELECT 1 FROM sagas_saga WHERE name = 'book-trip'")) == 1
