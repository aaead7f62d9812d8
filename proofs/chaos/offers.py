"""Which flights the load books: some with plenty of seats, and one small cabin for everybody."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from proofs.chaos.desk import Body, Desk

DAYS_AHEAD = range(5, 58, 2)
ROUTES = ("origin=DFW&destination=ORD", "origin=LAX&destination=JFK", "origin=ORD&destination=DFW")
HOT_CLASS = "business"


class NoFlightsError(Exception):
    """The schedule has nothing to book."""


@dataclass(frozen=True)
class Offers:
    plenty: tuple[int, ...]
    hot: int
    "the flight with the smallest business cabin"


def find_offers(backend: str) -> Offers:
    desk = Desk(backend)
    plenty = [one["id"] for one in _search(desk, "economy") if one["bookable"]]
    cabins = [(_seats(one), one["id"]) for one in _search(desk, HOT_CLASS) if _seats(one)]
    if not plenty or not cabins:
        raise NoFlightsError
    return Offers(tuple(sorted(plenty)), min(cabins)[1])


def _search(desk: Desk, seat_class: str) -> Iterator[Body]:
    for days, route in product(DAYS_AHEAD, ROUTES):
        day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * 86_400))
        found = desk.get(f"/api/flights/search/?{route}&depart_date={day}&seat_class={seat_class}")
        yield from found.body["results"] if found and found.status == 200 else []


def _seats(offer: Body) -> int:
    found = (cabin["seats_left"] for cabin in offer["seat_classes"] if cabin["seat_class"] == HOT_CLASS)
    return int(next(found, 0))
