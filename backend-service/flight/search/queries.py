"""What a search takes in its query string, where all values are texts."""

import re
from contextlib import suppress
from datetime import date, timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator
from service_kit.inputs import Input, number, one_of, text
from service_kit.problems import invalid
from service_kit.rules import TextRule

from flight.aircraft import SeatClass
from flight.models import Airport
from flight.search import selectors
from flight.search.cities import airports_of

DATE = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
AIRPORT_CODE = TextRule(3, "must be an airport's code of three letters", re.compile(r"[A-Za-z]{3}"))
MAX_FARE_DAYS, MAX_ROUTES = 62, 12
ROUTE = re.compile("[A-Z]{3}(-[A-Z]{3})?")


def _day(value: str) -> date:
    if DATE.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError("must be a date, YYYY-MM-DD")


Code = Annotated[str, *text(AIRPORT_CODE), AfterValidator(str.upper)]
Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
AnyClass = Annotated[
    SeatClass | None, *one_of(["", *SeatClass]), AfterValidator(lambda chosen: chosen or None)
]


class Places(Input):
    q: Annotated[str, Field(max_length=100)] = ""
    limit: Annotated[int, *number(1, 99)] = 10


class Departure(Input):
    origin: Code


class Route(Departure):
    destination: Code

    @field_validator("destination")
    @classmethod
    def _is_another(cls, destination: str, info: ValidationInfo) -> str:
        if destination == info.data.get("origin"):
            raise ValueError("must not be the origin")
        return destination


class Search(Route):
    depart_date: Day
    seat_class: AnyClass = None
    passengers: Annotated[int, *number(1, 9)] = 1


def _is_near(last: date, info: ValidationInfo) -> date:
    if not 0 <= (last - info.data.get("first", last)).days < MAX_FARE_DAYS:
        raise ValueError(f"must be a day from `from` on, at most {MAX_FARE_DAYS} days in all")
    return last


def _routes(value: str) -> tuple[tuple[str, str], ...]:
    found = value.upper().split(",")
    if len(found) > MAX_ROUTES or not all(map(ROUTE.fullmatch, found)):
        raise ValueError(f"must be 1 to {MAX_ROUTES} routes such as DFW-ORD, or DFW for all from there")
    return tuple((each[:3], each[4:]) for each in found)


FirstDay = Annotated[Day, Field(alias="from")]
LastDay = Annotated[Day, Field(alias="to"), AfterValidator(_is_near)]
OneClass = Annotated[SeatClass, *one_of(SeatClass)]


class Fares(Route):
    first: FirstDay
    last: LastDay
    seat_class: OneClass = SeatClass.ECONOMY

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=offset) for offset in range((self.last - self.first).days + 1)]


class Lowest(Input):
    routes: Annotated[
        tuple[tuple[str, str], ...],
        PlainValidator(_routes),
        WithJsonSchema({"type": "string", "example": "DFW-ORD,SIN"}),
        Field(description="with commas between; without a destination all from there"),
    ]
    first: FirstDay
    last: LastDay
    seat_class: OneClass = SeatClass.ECONOMY


def airports(**codes: str) -> list[dict[str, Airport]]:
    """The airports of each field's code, which may be a city's. Raises a 400 that names every unknown one."""
    known = selectors.airports({code for each in codes.values() for code in airports_of(each)})
    found = {
        name: {code: known[code] for code in airports_of(each) if code in known}
        for name, each in codes.items()
    }
    if unknown := {name: codes[name] for name, those in found.items() if not those}:
        raise invalid({name: f"{code} is not the code of an airport" for name, code in unknown.items()})
    return list(found.values())


def route(asked: Route) -> selectors.Route:
    origins, destinations = airports(origin=asked.origin, destination=asked.destination)
    if origins.keys() & destinations.keys():
        raise invalid({"destination": "must not be the origin"})
    return selectors.Route(origins, destinations)
