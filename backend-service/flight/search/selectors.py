"""Queries on airports, flights, fares and seats; one per function."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Case, Count, Min, Q, QuerySet, When
from django_sagas.database import fetch_all

from flight.models import UNRANKED, Airport, Flight
from flight.search.folding import fold
from flight.search.spelling import forgiven, mistakes

MAX_WORDS = 8
NEAREST_DAYS = 3
# Flights that a search for connections considers of each leg, the earliest first.
MOST_OF_A_SIDE = 1000
Period = tuple[datetime, datetime]


@dataclass(frozen=True)
class Route:
    """From any of some airports to any of others, each by its code."""

    origins: Mapping[str, Airport]
    destinations: Mapping[str, Airport]

    @property
    def codes(self) -> list[str]:
        return [*self.origins, *self.destinations]

    def ends(self) -> dict[str, list[str]]:
        """As a filter of flights."""
        return {"origin__in": list(self.origins), "destination__in": list(self.destinations)}


# Plain SQL: SQLite uses the partial index only if the states of its IN are in the text, not parameters.
LIVE_SEATS_BY_CLASS = """
    SELECT flight_id, seat_class, COUNT(*) FROM flight_seat
    WHERE state IN ('HELD', 'SOLD') AND flight_id IN ({places}) GROUP BY flight_id, seat_class"""
LIVE_SEATS = "SELECT seat_number, state FROM flight_seat WHERE state IN ('HELD', 'SOLD') AND flight_id = %s"


def find_places(text: str, *, limit: int) -> list[Airport]:
    """Airports where each typed word is a prefix of a word of code, city or name; without words the busiest.

    An exact code comes first, then the served airports by how busy they are, then cities that begin so.
    """
    typed = fold(text)
    found = Airport.objects.all()
    for word in typed.split()[:MAX_WORDS]:
        found = found.filter(search_words__contains=f" {word}")
    return list(
        found.order_by(
            _first(Q(iata=typed.upper())), "busy_rank", _first(Q(search_city__startswith=typed)), "name"
        )[:limit]
    )


def similar_places(text: str, *, limit: int) -> list[Airport]:
    """Served airports with a city or name in which words begin nearly as typed, the nearest first."""
    typed = fold(text)
    if not forgiven(typed):
        return []
    served = Airport.objects.filter(busy_rank__lt=UNRANKED).order_by("busy_rank")
    far = {each: min(mistakes(typed, name) for name in _beginnings(each)) for each in served}
    near = [each for each in far if far[each] <= forgiven(typed)]
    return sorted(near, key=far.__getitem__)[:limit]


def _beginnings(airport: Airport) -> set[str]:
    """City and name, and what is left of the name from each of its words on."""
    words = fold(airport.name).split()
    return {airport.search_city, *(" ".join(words[place:]) for place in range(len(words)))}


def _first(condition: Q) -> Case:
    return Case(When(condition, then=0), default=1)


def destinations(origins: Collection[str], *, now: datetime) -> list[Airport]:
    """The airports to which flights from any of `origins` are on sale, the busiest first."""
    flights = _on_sale(now, origin__in=list(origins))
    return list(Airport.objects.filter(pk__in=flights.values("destination")).order_by("busy_rank", "name"))


def airports(codes: Collection[str]) -> dict[str, Airport]:
    return Airport.objects.in_bulk(list(codes))


def flight_by_id(flight_id: int) -> Flight | None:
    """The flight without its airports, for a booking."""
    return Flight.objects.filter(pk=flight_id).first()


def flight_with_airports(flight_id: int) -> Flight | None:
    return Flight.objects.select_related("origin", "destination").filter(pk=flight_id).first()


def flights_on(*, route: Route, day: date, seat_class: str | None = None) -> list[Flight]:
    """The flights of one local day at the origin that have the class, earliest first, with their airports."""
    found = Flight.objects.filter(**route.ends(), departs_on=day)
    flights = list(_with_class(found, seat_class).order_by("departs_at", "id"))
    for flight in flights:
        flight.origin = route.origins[flight.origin_id]
        flight.destination = route.destinations[flight.destination_id]
    return flights


def flights_from(route: Route, *, day: date, now: datetime, seat_class: str | None) -> list[Flight]:
    """The flights on sale of one local day from a route's start to anywhere but its ends, earliest first."""
    found = _with_class(_on_sale(now, origin__in=list(route.origins), departs_on=day), seat_class)
    found = found.exclude(destination__in=route.codes).select_related("destination")
    flights = list(found.order_by("departs_at", "id")[:MOST_OF_A_SIDE])
    for flight in flights:
        flight.origin = route.origins[flight.origin_id]
    return flights


