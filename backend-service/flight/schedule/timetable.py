"""The timetable, and the dated flights that it makes: pure functions of the network and a date."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice
from zlib import crc32
from zoneinfo import ZoneInfo

from service_kit.money import CENT, to_cents

from flight.aircraft import AIRCRAFT, AircraftType, SeatClass
from flight.schedule.airports import Place
from flight.schedule.network import AIRLINE, ROUTES

EARTH_RADIUS_MILES = 3958.8
TAXI_AND_CLIMB_MINUTES = 40
FIRST_FLIGHT_NUMBER = 101

# Aircraft types by distance; several types share a distance.
FLEET: list[tuple[int, tuple[str, ...]]] = [
    (600, ("E195-E2", "A320-200")),
    (1600, ("A320-200", "737-800")),
    (2900, ("737-800", "A320-200", "787-9")),
    (5500, ("787-9", "A350-900")),
    (8000, ("777-300ER", "A350-900")),
    (8700, ("787-9", "A350-900")),
    (9300, ("A350-900",)),
]

DEPARTURE_TIMES = [time(minutes // 60, minutes % 60) for minutes in range(6 * 60, 22 * 60 + 31, 5)]
EARLIEST_ARRIVAL, LATEST_ARRIVAL = time(5, 30), time(23, 30)
# Arrival hours are computed for one day, so that a line keeps its time all year.
REFERENCE_DAY = date(2024, 1, 10)

# Economy: a base and a rate per mile that falls with the distance; dollars.
BASE_FARE = Decimal(45)
RATES = [(500, Decimal("0.16")), (1500, Decimal("0.10")), (99_999, Decimal("0.062"))]
CABIN_FARES = {
    SeatClass.BUSINESS: (Decimal("2.6"), Decimal(90)),
    SeatClass.FIRST: (Decimal("4.5"), Decimal(150)),
}
WEEKDAYS = [Decimal(f) for f in ("1.04", "0.92", "0.92", "1.00", "1.15", "0.97", "1.12")]
PEAK, OFF_PEAK = Decimal("1.08"), Decimal("0.90")

PERMANENT_DAYS = 3650
FEATURED = 100
FEATURED_LINES = 25
# Days from today on which every departure is 7 to 60 days ahead in any time zone.
FEATURED_DAYS = range(9, 59)


@dataclass(frozen=True)
class Line:
    """One flight number of the timetable, flown every day at the same local time."""

    flight_number: str
    origin: Place
    destination: Place
    distance_miles: int
    duration_minutes: int
    aircraft: AircraftType
    departs: time


@dataclass(frozen=True)
class DatedFlight:
    """The fields of a flight's row, money in cents."""

    flight_number: str
    origin_id: str
    destination_id: str
    departs_on: date
    departs_at: datetime
    arrives_at: datetime
    distance_miles: int
    duration_minutes: int
    aircraft: str
    economy_fare: int
    business_fare: int
    first_fare: int | None


def great_circle_miles(a: Place, b: Place) -> int:
    """Statute miles by the haversine formula."""
    lat_a, lat_b = math.radians(a.latitude), math.radians(b.latitude)
    half_lat, half_lon = (lat_b - lat_a) / 2, math.radians(b.longitude - a.longitude) / 2
    h = math.sin(half_lat) ** 2 + math.cos(lat_a) * math.cos(lat_b) * math.sin(half_lon) ** 2
    return round(2 * EARTH_RADIUS_MILES * math.asin(math.sqrt(h)))


def block_minutes(distance_miles: int, aircraft: AircraftType) -> int:
    """Gate to gate, to five minutes."""
    minutes = TAXI_AND_CLIMB_MINUTES + distance_miles / aircraft.cruise_mph * 60
    return 5 * round(minutes / 5)


