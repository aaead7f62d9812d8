"""One saga at a time: a change beside another change or a cancellation."""

from django_sagas.clock import utc_now

from flight import services
from flight.models import Booking, Seat
from tests.booked_trip import Trip, trip
from tests.saga_participants import meanwhile, never_arrives
from tests.saga_world import World, at_once

__all__ = ["trip"]
"A fixture."


def test_change_under_way_keeps_others_and_a_cancellation_away(trip: Trip, world: World) -> None:
    other = trip.quote(trip.cheaper)["quote_id"]
    world.participants.always("AdjustMiles", never_arrives)
    assert trip.change(trip.quote(trip.dearer)["quote_id"]).status_code == 202
    for refused, code in (
        (trip.change(other), "CHANGE_UNDER_WAY"),
        (trip.cancel(), "NOT_CANCELLABLE"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, code)
        assert int(refused["Retry-After"]) >= 1
    assert trip.quote(trip.cheaper, expect=409)["code"] == "CHANGE_UNDER_WAY"
    world.settle()
    assert trip.cancel().json()["status"] == "COMPENSATED"


def test_of_two_changes_at_the_same_moment_one_is_done(trip: Trip, world: World) -> None:
    quotes = [trip.quote(flight)["quote_id"] for flight in (trip.dearer, trip.cheaper)]
    one, other = at_once(*[lambda quote=quote: trip.change(quote) for quote in quotes])
    world.settle()
    done = [each for each in (one, other) if each.json().get("success")]
    assert len(done) <= 1
    assert Booking.objects.get().changed_by in {
        each.json()["correlation_id"] for each in (one, other) if "correlation_id" in each.json()
    }


def test_cancellation_keeps_changes_away(trip: Trip, world: World) -> None:
    quote = trip.quote(trip.dearer)["quote_id"]
    world.participants.always("ReverseMiles", never_arrives)
    assert trip.cancel().status_code == 202
    for refused in (
        trip.change(quote),
        trip.desk.post(
            f"/api/bookings/{trip.reference}/change-quote/", {"flights": [{"flight_id": trip.dearer.id}]}
        ),
    ):
        assert (refused.status_code, refused.json()["code"]) == (409, "NOT_CHANGEABLE")
    world.settle()
    assert trip.change(quote).json()["code"] == "NOT_CHANGEABLE"


def test_booking_cancelled_while_its_change_waits_is_not_changed(trip: Trip, world: World) -> None:
    """The change is accepted and has not begun."""
    accepted = trip.change(trip.quote(trip.dearer)["quote_id"], headers={"Prefer": "respond-async"})
    assert trip.cancel().json()["status"] == "COMPENSATED"
    world.settle()
    result = trip.desk.status(accepted.json()["correlation_id"])["result"]
    assert (result["success"], result["error_code"]) == (False, "NOT_CHANGEABLE")
    world.check_quiet()


def test_booking_that_was_cancelled_all_the_same_is_not_swapped(trip: Trip, world: World) -> None:
    """The last guard: whatever has cancelled it, tickets of a cancelled booking are not changed."""

    def cancelled() -> None:
        services.cancel_booking(correlation_id=trip.booking, now=utc_now())

    world.participants.then("AuthorizePayment", meanwhile(cancelled))
    answer = trip.change(trip.quote(trip.dearer)["quote_id"]).json()
    assert (answer["failed_step"], answer["error_code"]) == ("SwapTickets", "BOOKING_CHANGED")
    assert not Seat.objects.filter(flight=trip.dearer, state__in=("HELD", "SOLD")).exists()
    Booking.objects.update(status="CONFIRMED", cancelled_at=None)
    Seat.objects.filter(correlation_id=trip.booking).update(state="SOLD")