def flights_to(route: Route, *, between: Period, seat_class: str | None) -> list[Flight]:
    """The flights of a period to a route's end from anywhere but its ends, earliest first."""
    # Named, because the index begins with the origin.
    served = Airport.objects.filter(busy_rank__lt=UNRANKED).exclude(pk__in=route.codes).values("pk")
    found = _of_period(between, seat_class, origin__in=served, destination__in=list(route.destinations))
    flights = list(found.select_related("origin")[:MOST_OF_A_SIDE])
    for flight in flights:
        flight.destination = route.destinations[flight.destination_id]
    return flights


def flights_between(route: Route, *, between: Period, seat_class: str | None) -> list[Flight]:
    """The flights of a period, earliest first."""
    found = _of_period(between, seat_class, **route.ends())
    flights = list(found[:MOST_OF_A_SIDE])
    for flight in flights:
        flight.origin = route.origins[flight.origin_id]
        flight.destination = route.destinations[flight.destination_id]
    return flights


def _of_period(between: Period, seat_class: str | None, **where: Any) -> QuerySet[Flight]:
    first, last = between
    # The index holds local dates; one is at most a day from the date in UTC.
    days = first.date() - timedelta(days=1), last.date() + timedelta(days=1)
    found = Flight.objects.filter(departs_on__range=days, departs_at__range=between, **where)
    return _with_class(found, seat_class).order_by("departs_at", "id")


def live_seats(flight_ids: Sequence[int]) -> Counter[tuple[int, str]]:
    """How many seats are held or sold, by flight and class."""
    if not flight_ids:
        return Counter()
    places = ", ".join(["%s"] * len(flight_ids))
    rows = fetch_all(LIVE_SEATS_BY_CLASS.format(places=places), flight_ids)
    return Counter({(flight_id, seat_class): count for flight_id, seat_class, count in rows})


def seat_states(flight_id: int) -> dict[str, str]:
    """The state of each held or sold seat of a flight."""
    return dict(fetch_all(LIVE_SEATS, (flight_id,)))


def _on_sale(now: datetime, **where: object) -> QuerySet[Flight]:
    closing = now + timedelta(minutes=settings.SALE_CLOSES_MINUTES)
    return Flight.objects.filter(departs_at__gt=closing, **where)


def _with_class(flights: QuerySet[Flight], seat_class: str | None) -> QuerySet[Flight]:
    return flights.filter(**{f"{seat_class}_fare__isnull": False}) if seat_class else flights


def nearest_days(*, route: Route, day: date, now: datetime, seat_class: str | None = None) -> list[date]:
    """Up to three days before and three after that have flights on sale with the class. Two queries."""
    flights = _with_class(_on_sale(now, **route.ends()), seat_class)
    days = flights.values_list("departs_on", flat=True).distinct()
    before = days.filter(departs_on__lt=day).order_by("-departs_on")[:NEAREST_DAYS]
    after = days.filter(departs_on__gt=day).order_by("departs_on")[:NEAREST_DAYS]
    return [*reversed(before), *after]


@dataclass(frozen=True)
class DayFare:
    day: date
    lowest: int
    flights: int


def lowest_fares(
    *, route: Route, first: date, last: date, seat_class: str, now: datetime
) -> dict[date, DayFare]:
    """The lowest fare in cents of each local day that has flights on sale, whether or not seats are left."""
    fare = f"{seat_class}_fare"
    days = (
        _with_class(_on_sale(now, **route.ends(), departs_on__range=(first, last)), seat_class)
        .values("departs_on")
        .annotate(lowest=Min(fare), flights=Count("id"))
    )
    return {row["departs_on"]: DayFare(row["departs_on"], row["lowest"], row["flights"]) for row in days}


@dataclass(frozen=True)
class RouteFare:
    """The lowest fare between two airports, in cents, and the first day that has it."""

    origin: str
    destination: str
    day: date
    lowest: int


def lowest_of_routes(
    routes: Collection[tuple[str, str]], *, first: date, last: date, seat_class: str, now: datetime
) -> list[RouteFare]:
    """Of each route with flights on sale. One from an airport to nowhere stands for all from there."""
    wanted = Q()
    for origin, destination in routes:
        wanted |= Q(origin=origin, destination=destination) if destination else Q(origin=origin)
    flights = _with_class(_on_sale(now, departs_on__range=(first, last)).filter(wanted), seat_class)
    days = flights.values_list("origin", "destination", "departs_on").annotate(Min(f"{seat_class}_fare"))
    lowest: dict[tuple[str, str], RouteFare] = {}
    for each in sorted((RouteFare(*row) for row in days), key=lambda each: (each.lowest, each.day)):
        lowest.setdefault((each.origin, each.destination), each)
    return list(lowest.values())
