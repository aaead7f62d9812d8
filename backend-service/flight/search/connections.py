"""Journeys with a change of aircraft, for a day on which no direct flight can be booked."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise, zip_longest
from typing import Any

from django.conf import settings

from flight.aircraft import AIRCRAFT, SeatClass
from flight.models import Airport, Flight
from flight.search import selectors
from flight.search.selectors import Route

MOST = 50
"Connections that a search answers."
MOST_COUNTED = 500
"Connections whose seats are counted, the shortest first."
LONGEST_FLIGHT = timedelta(hours=20)

Chain = tuple[Flight, ...]
Live = Counter[tuple[int, str]]


@dataclass(frozen=True)
class Offer:
    """What all flights have of one class: cents for one passenger, and the seats of the fullest of them."""

    fare: int
    seats_left: int


@dataclass(frozen=True)
class Connection:
    """Two flights, or three, in the order flown."""

    flights: Chain
    offers: Mapping[SeatClass, Offer]

    @property
    def minutes(self) -> int:
        return _minutes(self.flights)

    @property
    def layovers(self) -> list[tuple[Airport, int]]:
        """Where one changes, and the minutes there."""
        return [
            (onward.origin, _whole_minutes(onward.departs_at - before.arrives_at))
            for before, onward in pairwise(self.flights)
        ]

    def lowest_fare(self) -> int:
        return min(offer.fare for offer in self.offers.values())


@dataclass(frozen=True)
class Found:
    """Connections, and how many seats of their flights are held or sold, by flight and class."""

    connections: list[Connection]
    live: Live


@dataclass(frozen=True)
class Wanted:
    """A journey from a local day at its start, with seats for all in one class, or in one of any class."""

    route: Route
    day: date
    seat_class: SeatClass | None = None
    passengers: int = 1


def find(wanted: Wanted, *, now: datetime) -> Found:
    """The best connections with one change; where there is none, with two. Five queries at most."""
    shortest = timedelta(minutes=settings.CONNECTION_MINUTES)
    longest = timedelta(hours=settings.CONNECTION_MAX_HOURS)
    firsts = selectors.flights_from(wanted.route, day=wanted.day, now=now, seat_class=wanted.seat_class)
    if not firsts:
        return Found([], Counter())
    earliest = min(flight.arrives_at for flight in firsts) + shortest
    latest = max(flight.arrives_at for flight in firsts) + longest
    lasts = selectors.flights_to(
        wanted.route,
        between=(earliest, latest + LONGEST_FLIGHT + longest),
        seat_class=wanted.seat_class,
    )
    begun: list[Chain] = [(flight,) for flight in firsts]
    found = _bookable(extended(begun, lasts, shortest=shortest, longest=longest), wanted)
    if found.connections:
        return found
    middle = Route(
        {flight.destination_id: flight.destination for flight in firsts},
        {flight.origin_id: flight.origin for flight in lasts},
    )
    middles = selectors.flights_between(
        middle,
        between=(earliest, latest),
        seat_class=wanted.seat_class,
    )
    halves = extended(begun, middles, shortest=shortest, longest=longest)
    return _bookable(extended(halves, lasts, shortest=shortest, longest=longest), wanted)


def extended(
    chains: Iterable[Chain], onward: Iterable[Flight], *, shortest: timedelta, longest: timedelta
) -> list[Chain]:
    """Each chain with each flight that leaves where it ends, `shortest` to `longest` after its arrival."""
    by_origin: dict[str, list[Flight]] = {}
    for flight in onward:
        by_origin.setdefault(flight.origin_id, []).append(flight)
    return [
        (*chain, flight)
        for chain in chains
        for flight in by_origin.get(chain[-1].destination_id, [])
        if shortest <= flight.departs_at - chain[-1].arrives_at <= longest
    ]


def _bookable(chains: list[Chain], wanted: Wanted) -> Found:
    """The best of those with seats for all."""
    counted = sorted(chains, key=_minutes)[:MOST_COUNTED]
    live = selectors.live_seats(sorted({flight.id for chain in counted for flight in chain}))
    found = [Connection(chain, _offers(chain, live, wanted)) for chain in counted]
    return Found(best([each for each in found if each.offers]), live)


def best(found: Sequence[Connection], *, most: int = MOST) -> list[Connection]:
    """At most `most`, the shortest first: in turn the next earliest arrival, the next shortest, the next
    cheapest. So the best by each of the three is among them, however many are left out."""
    ranks: list[Callable[[Connection], Any]] = [
        lambda each: (each.flights[-1].arrives_at, _order(each)),
        _order,
        lambda each: (each.lowest_fare(), _order(each)),
    ]
    ranked = [sorted(found, key=rank) for rank in ranks]
    kept: dict[tuple[int, ...], Connection] = {}
    for each in (each for turn in zip_longest(*ranked) for each in turn):
        if len(kept) == most:
            break
        kept.setdefault(_ids(each.flights), each)
    return sorted(kept.values(), key=_order)


def _order(each: Connection) -> tuple[Any, ...]:
    return each.minutes, each.lowest_fare(), each.flights[0].departs_at, _ids(each.flights)


def _offers(chain: Chain, live: Live, wanted: Wanted) -> dict[SeatClass, Offer]:
    """By class, where all flights have it and seats for all passengers."""
    offers = {}
    for seat_class in [wanted.seat_class] if wanted.seat_class else list(SeatClass):
        fares = [fare for flight in chain if (fare := flight.fare(seat_class)) is not None]
        left = min(_seats_left(flight, seat_class, live) for flight in chain)
        if len(fares) == len(chain) and left >= wanted.passengers:
            offers[seat_class] = Offer(sum(fares), left)
    return offers


def _seats_left(flight: Flight, seat_class: SeatClass, live: Live) -> int:
    return AIRCRAFT[flight.aircraft].capacity.get(seat_class, 0) - live[flight.id, seat_class]


def _ids(chain: Chain) -> tuple[int, ...]:
    return tuple(flight.id for flight in chain)


def _minutes(chain: Chain) -> int:
    """From the first departure to the last arrival."""
    return _whole_minutes(chain[-1].arrives_at - chain[0].departs_at)


def _whole_minutes(length: timedelta) -> int:
    return int(length.total_seconds()) // 60
