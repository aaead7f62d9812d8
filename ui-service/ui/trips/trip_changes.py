"""Changing a trip, one of its flights or one journey with changes at a time: what is offered, what is asked
for, and what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import zip_longest
from operator import attrgetter

from django.utils.translation import gettext as _

from ui.backend_client import Json
from ui.search import selectors as search_selectors
from ui.view_models.bookings import Booking, Flown
from ui.view_models.cabins import CabinMap
from ui.view_models.sagas import moment
from ui.view_models.travel import Flight, Journey, why_no_trip


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
    found = search_selectors.flights(
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
class Seating:
    """The passengers in the order of the booking, and the cabin from which they choose."""

    names: list[str]
    now: list[str]
    "the seat of each on this flight; empty if it is another flight"
    cabin: str
    maps: list[CabinMap]

    @property
    def free(self) -> set[str]:
        """What may be chosen: of their own seats each may take any."""
        return {seat.number for each in self.maps if each.cabin == self.cabin for seat in each.free}

    @property
    def has_exits(self) -> bool:
        return any(row.exit_row for each in self.maps if each.cabin == self.cabin for row in each.rows)

    def in_order(self, seats: Sequence[str], *, ordered: bool) -> list[str]:
        """One for each passenger. Boxes of a map come in its own order: who had one of the seats keeps it."""
        if ordered or len(seats) != len(self.now):
            return list(seats)
        kept = [seat if seat in seats else "" for seat in self.now]
        others = (seat for seat in seats if seat not in kept)
        return [seat or next(others, "") for seat in kept]

    def people(self, seats: Sequence[str]) -> list[dict[str, str]]:
        rows = zip_longest(self.names, self.now, seats[: len(self.names)], fillvalue="")
        return [{"name": name, "now": now, "seat": seat} for name, now, seat in rows]


def seating(booking: Booking, leg: int, flight: Flight, maps: Sequence[CabinMap]) -> Seating:
    flown = booking.flown[leg]
    tickets = sorted(flown.tickets, key=attrgetter("passenger"))
    now = [ticket.seat for ticket in tickets] if flight.id == flown.flight.id else []
    names = [ticket.name for ticket in tickets]
    return Seating(names, now, cabin_of(flown), [each.with_free(now) for each in maps])


def why_no_seats(chosen: Seating, seats: Sequence[str]) -> str:
    """What is wrong with the chosen seats, as a sentence; empty if nothing is, as with none at all."""
    if len(seats) not in (0, len(chosen.names)) or len(set(seats)) < len(seats):
        return _("Choose another seat for each passenger, or none: then we choose them all.")
    if chosen.now and (not seats or list(seats) == chosen.now):
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
