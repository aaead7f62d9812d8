"""What the reads take in their query strings, where all values are texts."""

import re
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

from django_sagas.clock import utc_now
from django_sagas.selectors import PAGE, Filters, read_cursor
from django_sagas.state import SagaStatus
from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator
from service_kit import rules
from service_kit.inputs import Input, number, one_of, text
from service_kit.problems import invalid
from service_kit.rules import TextRule

from flight import saga_search, selectors
from flight.aircraft import SeatClass
from flight.cities import airports_of
from flight.models import Airport
from flight.saga_requests import IDEMPOTENCY_KEY

DATE = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
REFERENCE = re.compile(r"[A-Z2-9]{6}")
AIRPORT_CODE = TextRule(3, "must be an airport's code of three letters", re.compile(r"[A-Za-z]{3}"))
A_BOOKING = TextRule(6, "is not a booking of this user", REFERENCE)
KEY = TextRule(200, "is not an Idempotency-Key", IDEMPOTENCY_KEY)
DEFINITION = TextRule(64, "must be the name of a definition", re.compile("[a-z0-9-]{1,64}"))
ID_PREFIX = TextRule(36, "must be 4 to 36 of 0-9 a-f -", re.compile("[0-9a-f-]{4,36}"))
SEARCH = rules.printable_text(200)
MAX_FARE_DAYS, MAX_ROUTES = 62, 12
ROUTE = re.compile("[A-Z]{3}(-[A-Z]{3})?")
MAX_SEQUENCE = 2**31 - 1


def _day(value: str) -> date:
    if DATE.fullmatch(value):
        with suppress(ValueError):
            return date.fromisoformat(value)
    raise ValueError("must be a date, YYYY-MM-DD")


def _moment(value: str) -> datetime:
    try:
        # An unescaped plus arrives as a space.
        moment = datetime.fromisoformat(value.replace(" ", "+"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("must be an ISO 8601 date and time") from error


def _flag(value: str) -> bool:
    if value.lower() not in ("true", "false", "1", "0"):
        raise ValueError("must be true or false")
    return value.lower() in ("true", "1")


Code = Annotated[str, *text(AIRPORT_CODE), AfterValidator(str.upper)]
Day = Annotated[date, PlainValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
AnyClass = Annotated[
    SeatClass | None, *one_of(["", *SeatClass]), AfterValidator(lambda chosen: chosen or None)
]
Reference = Annotated[str | None, *text(A_BOOKING), Field(description="a booking reference")]


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


class Tickets(Input):
    before: Reference = None


class Trips(Input):
    time: Annotated[str, *one_of(["", *selectors.TIMES])] = ""
    after: Reference = None


class Events(Input):
    after: Annotated[int, *number(0, MAX_SEQUENCE)] = 0


Moment = Annotated[
    datetime | None, PlainValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]


class Sagas(Input):
    status: Annotated[str | None, *one_of(SagaStatus.values)] = None
    needs_attention: Annotated[bool | None, PlainValidator(_flag), WithJsonSchema({"type": "boolean"})] = None
    user_id: Annotated[str | None, *text(rules.USER)] = None
    idempotency_key: Annotated[
        str | None,
        *text(KEY),
        Field(description="what became of a start-booking sent with this key; needs `user_id`"),
    ] = None
    definition: Annotated[
        str | None,
        *text(DEFINITION),
        Field(description="such as settle-trip; without it those that callers begin, and of open ones all"),
    ] = None
    id_prefix: Annotated[str | None, *text(ID_PREFIX), Field(description="of the id")] = None
    q: Annotated[
        str,
        *text(SEARCH),
        Field(description="a ticket, a flight (ZZ1234 or ZZ1234 2026-12-04), a name or a mail address"),
    ] = ""
    attention_reason: Annotated[str, *text(SEARCH), Field(description="why the saga is stuck")] = ""
    created_after: Moment = None
    created_before: Moment = None
    limit: Annotated[int, *number(1, 200)] = PAGE
    cursor: Annotated[
        tuple[datetime, str] | None,
        PlainValidator(read_cursor),
        WithJsonSchema({"type": "string"}),
        Field(description="of the page before, in its `next`"),
    ] = None

    def filters(self) -> Filters:
        if self.idempotency_key and not self.user_id:
            raise invalid({"user_id": "is required with idempotency_key"})
        others = self.model_dump(exclude={"cursor", "user_id", "q"})
        found = saga_search.find(self.q, now=utc_now()) if self.q else None
        return Filters(**others, subject=self.user_id, after=self.cursor, ids=found)


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
