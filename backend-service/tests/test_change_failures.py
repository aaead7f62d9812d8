"""A change that is refused, stays unknown or meets a fault of the console."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings

from flight.models import SeatState
from tests.booked_trip import Trip, trip
from tests.saga_participants import loses_its_reply, never_arrives, refuses
from tests.saga_world import Desk, World

__all__ = ["trip"]
"A fixture."


# What goes wrong


def test_declined_card_leaves_the_trip_as_it_was(trip: Trip, world: World) -> None:
    answer = trip.change(trip.quote(trip.dearer)["quote_id"], payment={"card_token": "tok_declined"})
    assert (answer.status_code, answer.json()["success"]) == (200, False)
    assert (answer.json()["failed_step"], answer.json()["error_code"]) == (
        "AuthorizePayment",
        "PAYMENT_DECLINED",
    )
    assert (
        answer.json()["message"]
        == f"The trip of booking {trip.reference} is as it was; the change costs nothing."
    )
    trip.is_as_booked()
    world.check_quiet()
    trip.changed(trip.dearer)


def test_seat_that_is_lost_meanwhile_leaves_the_trip_as_it_was(trip: Trip, own_seats: Any) -> None:
    quote = trip.quote({"flight_id": trip.dearer.id, "seat_numbers": ["7A", "7B"]})["quote_id"]
    own_seats(trip.dearer, "7B", state=SeatState.SOLD)
    answer = trip.change(quote).json()
    assert (answer["success"], answer["error_code"], answer["compensation_result"]) == (
        False,
        "SEAT_UNAVAILABLE",
        [],
    )
    trip.is_as_booked()


def test_payment_that_stays_unknown_is_given_back(trip: Trip, world: World) -> None:
    world.participants.always("AuthorizePayment", loses_its_reply)
    answer = trip.change(trip.quote(trip.dearer)["quote_id"])
    assert answer.status_code == 202
    for _ in range(6):
        world.recover()
    world.settle()
    assert trip.desk.status(answer.json()["correlation_id"])["reason"] == "DEADLINE_EXCEEDED"
    trip.is_as_booked()


@pytest.mark.parametrize("step", ["CapturePayment", "AdjustMiles"])
def test_after_the_swap_a_change_only_goes_forward(trip: Trip, world: World, step: str) -> None:
    world.participants.always(step, refuses("SIMULATED_FAILURE"))
    answer = trip.change(trip.quote(trip.dearer)["quote_id"])
    assert answer.status_code == 202
    cid = answer.json()["correlation_id"]
    for _ in range(6):
        world.recover()
    assert (world.row(cid).status, bool(world.row(cid).attention)) == ("RUNNING", True)
    stopped = trip.desk.post(f"/api/saga/{cid}/cancel/")
    assert (stopped.status_code, stopped.json()["code"]) == (409, "NOT_CANCELLABLE")
    world.settle()
    assert world.row(cid).status == "COMPLETED"
    assert trip.state()[1:] == (Decimal("550.10"), Decimal(500))


def test_operator_calls_a_change_off_before_the_swap(trip: Trip, world: World) -> None:
    world.participants.always("AuthorizePayment", never_arrives)
    cid = trip.change(trip.quote(trip.dearer)["quote_id"]).json()["correlation_id"]
    stopped = trip.desk.post(f"/api/saga/{cid}/cancel/")
    assert stopped.status_code in (200, 202)
    world.settle()
    assert trip.desk.status(cid)["result"]["error_code"] == "CANCELLED_BY_OPERATOR"
    trip.is_as_booked()


# Faults of the console

OWN_STEPS = ["HoldSeats", "SwapTickets", "ReleaseOldSeats", "SendConfirmation"]


@pytest.fixture
def fault(desk: Desk, settings: LazySettings) -> Callable[..., None]:
    settings.DEMO_MODE = True

    def put(step: str, **asked: Any) -> None:
        body = {"faults": [{"step": step, "times": 1, **asked}]}
        answer = desk.client.put("/api/demo/faults/", body, content_type="application/json")
        assert answer.status_code == 200, answer.content

    return put


@pytest.mark.parametrize("step", OWN_STEPS)
def test_fault_of_each_own_step_is_met_and_the_change_still_ends(
    trip: Trip, world: World, fault: Callable[..., None], step: str
) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    fault(step, kind="fail")
    answer = trip.change(quote)
    assert answer.status_code == 202
    cid = answer.json()["correlation_id"]
    world.settle()
    row = world.row(cid)
    assert {one.name: one.attempts for one in row.steps}[step] == 2
    assert row.status == "COMPLETED"


@pytest.mark.parametrize("step", OWN_STEPS)
def test_refusal_is_taken_before_the_tickets_are_swapped_and_only_delays_what_follows(
    trip: Trip, world: World, fault: Callable[..., None], step: str
) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    fault(step, kind="refuse")
    cid = trip.change(quote).json()["correlation_id"]
    world.settle()
    refused = step in ("HoldSeats", "SwapTickets")
    assert world.row(cid).status == ("COMPENSATED" if refused else "COMPLETED")
    if refused:
        trip.is_as_booked()


def test_fault_of_a_step_that_runs_elsewhere_is_400(desk: Desk) -> None:
    body = {"faults": [{"step": "AuthorizePayment", "kind": "fail"}]}
    answer = desk.client.put("/api/demo/faults/", body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["faults[0].step"])


def test_quote_that_came_with_another_card_is_not_answered_with_the_first_ones_outcome(trip: Trip) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    declining, other = ({"payment": {"card_token": card}} for card in ("tok_declined", "tok_ok"))
    first = trip.change(quote, **declining)
    assert first.json()["error_code"] == "PAYMENT_DECLINED"
    assert trip.change(quote, **declining).json() == trip.change(quote).json() == first.json()
    refused = trip.change(quote, **other)
    assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_KEY_REUSED")
    again = trip.change(trip.quote(trip.dearer)["quote_id"], **other)
    assert again.json()["success"], again.content
