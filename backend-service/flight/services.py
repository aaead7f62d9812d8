"""Writes of seats and bookings: hold and release, confirm and cancel.

`choose_…` reads and decides; the other functions write. A write that meets a conflict raises, and the whole
transaction is run again.
"""

import secrets
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django_sagas.database import db_time, execute, fetch_all, values
from django_sagas.definitions import WriteConflict
from django_sagas.outcomes import Refused
from service_kit.cards import looks_like_card

from flight import aircraft
from flight.inputs import Passenger
from flight.inventory import FlightForSale, HeldFlight, Wanted
from flight.models import BookingStatus, SeatState

REFERENCE_ALPHABET = string.ascii_uppercase + "23456789"
REFERENCE_LENGTH = 6
AIRLINE_CODE = "973"
TICKET_DIGITS = 10

# Plain SQL: every booking runs these, and the row counts of ON CONFLICT DO NOTHING decide.
TAKEN_SEATS = "SELECT seat_number FROM flight_seat WHERE flight_id = %s AND state IN ('HELD', 'SOLD')"
INSERT_SEATS = """
    INSERT INTO flight_seat
        (flight_id, seat_number, seat_class, correlation_id, state, held_at, expires_at) VALUES {rows}
    ON CONFLICT DO NOTHING"""
RELEASE_SEATS = """
    UPDATE flight_seat SET state = 'RELEASED', released_at = %s
    WHERE correlation_id = %s AND state = 'HELD'"""
SELL_SEATS = "UPDATE flight_seat SET state = 'SOLD' WHERE correlation_id = %s AND state = 'HELD'"
UNSELL_SEATS = "UPDATE flight_seat SET state = 'HELD' WHERE correlation_id = %s AND state = 'SOLD'"
INSERT_BOOKING = """
    INSERT INTO flight_booking
        (reference, correlation_id, flight_id, user_id, status, email, mobile, amount, currency, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
    ON CONFLICT DO NOTHING"""
INSERT_TICKETS = """
    INSERT INTO flight_ticket
        (ticket_number, booking_id, flight_id, segment, passenger, first_name, last_name, gender,
         seat_number, seat_class) VALUES {rows}
    ON CONFLICT DO NOTHING"""
CANCEL_BOOKING = """
    UPDATE flight_booking SET status = %s, cancelled_at = %s, busy_with = ''
    WHERE correlation_id = %s AND status = %s"""


@dataclass(frozen=True)
class Ticket:
    ticket_number: str
    flight: HeldFlight
    segment: int
    "the flight's place in the trip, from 1"
    place: int
    "the passenger's place in the booking, from 1"
    passenger: Passenger

    @property
    def seat_number(self) -> str:
        return self.flight.seat_numbers[self.place - 1]


@dataclass(frozen=True)
class Confirmation:
    reference: str
    tickets: tuple[Ticket, ...]


def choose_trip(
    *, flights: Sequence[FlightForSale | None], wanted: Sequence[Wanted], passengers: int, now: datetime
) -> tuple[HeldFlight, ...] | Refused:
    """Seats on every flight of a trip, or the refusal of the first that has none."""
    chosen = []
    for flight, asked in zip(flights, wanted, strict=True):
        if flight is None:
            return Refused("FLIGHT_NOT_FOUND", f"There is no flight {asked.flight_id}.")
        seats = choose_seats(
            flight=flight,
            seat_class=asked.seat_class,
            wanted=asked.seat_numbers,
            count=passengers,
            now=now,
        )
        if isinstance(seats, Refused):
            return seats
        chosen.append(HeldFlight.of(flight, asked.seat_class, seats))
    return tuple(chosen)


def choose_seats(
    *, flight: FlightForSale, seat_class: str, wanted: Sequence[str], count: int, now: datetime
) -> tuple[str, ...] | Refused:
    """The seats for `count` passengers: the wanted ones in their order, or free ones side by side."""
    if not flight.is_on_sale(now):
        return Refused("FLIGHT_CLOSED", f"Flight {flight.flight_number} is no longer for sale.")
    taken = {row[0] for row in fetch_all(TAKEN_SEATS, (flight.id,))}
    of_class = aircraft.seats_of_class(flight.aircraft, seat_class)
    if wanted:
        return _wanted_seats(wanted, of_class, taken, f"{seat_class} seat", flight.flight_number)
    free = [seat for seat in of_class if seat not in taken]
    if len(free) < count:
        left = _seats_left(len(free), seat_class)
        return Refused("SEAT_UNAVAILABLE", f"{left} left on flight {flight.flight_number}.")
    return tuple(sorted(_side_by_side(free, count)))


def _seats_left(number: int, seat_class: str) -> str:
    if number > 1:
        return f"Only {number} {seat_class} seats are"
    return f"{'Only one' if number else 'No'} {seat_class} seat is"


