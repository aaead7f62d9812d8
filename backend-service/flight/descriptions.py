"""The wire forms of bookings: plain dictionaries, money as Decimal."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from django_sagas import json_text
from django_sagas.clock import iso, iso_or_none
from service_kit.money import to_wire

from flight.models import Booking, Ticket
from flight.search.descriptions import flight


def booking(found: Booking) -> dict[str, Any]:
    """With flights, tickets and price; amounts are null for a booking made by direct calls."""
    tickets = sorted(found.tickets.all(), key=_place)
    charges = json_text.load_stored(found.saga_data)["charges"] if found.saga_data else None
    return {
        "booking_reference": found.reference,
        "correlation_id": found.correlation_id,
        "user_id": found.user_id,
        "status": found.status,
        "amount": _wire_or_none(found.amount),
        "flight_fare": _wire_or_none(
            found.amount - charges if found.amount and charges is not None else None
        ),
        "other_charges": _wire_or_none(charges),
        "currency": found.currency,
        "contact_info": {"email": found.email, "mobile": found.mobile},
        "created_at": iso(found.created_at),
        "cancelled_at": iso_or_none(found.cancelled_at),
        "flight": flight(found.flight),
        "flights": [_flown(list(flown)) for _, flown in groupby(tickets, key=attrgetter("segment"))],
        "tickets": [_ticket(ticket) for ticket in tickets],
    }


def _flown(tickets: Sequence[Ticket]) -> dict[str, Any]:
    """A flight of a booking, with its seats and tickets."""
    return {
        **flight(tickets[0].flight),
        "seat_class": tickets[0].seat_class,
        "seat_numbers": [ticket.seat_number for ticket in tickets],
        "tickets": [_ticket(ticket) for ticket in tickets],
    }


def _wire_or_none(cents: int | None) -> Decimal | None:
    return None if cents is None else to_wire(cents)


def _place(found: Ticket) -> tuple[int, int, str]:
    """Sort by flight, row and letter: ticket numbers are random, and neighbours belong together."""
    return found.segment, int(found.seat_number[:-1]), found.seat_number[-1]


def _ticket(found: Ticket) -> dict[str, Any]:
    return {
        "ticket_number": found.ticket_number,
        "flight_id": found.flight_id,
        "flight_number": found.flight.flight_number,
        "passenger": f"{found.first_name} {found.last_name}",
        "passenger_number": found.passenger,
        "first_name": found.first_name,
        "last_name": found.last_name,
        "gender": found.gender,
        "seat_number": found.seat_number,
        "seat_class": found.seat_class,
    }


def bookings(found: Sequence[Booking], *, user_id: str, more: str | None) -> dict[str, Any]:
    return {"user_id": user_id, "results": [booking(each) for each in found], "next": more}
