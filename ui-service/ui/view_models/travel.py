"""Flights and journeys as the pages show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ui.backend_client import Json
from ui.view_models.places import Place, place_from

DAY = gettext_lazy("D j M")
"in the letters of Django's date formats"


# Of CO₂ for one passenger and kilometre, and how many seats in economy one takes the floor of; the page
# `emissions` names the sources.
CO2_GRAMS = 90
CO2_SEATS = {"economy": 1, "business": 3, "first": 4}
KM_OF_A_MILE = 1.609344
FEW_SEATS = 9
MAX_FLIGHTS = 6
"of one trip"
# Least times between an arrival and the next departure: on the way, and before a return.
CHANGE, TURNAROUND = timedelta(minutes=45), timedelta(minutes=60)


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
    def day_mark(self) -> str:
        return day_mark(self.departs, self.arrives)

    def co2_kg(self, cabin: str) -> int:
        """For one passenger."""
        return round(self.miles * KM_OF_A_MILE * CO2_GRAMS * CO2_SEATS.get(cabin, 1) / 1000)


@dataclass(frozen=True)
class Layover:
    """A change of aircraft."""

    place: Place
    minutes: int


@dataclass(frozen=True)
class Journey:
    """One flight, or several with changes between them, in the cabin that was searched for."""

    flights: tuple[Flight, ...]
    cabin: str = "economy"
    passengers: int = 1
    chosen_fare: Decimal = Decimal(0)
    "for one passenger, of what was chosen before: prices are those of the whole trip"

    @property
    def origin(self) -> Place:
        return self.flights[0].origin

    @property
    def destination(self) -> Place:
        return self.flights[-1].destination

    @property
    def departs(self) -> datetime:
        return self.flights[0].departs

    @property
    def arrives(self) -> datetime:
        return self.flights[-1].arrives

    @property
    def minutes(self) -> int:
        """From the first departure to the last arrival."""
        if len(self.flights) == 1:
            return self.flights[0].minutes
        return _minutes(self.arrives - self.departs)

    @property
    def miles(self) -> int:
        return sum(flight.miles for flight in self.flights)

    @property
    def day_mark(self) -> str:
        return day_mark(self.departs, self.arrives)

    @property
    def co2_kg(self) -> int:
        """For one passenger."""
        return sum(flight.co2_kg(self.cabin) for flight in self.flights)

    @property
    def places(self) -> list[Place]:
        """In the order in which one comes through."""
        return [self.origin, *(flight.destination for flight in self.flights)]

    @property
    def layovers(self) -> list[Layover]:
        return [
            Layover(before.destination, _minutes(after.departs - before.arrives))
            for before, after in pairwise(self.flights)
        ]

    @property
    def numbers(self) -> str:
        return _(" and ").join(flight.number for flight in self.flights)

    @property
    def ids(self) -> list[int]:
        return [flight.id for flight in self.flights]

    @property
    def fare(self) -> Decimal | None:
        """For one passenger; None where a flight has no such cabin."""
        fares = [flight.fares.get(self.cabin) for flight in self.flights]
        return None if None in fares else sum((fare for fare in fares if fare is not None), Decimal(0))

    @property
    def left(self) -> int:
        return min(flight.free.get(self.cabin, 0) for flight in self.flights)

    @property
    def few_left(self) -> bool:
        return 0 < self.left <= FEW_SEATS

    @property
    def bookable(self) -> bool:
        on_sale = all(flight.on_sale for flight in self.flights)
        return self.fare is not None and self.left >= self.passengers and on_sale

    def is_closed(self, now: datetime) -> bool:
        return any(flight.is_closed(now) for flight in self.flights)

    @property
    def quote(self) -> "Quote":
        """Of the whole trip, in one booking."""
        fare = (self.fare or Decimal(0)) + self.chosen_fare
        return Quote(fare, self.passengers, self.flights[0].charges)


def ways(flights: Sequence[Flight]) -> list[Journey]:
    """The way there, and the way back where a trip ends at its start: parted at the longest stay."""
    if not flights:
        return []
    if len(flights) == 1 or flights[0].origin.code != flights[-1].destination.code:
        return [Journey(tuple(flights))]
    stays = [after.departs - before.arrives for before, after in pairwise(flights)]
    turn = stays.index(max(stays)) + 1
    return [Journey(tuple(flights[:turn])), Journey(tuple(flights[turn:]))]


def leg_names(flights: Sequence[Flight]) -> list[str]:
    """What each flight of a trip is called beside the others; empty for the only one."""
    parted = ways(flights)
    names = []
    for way, name in zip(parted, (_("outbound"), _("return")) if len(parted) > 1 else ("",), strict=True):
        many = len(way.flights)
        told = _("flight %(number)s of %(many)s")
        counted = [told % {"number": n, "many": many} if many > 1 else "" for n in range(1, many + 1)]
        names += [", ".join(filter(None, (name, each))) for each in counted]
    return names


def why_no_trip(flights: Sequence[Flight]) -> str:
    """Why flights cannot be flown one after the other, as a sentence; empty if they can."""
    parted = ways(flights)
    turns = parted[0].ids[-1] if len(parted) > 1 else None
    for before, after in pairwise(flights):
        if before.destination.code != after.origin.code:
            apart = _("Flight %(after)s does not leave from where flight %(before)s arrives.")
            return apart % {"after": after.number, "before": before.number}
        if after.departs < before.arrives + (TURNAROUND if before.id == turns else CHANGE):
            if before.id == turns:
                return _("The return leaves before you can be there.")
            return _("Flight %(number)s leaves before you can be there.") % {"number": after.number}
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


def day_mark(departs: datetime, arrives: datetime) -> str:
    """By how many calendar days it arrives later, such as "+1"; empty for the same day."""
    days = (arrives.date() - departs.date()).days
    return f"{days:+d}" if days else ""


def _minutes(length: timedelta) -> int:
    return int(length.total_seconds()) // 60


def day_name(moment: date) -> str:
    return date_format(moment, str(DAY))
