"""Places, flights and seats as the pages show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from ui.backend_client import Json

CABIN_NAMES = {"economy": "Economy", "business": "Business", "first": "First"}
# Every aircraft has this cabin.
EVERYWHERE = "economy"
CABIN_RULES = {
    "economy": ("Cabin bag", "Meal on flights over five hours", "Cancel before departure"),
    "business": ("Two checked bags", "Lounge and priority boarding", "Cancel before departure"),
    "first": ("Three checked bags", "Lounge, own suite", "Cancel before departure"),
}
FEW_SEATS = 9
# A usual minimum connecting time.
TURNAROUND = timedelta(minutes=60)


@dataclass(frozen=True)
class Place:
    code: str
    name: str
    city: str
    region: str
    country: str
    zone: str = ""
    served: bool = False

    @property
    def label(self) -> str:
        return f"{self.city or self.name} ({self.code})"


@dataclass(frozen=True)
class Flight:
    """Times are in each airport's own zone."""

    id: int
    number: str
    origin: Place
    destination: Place
    departs: datetime
    arrives: datetime
    minutes: int
    miles: int
    aircraft: str
    fares: Mapping[str, Decimal]
    free: Mapping[str, int]
    charges: Decimal = Decimal(0)
    "of a booking of this flight, as the backend quotes them"
    on_sale: bool = True
    sale_closes: datetime | None = None

    def is_closed(self, now: datetime) -> bool:
        """Sale is closed."""
        return self.sale_closes is not None and self.sale_closes <= now

    @property
    def days_later(self) -> int:
        return (self.arrives.date() - self.departs.date()).days

    @property
    def day_mark(self) -> str:
        return f"{self.days_later:+d}" if self.days_later else ""


@dataclass(frozen=True)
class Offer:
    """A flight in the cabin that was searched for."""

    flight: Flight
    cabin: str
    passengers: int

    @property
    def fare(self) -> Decimal | None:
        return self.flight.fares.get(self.cabin)

    @property
    def left(self) -> int:
        return self.flight.free.get(self.cabin, 0)

    @property
    def few_left(self) -> bool:
        return 0 < self.left <= FEW_SEATS

    @property
    def bookable(self) -> bool:
        return self.fare is not None and self.left >= self.passengers and self.flight.on_sale

    @property
    def quote(self) -> "Quote":
        return Quote(self.fare or Decimal(0), self.passengers, self.flight.charges)


def why_no_return(out: Flight, back: Flight) -> str:
    """Why two flights are no return trip, as a sentence; empty if they are one."""
    if (back.origin.code, back.destination.code) != (out.destination.code, out.origin.code):
        return "The second flight is not the way back of the first."
    if back.departs < out.arrives + TURNAROUND:
        return "The return leaves before you can be there."
    return ""


@dataclass(frozen=True)
class Quote:
    """The price and the miles of one booking."""

    fare_each: Decimal
    passengers: int
    charges: Decimal

    @property
    def base(self) -> Decimal:
        return self.fare_each * self.passengers

    @property
    def total(self) -> Decimal:
        return self.base + self.charges

    @property
    def miles(self) -> int:
        return int(self.base)


@dataclass(frozen=True)
class Seat:
    number: str
    cabin: str
    status: str
    position: str
    exit_row: bool

    @property
    def label(self) -> str:
        """The seat's text for screen readers."""
        exit_row = ", exit row" if self.exit_row else ""
        return f"Seat {self.number}, {self.position}{exit_row}, {CABIN_NAMES.get(self.cabin, self.cabin)}"


@dataclass(frozen=True)
class SeatRow:
    """Seats of one row, grouped between the aisles."""

    number: int
    exit_row: bool
    groups: tuple[tuple[Seat, ...], ...]


@dataclass(frozen=True)
class CabinMap:
    cabin: str
    letters: tuple[str, ...]
    rows: tuple[SeatRow, ...]

    @property
    def free(self) -> list[Seat]:
        seats = (seat for row in self.rows for group in row.groups for seat in group)
        return [seat for seat in seats if seat.status == "free"]

    @property
    def name(self) -> str:
        return CABIN_NAMES.get(self.cabin, self.cabin)


def cabin_maps(body: Json) -> list[CabinMap]:
    """The aircraft from the nose backwards, one map a class."""
    seats = {seat.number: seat for seat in map(seat_from, body["seats"])}
    return [_cabin_map(cabin, seats) for cabin in body["cabins"]]


def _cabin_map(cabin: Json, seats: Mapping[str, Seat]) -> CabinMap:
    rows = tuple(
        SeatRow(
            number=row,
            exit_row=row in cabin["exit_rows"],
            groups=tuple(tuple(seats[f"{row}{letter}"] for letter in group) for group in cabin["groups"]),
        )
        for row in cabin["rows"]
    )
    return CabinMap(cabin["seat_class"], tuple(cabin["groups"]), rows)


def seat_from(body: Json) -> Seat:
    return Seat(
        number=str(body["seat_number"]),
        cabin=str(body["seat_class"]),
        status=str(body["status"]),
        position=str(body.get("position", "")),
        exit_row=bool(body.get("exit_row")),
    )


def place_from(body: Json) -> Place:
    parts = {name: str(body.get(name) or "") for name in ("code", "name", "city", "region", "country")}
    return Place(**parts, zone=str(body.get("time_zone") or ""), served=bool(body.get("served")))


def flight_from(body: Json) -> Flight:
    """A flight from the JSON of search, flight or booking; a booking's has no fares."""
    classes = body.get("seat_classes") or []
    return Flight(
        id=int(body["id"]),
        number=str(body["flight_number"]),
        origin=place_from(body["origin"]),
        destination=place_from(body["destination"]),
        departs=datetime.fromisoformat(body["departs_local"]),
        arrives=datetime.fromisoformat(body["arrives_local"]),
        minutes=int(body["duration_minutes"]),
        miles=int(body["distance_miles"]),
        aircraft=str(body.get("aircraft_name") or body.get("aircraft") or ""),
        fares={each["seat_class"]: Decimal(each["fare"]) for each in classes if each["fare"] is not None},
        free={each["seat_class"]: int(each["seats_left"]) for each in classes},
        charges=Decimal(body["other_charges"]) if classes else Decimal(0),
        on_sale=bool(body.get("bookable", True)),
        sale_closes=datetime.fromisoformat(closes) if (closes := body.get("sale_closes_at")) else None,
    )


def zone_name(moment: datetime) -> str:
    """UTC offset of a local time, as a traveller reads it."""
    offset = moment.utcoffset() or timedelta()
    minutes = int(offset.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")


def day_name(moment: date) -> str:
    return f"{moment:%a} {moment.day} {moment:%b}"