def aircraft_for(distance_miles: int, number: int) -> AircraftType:
    """A type that fits the distance; consecutive round trips of one distance get different ones."""
    codes = next(codes for most, codes in FLEET if distance_miles <= most)
    return AIRCRAFT[codes[number // 2 % len(codes)]]


def lines(places: Mapping[str, Place]) -> list[Line]:
    """Every line in the order of its number: out with an odd number, back with the next."""
    lines: list[Line] = []
    for origin, destination, round_trips in ROUTES:
        for trip in range(round_trips):
            for a, b in ((origin, destination), (destination, origin)):
                number = FIRST_FLIGHT_NUMBER + len(lines)
                lines.append(_line(number, places[a], places[b], (trip, round_trips)))
    return lines


def _line(number: int, origin: Place, destination: Place, share: tuple[int, int]) -> Line:
    distance = great_circle_miles(origin, destination)
    aircraft = aircraft_for(distance, number - FIRST_FLIGHT_NUMBER)
    duration = block_minutes(distance, aircraft)
    return Line(
        flight_number=f"{AIRLINE}{number}",
        origin=origin,
        destination=destination,
        distance_miles=distance,
        duration_minutes=duration,
        aircraft=aircraft,
        departs=_departure_time(origin, destination, duration, share),
    )


def _departure_time(origin: Place, destination: Place, duration: int, share: tuple[int, int]) -> time:
    """A daytime departure, spread evenly over the day's trips and shifted a little by route."""
    arrival_zone = ZoneInfo(destination.time_zone)
    sensible = [
        departs
        for departs in DEPARTURE_TIMES
        if EARLIEST_ARRIVAL
        <= (_moment(REFERENCE_DAY, departs, origin) + timedelta(minutes=duration))
        .astimezone(arrival_zone)
        .time()
        <= LATEST_ARRIVAL
    ]
    trip, trips = share
    middle = (2 * trip + 1) * len(sensible) // (2 * trips)
    most = len(sensible) // (2 * trips)
    shift = crc32(f"{origin.iata}{destination.iata}".encode()) % (2 * most) - most if most else 0
    return sensible[min(max(middle + shift, 0), len(sensible) - 1)]


def _moment(day: date, local: time, place: Place) -> datetime:
    return datetime.combine(day, local, tzinfo=ZoneInfo(place.time_zone)).astimezone(UTC)


def economy_fare(line: Line, day: date) -> Decimal:
    """Dollars and cents for one passenger."""
    fare, flown = BASE_FARE, 0
    for until, rate in RATES:
        fare += rate * max(0, min(line.distance_miles, until) - flown)
        flown = until
    demand = WEEKDAYS[day.weekday()] * _hour_factor(line.departs.hour)
    return (fare * demand).quantize(CENT, rounding=ROUND_HALF_UP)


def _hour_factor(hour: int) -> Decimal:
    if hour in (7, 8, 16, 17, 18):
        return PEAK
    return OFF_PEAK if hour < 7 or hour >= 20 else Decimal(1)


def cabin_fare(economy: Decimal, seat_class: SeatClass) -> int:
    """Cents."""
    times, plus = CABIN_FARES[seat_class]
    return to_cents((economy * times + plus).quantize(CENT, rounding=ROUND_HALF_UP))


def fly(line: Line, day: date) -> DatedFlight:
    """The line's flight that leaves on `day`, by the origin's calendar."""
    departs_at = _moment(day, line.departs, line.origin)
    economy = economy_fare(line, day)
    has_first = SeatClass.FIRST in line.aircraft.capacity
    return DatedFlight(
        flight_number=line.flight_number,
        origin_id=line.origin.iata,
        destination_id=line.destination.iata,
        departs_on=day,
        departs_at=departs_at,
        arrives_at=departs_at + timedelta(minutes=line.duration_minutes),
        distance_miles=line.distance_miles,
        duration_minutes=line.duration_minutes,
        aircraft=line.aircraft.code,
        economy_fare=to_cents(economy),
        business_fare=cabin_fare(economy, SeatClass.BUSINESS),
        first_fare=cabin_fare(economy, SeatClass.FIRST) if has_first else None,
    )


def always_for_sale(lines: Sequence[Line], today: date) -> tuple[Line, date]:
    """The first flight, with id 1: examples and scripts can book it for years."""
    return lines[0], today + timedelta(days=PERMANENT_DAYS)


def creation_order(lines: Sequence[Line], today: date, days: int) -> Iterator[tuple[Line, date]]:
    """Every line on every day from today to `days` ahead, in the order in which ids are given.

    The first hundred depart 7 to 60 days ahead, so that they stay open for sale for weeks.
    """
    featured = list(islice(_featured(lines, today, days), FEATURED))
    yield from featured
    first = {(line.flight_number, day) for line, day in featured}
    for offset in range(days + 1):
        day = today + timedelta(days=offset)
        yield from ((line, day) for line in lines if (line.flight_number, day) not in first)


def _featured(lines: Sequence[Line], today: date, days: int) -> Iterator[tuple[Line, date]]:
    month_ahead_first = sorted(FEATURED_DAYS, key=lambda offset: abs(offset - 30))
    for offset in month_ahead_first:
        if offset <= days:
            yield from ((line, today + timedelta(days=offset)) for line in lines[:FEATURED_LINES])
