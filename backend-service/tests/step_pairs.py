"""The bodies of the backend's direct step calls, and the two pairs of endpoints that take them."""

from collections.abc import Sequence
from typing import Any

from service_kit.testing.calls import envelope, post
from service_kit.testing.protocol import Pair

from flight.models import Booking, BookingStatus, Flight, Seat, SeatState, Ticket

RESERVE, CANCEL_SEAT = "/api/saga/reserve-seat/", "/api/saga/cancel-seat/"
CONFIRM, CANCEL_BOOKING = "/api/saga/confirm-booking/", "/api/saga/cancel-booking/"
JOHN = {"first_name": "John", "last_name": "Doe", "gender": "male"}
JANE = {"first_name": "Jane", "last_name": "Doe", "gender": "female"}
CONTACT = {"email": "john@example.com", "mobile": "+1234567890"}


def booking(flight: Flight, *, people: int = 1, **changes: Any) -> dict[str, Any]:
    passengers = [JOHN, *[JANE] * (people - 1)]
    return {
        "flight_id": flight.id,
        "user_id": 1,
        "passengers": passengers,
        "contact_info": CONTACT,
        **changes,
    }


def reserve(flight: Flight, cid: str, **changes: Any) -> Any:
    return post(RESERVE, envelope(cid, booking(flight, **changes)))


def confirm(flight: Flight, cid: str, **changes: Any) -> Any:
    return post(CONFIRM, envelope(cid, booking(flight, **changes)))


def trip_of(trip: Sequence[Flight], *, people: int = 1, **changes: Any) -> dict[str, Any]:
    """The same for several flights."""
    body = booking(trip[0], people=people)
    del body["flight_id"]
    return {**body, "flights": [{"flight_id": flight.id} for flight in trip], **changes}


def reserve_trip(trip: Sequence[Flight], cid: str, **changes: Any) -> Any:
    return post(RESERVE, envelope(cid, trip_of(trip, **changes)))


def confirm_trip(trip: Sequence[Flight], cid: str, **changes: Any) -> Any:
    return post(CONFIRM, envelope(cid, trip_of(trip, **changes)))


def held_seats(cid: str) -> int:
    return Seat.objects.filter(correlation_id=cid, state=SeatState.HELD).count()


def sold_seats(cid: str) -> int:
    """Seats sold by a call; a live booking must have as many tickets, and a cancelled one no sold seat."""
    sold = Seat.objects.filter(correlation_id=cid, state=SeatState.SOLD).count()
    live = Booking.objects.filter(correlation_id=cid, status=BookingStatus.CONFIRMED)
    assert Ticket.objects.filter(booking__in=live).count() == sold
    return sold


def reserve_pair(flight: Flight) -> Pair:
    unspecified = {**JOHN, "gender": "unspecified"}
    return Pair(
        step="ReserveSeat",
        action=RESERVE,
        compensation=CANCEL_SEAT,
        booking=booking(flight, passengers=[unspecified, JANE]),
        same=booking(
            flight, passengers=[{"last_name": "Doe", "first_name": "John"}, JANE], seat_class="economy"
        ),
        other=booking(flight, passengers=[unspecified, JANE], seat_numbers=["12A", "12B"]),
        refused=booking(flight, flight_id=flight.id + 1),
        refusal="FLIGHT_NOT_FOUND",
        worth=2,
        live=held_seats,
    )


def confirm_pair(flight: Flight) -> Pair:
    return Pair(
        step="ConfirmBooking",
        action=CONFIRM,
        compensation=CANCEL_BOOKING,
        booking=booking(flight, people=2),
        same=booking(flight, people=2, user_id="1", seat_class="economy", flight_fare=1),
        other=booking(flight, people=2, user_id=2),
        refused=booking(flight, people=3),
        refusal="SEAT_NOT_HELD",
        worth=2,
        live=sold_seats,
        before=lambda cid: reserve(flight, cid, people=2),
    )


def reserve_trip_pair(trip: Sequence[Flight]) -> Pair:
    missing = [{"flight_id": trip[0].id}, {"flight_id": trip[-1].id + 1}]
    return Pair(
        step="ReserveSeat",
        action=RESERVE,
        compensation=CANCEL_SEAT,
        booking=trip_of(trip, people=2),
        same=trip_of(trip, people=2, user_id="2"),
        other=trip_of(trip[:2], people=2),
        refused=trip_of(trip, people=2, flights=missing),
        refusal="FLIGHT_NOT_FOUND",
        worth=2 * len(trip),
        live=held_seats,
    )


def confirm_trip_pair(trip: Sequence[Flight]) -> Pair:
    return Pair(
        step="ConfirmBooking",
        action=CONFIRM,
        compensation=CANCEL_BOOKING,
        booking=trip_of(trip, people=2),
        same=trip_of(trip, people=2, user_id="1", flight_fare=1),
        other=trip_of(trip, people=2, user_id=2),
        refused=trip_of(trip[:-1], people=2),
        refusal="SEAT_NOT_HELD",
        worth=2 * len(trip),
        live=sold_seats,
        before=lambda cid: reserve_trip(trip, cid, people=2),
    )
