"""Changing a trip, one of its flights or one journey with changes at a time: what is offered, what is asked
for, and what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from ui import selectors
from ui.backend_client import Json
from ui.bookings import Booking, Flown
from ui.sagas import moment
from ui.travel import CabinMap, Flight, Journey, why_no_trip


@dataclass(frozen=True)
class ChangeQuote:
    """What a change costs, or below 0 gives back, which holds until it expires. Nothing is held by it."""

    id: str
    flights: tuple[Flight, ...]
    seats: tuple[tuple[str, ...], ...]
    "of each flight; empty where they are chosen for the traveller"
    paid: Decimal
    amount: Decimal
    difference: Decimal
    miles: int
    expires_at: datetime | None

    @property
    def given_back(self) -> Decimal:
        return -self.difference


def quote_from(body: Json, flights: Sequence[Flight]) -> ChangeQuote:
    """`flights`: of the trip as it would be, which the answer names by their ids."""
    known = {flight.id: flight for flight in flights}
    return ChangeQuote(
        id=str(body["quote_id"]),
        flights=tuple(known[int(each["flight_id"])] for each in body["flights"]),
        seats=tuple(tuple(each.get("seat_numbers") or ()) for each in body["flights"]),
        paid=Decimal(body["paid"]),
        amount=Decimal(body["amount"]),
        difference=Decimal(body["difference"]),
        miles=int(body["miles"]),
        expires_at=moment(body.get("expires_at")),
    )


def trip_with(booking: Booking, leg: int, *others: Flight) -> list[Flight]:
    """The flights of the trip with others in the place of as many, from one on."""
    flights = booking.flights
    return [*flights[:leg], *others, *flights[leg + len(others) :]]


@dataclass(frozen=True)
class Way:
    """A journey of the trip with changes, which is changed as a whole."""

    name: str
    number: int
    "from 1, among the ways of the trip"
    leg: int
    "the place of its first flight in the trip, from 0"
    journey: Journey


def connecting(booking: Booking) -> list[Way]:
    ways, names = booking.ways, (_("Outbound"), _("Return"))
    legs = [sum(len(before.flights) for before in ways[:place]) for place in range(len(ways))]
    return [
        Way(names[place] if len(ways) > 1 else "", place + 1, legs[place], way)
        for place, way in enumerate(ways)
        if way.layovers
    ]


def cabin_of(flown: Flown) -> str:
    return flown.tickets[0].cabin or "economy"


def offers_on(booking: Booking, leg: int, replaced: Journey, day: date) -> tuple[list[Journey], int]:
    """What can take the place of a part of the trip on a day, and how many more do not fit the other flights.

    A trip keeps the number of its flights, and so does the part.
    """
    flown = booking.flown[leg]
    found = selectors.flights(
        origin=replaced.origin.code,
        destination=replaced.destination.code,
        day=day,
        cabin=cabin_of(flown),
        passengers=len(flown.tickets),
    )
    bookable = [
        offer
        for offer in found.offers
        if offer.bookable and len(offer.ids) == len(replaced.ids) and offer.ids != replaced.ids
    ]
    fitting = [offer for offer in bookable if not why_no_trip(trip_with(booking, leg, *offer.flights))]
    return fitting, len(bookable) - len(fitting)


@dataclass(frozen=True)
class SeatChoice:
    """The seats from which one passenger may choose; `now` is theirs on this flight, if it stays."""

    name: str
    field: str
    now: str
    free: list[str]


def seat_choices(booking: Booking, leg: int, flight: Flight, maps: list[CabinMap]) -> list[SeatChoice]:
    """One for each passenger, in the order of the booking."""
    flown = booking.flown[leg]
    stays = flight.id == flown.flight.id
    free = [seat.number for each in maps if each.cabin == cabin_of(flown) for seat in each.free]
    return [
        SeatChoice(
            name=ticket.name,
            field=f"seat{place}",
            now=ticket.seat if stays else "",
            free=free,
        )
        for place, ticket in enumerate(sorted(flown.tickets, key=lambda ticket: ticket.passenger))
    ]


def why_no_seats(choices: Sequence[SeatChoice], given: Sequence[str]) -> str:
    """What is wrong with the chosen seats, as a sentence; empty if nothing is, as with none at all."""
    seats = [seat for seat in given if seat]
    if len(seats) not in (0, len(choices)) or len(set(seats)) < len(seats):
        return _("Choose another seat for each passenger, or none: then we choose them all.")
    if any(choice.now for choice in choices) and (not seats or seats == [choice.now for choice in choices]):
        return _("You are on this flight with these seats already. Choose others.")
    return ""


def asked_for(booking: Booking, leg: int, flights: Sequence[Flight], seats: Sequence[str] = ()) -> list[Json]:
    """change-quote's `flights`: what is left out stays as it is. `seats`: on the first of the new ones."""
    wanted: list[Json] = [{"flight_id": each.id} for each in booking.flights]
    for place, flight in enumerate(flights, start=leg):
        wanted[place] = {"flight_id": flight.id, "seat_class": cabin_of(booking.flown[place])}
    if seats:
        wanted[leg]["seat_numbers"] = list(seats)
    return wanted