def _wanted_seats(
    wanted: Sequence[str], of_class: Sequence[str], taken: set[str], kind: str, flight_number: str
) -> tuple[str, ...] | Refused:
    for seat in wanted:
        if seat not in of_class:
            return Refused("SEAT_UNAVAILABLE", f"There is no {kind} {seat} on flight {flight_number}.")
        if seat in taken:
            return Refused("SEAT_UNAVAILABLE", f"Seat {seat} of flight {flight_number} is taken.")
    return tuple(wanted)


def _side_by_side(free: Sequence[str], count: int) -> Sequence[str]:
    """Free seats of the first row with enough of them, else the first free seats."""
    by_row: dict[str, list[str]] = {}
    for seat in free:
        row = by_row.setdefault(seat.rstrip(string.ascii_uppercase), [])
        row.append(seat)
        if len(row) == count:
            return row
    return free[:count]


def hold_seats(
    *,
    correlation_id: str,
    flights: Sequence[HeldFlight],
    now: datetime,
    expires_at: datetime | None,
) -> None:
    """Hold the chosen seats of all flights; without `expires_at`, as for a saga, without expiry.

    Raises WriteConflict if one of them has another owner meanwhile.
    In sorted order, so that two bookings that want the same seats wait for each other and never deadlock.
    """
    shared = (correlation_id, SeatState.HELD, db_time(now), db_time(expires_at))
    seats = [
        (flight.flight_id, seat, flight.seat_class) for flight in flights for seat in flight.seat_numbers
    ]
    rows = [(*seat, *shared) for seat in sorted(seats)]
    placeholders, parameters = values(rows)
    if execute(INSERT_SEATS.format(rows=placeholders), parameters) != len(rows):
        raise WriteConflict


def release_seats(*, correlation_id: str, now: datetime) -> int:
    """Give held seats back; how many there were."""
    return execute(RELEASE_SEATS, (db_time(now), correlation_id))


def make_confirmation(*, passengers: Sequence[Passenger], flights: Sequence[HeldFlight]) -> Confirmation:
    """A random booking reference, and a ticket for each passenger on each flight."""
    tickets = [
        Ticket(_ticket_number(), flight, segment, place, passenger)
        for segment, flight in enumerate(flights, start=1)
        for place, passenger in enumerate(passengers, start=1)
    ]
    return Confirmation(_reference(), tuple(tickets))


def _reference() -> str:
    number, letters = secrets.randbelow(len(REFERENCE_ALPHABET) ** REFERENCE_LENGTH), ""
    for _ in range(REFERENCE_LENGTH):
        number, place = divmod(number, len(REFERENCE_ALPHABET))
        letters += REFERENCE_ALPHABET[place]
    return letters


def _ticket_number() -> str:
    """Thirteen digits in the form of IATA resolution 722, never a valid card number."""
    while True:
        digits = f"{secrets.randbelow(10**TICKET_DIGITS):0{TICKET_DIGITS}}"
        if not looks_like_card(AIRLINE_CODE + digits):
            return f"{AIRLINE_CODE}-{digits}"


@dataclass(frozen=True)
class Sale:
    """What ConfirmBooking writes beside the tickets: buyer and price."""

    correlation_id: str
    user_id: str
    email: str
    mobile: str
    amount: int | None
    "cents; None when a direct call, which knows no price, confirms"


def confirm_booking(*, sale: Sale, confirmation: Confirmation, now: datetime) -> None:
    """Sell the held seats and write the booking with its tickets.

    Raises WriteConflict if the random reference or a ticket number is in use, or the seats are not held.
    """
    booking = (
        confirmation.reference,
        sale.correlation_id,
        confirmation.tickets[0].flight.flight_id,
        sale.user_id,
        BookingStatus.CONFIRMED,
        sale.email,
        sale.mobile,
        sale.amount,
        settings.CURRENCY,
        db_time(now),
    )
    tickets = [
        (
            ticket.ticket_number,
            confirmation.reference,
            ticket.flight.flight_id,
            ticket.segment,
            ticket.place,
            ticket.passenger.first_name,
            ticket.passenger.last_name,
            ticket.passenger.gender,
            ticket.seat_number,
            ticket.flight.seat_class,
        )
        for ticket in confirmation.tickets
    ]
    placeholders, parameters = values(tickets)
    if execute(SELL_SEATS, (sale.correlation_id,)) != len(tickets):
        raise WriteConflict
    if execute(INSERT_BOOKING, booking) != 1:
        raise WriteConflict
    if execute(INSERT_TICKETS.format(rows=placeholders), parameters) != len(tickets):
        raise WriteConflict


def cancel_booking(*, correlation_id: str, now: datetime) -> None:
    """The booking is cancelled and its seats are held again, until cancel-seat releases them."""
    execute(CANCEL_BOOKING, (BookingStatus.CANCELLED, db_time(now), correlation_id, BookingStatus.CONFIRMED))
    execute(UNSELL_SEATS, (correlation_id,))
