"""Bookings as the pages show them."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from ui.backend_client import Json
from ui.view_models.cabins import cabin_name
from ui.view_models.sagas import moment
from ui.view_models.travel import Flight, Journey, flight_from, leg_names, ways


@dataclass(frozen=True)
class Ticket:
    number: str
    first_name: str
    last_name: str
    seat: str
    cabin: str
    passenger: int
    "place in the booking, from 1"

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def cabin_name(self) -> str:
        return cabin_name(self.cabin)

    @property
    def place(self) -> tuple[int, str]:
        """Sort key of a seat: 4A before 12A."""
        row = re.match("[0-9]+", self.seat)
        return (int(row[0]) if row else 0, self.seat)


@dataclass(frozen=True)
class Flown:
    """A flight of a booking, with its tickets in the order of their seats."""

    flight: Flight
    name: str
    'beside the other flights, such as "return"; empty for the only one'
    tickets: tuple[Ticket, ...]

    @property
    def seats(self) -> list[str]:
        return [ticket.seat for ticket in self.tickets]


@dataclass(frozen=True)
class Booking:
    reference: str
    correlation_id: str
    user_id: str
    status: str
    amount: Decimal | None
    fare: Decimal | None
    "of the amount; None for one that was made by direct calls"
    currency: str
    email: str
    mobile: str
    created_at: datetime | None
    cancelled_at: datetime | None
    flown: tuple[Flown, ...]
    "in the order flown"

    @property
    def flight(self) -> Flight:
        """The first: with its departure the trip begins."""
        return self.flown[0].flight

    @property
    def flights(self) -> list[Flight]:
        return [each.flight for each in self.flown]

    @property
    def ways(self) -> list[Journey]:
        return ways(self.flights)

    @property
    def tickets(self) -> tuple[Ticket, ...]:
        """Of the first flight: one a passenger."""
        return self.flown[0].tickets

    @property
    def is_live(self) -> bool:
        return self.status == "CONFIRMED"

    @property
    def miles(self) -> int:
        return int(self.fare or 0)

    @property
    def cabin_name(self) -> str:
        return self.tickets[0].cabin_name if self.tickets else ""

    def when(self, now: datetime) -> str:
        """`upcoming` until its last departure, then `past`; or `cancelled`."""
        if not self.is_live:
            return "cancelled"
        return "upcoming" if self.flights[-1].departs > now else "past"

    def can_be_cancelled(self, now: datetime) -> bool:
        """Until its first departure; one that was made by direct calls never."""
        return self.is_live and self.flight.departs > now and self.amount is not None

    can_be_changed = can_be_cancelled


@dataclass(frozen=True)
class CancelQuote:
    """What a cancellation gives back and keeps, which holds until it expires."""

    id: str
    refund: Decimal
    fee: Decimal
    miles: int
    expires_at: datetime | None

    @property
    def paid(self) -> Decimal:
        """What is held or taken; nothing of a payment that has expired."""
        return self.refund + self.fee


def cancel_quote_from(body: Json) -> CancelQuote:
    return CancelQuote(
        id=str(body["quote_id"]),
        refund=Decimal(body["refund"]),
        fee=Decimal(body["fee"]),
        miles=int(body["miles"]),
        expires_at=moment(body["expires_at"]),
    )


def booking_from(body: Json) -> Booking:
    contact: dict[str, Any] = body.get("contact_info") or {}
    return Booking(
        reference=str(body["booking_reference"]),
        correlation_id=str(body.get("correlation_id") or ""),
        user_id=str(body.get("user_id") or ""),
        status=str(body["status"]),
        amount=None if body.get("amount") is None else Decimal(body["amount"]),
        fare=None if body.get("flight_fare") is None else Decimal(body["flight_fare"]),
        currency=str(body.get("currency") or "USD"),
        email=str(contact.get("email") or ""),
        mobile=str(contact.get("mobile") or ""),
        created_at=moment(body.get("created_at")),
        cancelled_at=moment(body.get("cancelled_at")),
        flown=_flown(body.get("flights") or [{**body["flight"], "tickets": body.get("tickets")}]),
    )


def _flown(told: list[Json]) -> tuple[Flown, ...]:
    flights = [flight_from(each) for each in told]
    tickets = [
        tuple(sorted(map(_ticket, each.get("tickets") or []), key=attrgetter("place"))) for each in told
    ]
    return tuple(map(Flown, flights, leg_names(flights), tickets))


def _ticket(body: Json) -> Ticket:
    return Ticket(
        number=str(body["ticket_number"]),
        first_name=str(body.get("first_name") or ""),
        last_name=str(body.get("last_name") or ""),
        seat=str(body["seat_number"]),
        cabin=str(body.get("seat_class") or ""),
        passenger=int(body.get("passenger_number") or 1),
    )
