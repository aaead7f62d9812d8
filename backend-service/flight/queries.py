"""Query parameters of the searches, validated; every bad field is named."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from service_kit.fields import Fields

from flight import selectors
from flight.aircraft import SeatClass
from flight.models import Airport

CODE = re.compile(r"[A-Za-z]{3}")
CODE_RULE = "must be an airport's code of three letters"
DATE = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
PASSENGERS = re.compile(r"[1-9]")
LIMIT = re.compile(r"[1-9][0-9]?")
MAX_TEXT = 100
MAX_FARE_DAYS = 62


@dataclass(frozen=True)
class PlaceSearch:
    text: str
    limit: int


@dataclass(frozen=True)
class Route:
    origin: Airport
    destination: Airport


@dataclass(frozen=True)
class FlightSearch:
    """`seat_class` is None for any."""

    route: Route
    day: date
    seat_class: SeatClass | None
    passengers: int


@dataclass(frozen=True)
class FareSearch:
    route: Route
    first: date
    last: date
    seat_class: SeatClass

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=offset) for offset in range((self.last - self.first).days + 1)]


def read_place_search(parameters: Mapping[str, str]) -> PlaceSearch:
    fields, text = Fields(parameters), parameters.get("q", "")
    if len(text) > MAX_TEXT:
        fields.fail("q", f"must be text of at most {MAX_TEXT} characters")
    limit = fields.matching("limit", LIMIT, "must be a number from 1 to 99", default="10")
    fields.check()
    return PlaceSearch(text, int(limit))


def read_origin(parameters: Mapping[str, str]) -> Airport:
    fields = Fields(parameters)
    code = fields.matching("origin", CODE, CODE_RULE).upper()
    fields.check()
    return _airports(fields, origin=code)["origin"]


def read_flight_search(parameters: Mapping[str, str]) -> FlightSearch:
    """An empty seat class, as a form sends it, is any."""
    fields = Fields({name: text for name, text in parameters.items() if (name, text) != ("seat_class", "")})
    codes, day = _codes(fields), _date(fields, "depart_date")
    seat_class = fields.choice("seat_class", SeatClass.values, default="")
    passengers = fields.matching("passengers", PASSENGERS, "must be a number from 1 to 9", default="1")
    fields.check()
    return FlightSearch(
        route=_route(fields, *codes),
        day=day,
        seat_class=SeatClass(seat_class) if seat_class else None,
        passengers=int(passengers),
    )


def read_fare_search(parameters: Mapping[str, str]) -> FareSearch:
    fields = Fields(parameters)
    codes, first, last = _codes(fields), _date(fields, "from"), _date(fields, "to")
    seat_class = fields.choice("seat_class", SeatClass.values, default=SeatClass.ECONOMY)
    if not fields.errors and not 0 <= (last - first).days < MAX_FARE_DAYS:
        fields.fail("to", f"must be a day from `from` on, at most {MAX_FARE_DAYS} days in all")
    fields.check()
    return FareSearch(route=_route(fields, *codes), first=first, last=last, seat_class=SeatClass(seat_class))


@dataclass(frozen=True)
class TripSearch:
    """`time` is empty for any; `after` is the last booking of the page before."""

    time: str
    after: str | None


def read_trips(parameters: Mapping[str, str]) -> TripSearch:
    fields = Fields({name: text for name, text in parameters.items() if (name, text) != ("time", "")})
    time = fields.choice("time", selectors.TIMES, default="")
    fields.check()
    return TripSearch(time, parameters.get("after"))


def _codes(fields: Fields) -> tuple[str, str]:
    origin = fields.matching("origin", CODE, CODE_RULE).upper()
    destination = fields.matching("destination", CODE, CODE_RULE).upper()
    if origin and origin == destination:
        fields.fail("destination", "must not be the origin")
    return origin, destination


def _date(fields: Fields, name: str) -> date:
    text = fields.matching(name, DATE, "must be a date, YYYY-MM-DD")
    try:
        return date.fromisoformat(text)
    except ValueError:
        fields.fail(name, "must be a date, YYYY-MM-DD")
        return date.min


def _route(fields: Fields, origin: str, destination: str) -> Route:
    return Route(**_airports(fields, origin=origin, destination=destination))


def _airports(fields: Fields, **codes: str) -> dict[str, Airport]:
    """The airport of each field's code."""
    known = selectors.airports(list(codes.values()))
    for name, code in codes.items():
        if code not in known:
            fields.fail(name, f"{code} is not the code of an airport")
    fields.check()
    return {name: known[code] for name, code in codes.items()}
