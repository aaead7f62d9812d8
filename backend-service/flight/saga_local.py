"""The local steps. Reads plan them; they are written in the saga log's transaction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django_sagas.definitions import Planned
from django_sagas.outcomes import Done, Refused
from django_sagas.runtime import orchestrator

from flight import services
from flight.inventory import HeldFlight, find_flights
from flight.saga_booking import BookingSaga
from flight.settlement import settle_trip


def reserve_seat(saga: BookingSaga, now: datetime) -> Planned:
    request = saga.request
    if request.expected_amount not in (None, saga.amount):
        return Planned(Refused("PRICE_CHANGED", "The price is no longer the one that was shown."))
    flights = saga.flights or find_flights(saga.segments)
    held = services.choose_trip(
        flights=flights, wanted=saga.segments, passengers=len(request.passengers), now=now
    )
    if not isinstance(held, tuple):
        return Planned(held)
    return Planned(
        Done(reserved(held)),
        lambda: services.hold_seats(
            correlation_id=saga.correlation_id, flights=held, now=now, expires_at=None
        ),
    )


def reserved(held: Sequence[HeldFlight]) -> dict[str, Any]:
    """The answer's fields of ReserveSeat."""
    seats = [seat for flight in held for seat in flight.seat_numbers]
    return {
        "seat_numbers": seats,
        "seats_reserved": len(seats),
        "flights": [flight.to_json() for flight in held],
    }


def cancel_seat(saga: BookingSaga, now: datetime) -> Planned:
    return Planned(
        Done({"seats_released": saga.facts.get("ReserveSeat", {}).get("seats_reserved", 0)}),
        lambda: services.release_seats(correlation_id=saga.correlation_id, now=now),
    )


def confirm_booking(saga: BookingSaga, now: datetime) -> Planned:
    request = saga.request
    confirmation = services.make_confirmation(passengers=request.passengers, flights=saga.held)
    sale = services.Sale(
        correlation_id=saga.correlation_id,
        user_id=saga.user_id,
        email=request.email,
        mobile=request.mobile,
        amount=saga.amount,
    )
    settlement = orchestrator().new_id()

    def write() -> None:
        services.confirm_booking(sale=sale, confirmation=confirmation, now=now)
        settle_trip.begin(saga, correlation_id=settlement, reference=confirmation.reference, now=now)

    return Planned(Done({**confirmed(confirmation), "settlement": settlement}), write)


def confirmed(confirmation: services.Confirmation) -> dict[str, Any]:
    """The answer's fields of ConfirmBooking."""
    return {
        "booking_reference": confirmation.reference,
        "tickets": [
            {
                "ticket_number": ticket.ticket_number,
                "passenger": f"{ticket.passenger.first_name} {ticket.passenger.last_name}",
                "seat_number": ticket.seat_number,
                "flight_id": ticket.flight.flight_id,
                "flight_number": ticket.flight.flight_number,
            }
            for ticket in confirmation.tickets
        ],
    }


def cancel_booking(saga: BookingSaga, now: datetime) -> Planned:
    return Planned(
        Done({"booking_reference": saga.booking_reference}),
        lambda: services.cancel_booking(correlation_id=saga.correlation_id, now=now),
    )
