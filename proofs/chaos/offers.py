"""Which flights the load books: some with plenty of seats, and one small cabin for everybody."""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from operator import itemgetter

from proofs.chaos.desk import Body, Desk

DAYS_AHEAD = range(5, 58, 2)
FREE_BEFORE = timedelta(days=7)
"What is cancelled later than so long before its departure costs a fee."
LONGEST_TRIP = 6
ROUTES = ("origin=DFW&destination=ORD", "origin=LAX&destination=JFK", "origin=ORD&destination=DFW")
HOT_CLASS = "business"


class NoFlightsError(Exception):
    """The schedule has nothing to book."""


@dataclass(frozen=True)
class Offers:
    plenty: tuple[int, ...]
    hot: int
    "the flight with the smallest business cabin"
    trips: Mapping[int, tuple[tuple[int, ...], ...]] = field(default_factory=dict)
    "flights that can be flown one after the other, with plenty of seats, by their number"
    hot_trip: tuple[int, ...] = ()
    "the same, with the hot flight among them"
    soon: tuple[int, ...] = ()
    "flights of which a cancellation costs a fee"
    two_classes: tuple[int, ...] = ()
    "flights with plenty of seats and a business cabin, but for the hot one"


def find_offers(backend: str) -> Offers:
    desk = Desk(backend)
    plenty = [one for one in _search(desk, "economy") if one["bookable"]]
    cabins = [(_seats(one), one["id"], one) for one in _search(desk, HOT_CLASS) if _seats(one)]
    if not plenty or not cabins:
        raise NoFlightsError
    _, hot, smallest = min(cabins, key=lambda cabin: cabin[:2])
    cabin = {flight for _, flight, _ in cabins} - {hot}
    late = (datetime.now(UTC) + FREE_BEFORE).isoformat()
    return Offers(
        plenty=_ids(plenty),
        hot=hot,
        trips={flights: tuple(chains(plenty, flights)) for flights in range(2, LONGEST_TRIP + 1)},
        hot_trip=_trip_with(smallest, plenty),
        soon=_ids(one for one in plenty if one["departs_at"] < late),
        two_classes=_ids(one for one in plenty if one["id"] in cabin),
    )


def _ids(flights: Iterable[Body]) -> tuple[int, ...]:
    return tuple(sorted(one["id"] for one in flights))


def find_trip(backend: str, flights: int) -> tuple[int, ...]:
    """Flights that can be flown one after the other, with a business cabin each."""
    desk = Desk(backend)
    found = [one for one in _search(desk, HOT_CLASS) if _seats(one)]
    trip = next(chains(found, flights), None)
    if trip is None:
        raise NoFlightsError
    return trip


def chains(offers: Sequence[Body], flights: int) -> Iterator[tuple[int, ...]]:
    """Trips of so many flights, days apart: one of each part of the period, in the order flown."""
    ordered = sorted(offers, key=itemgetter("departs_at"))
    part = len(ordered) // flights
    parts = [ordered[number * part : (number + 1) * part] for number in range(flights)]
    for trip in zip(*parts, strict=True):
        if all(after["departs_at"] > before["arrives_at"] for before, after in pairwise(trip)):
            yield tuple(flight["id"] for flight in trip)


def _trip_with(hot: Body, plenty: Sequence[Body]) -> tuple[int, ...]:
    """With a flight before it where there is one, else with one after it."""
    before = [one["id"] for one in plenty if one["arrives_at"] < hot["departs_at"]]
    after = [one["id"] for one in plenty if one["departs_at"] > hot["arrives_at"]]
    return (before[0], hot["id"]) if before else (hot["id"], *after[:1])


def _search(desk: Desk, seat_class: str) -> Iterator[Body]:
    for days, route in product(DAYS_AHEAD, ROUTES):
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86_400))
        found = desk.get(f"/api/flights/search/?{route}&depart_date={day}&seat_class={seat_class}")
        yield from found.body["results"] if found and found.status == 200 else []


def _seats(offer: Body) -> int:
    found = (cabin["seats_left"] for cabin in offer["seat_classes"] if cabin["seat_class"] == HOT_CLASS)
    return int(next(found, 0))
