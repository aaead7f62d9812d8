"""Reads of places, flights and fares."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.utils.translation import gettext as _

from ui.backend_client import Json, NotFound, get
from ui.selectors import NOBODY
from ui.view_models import cabins, travel
from ui.view_models.places import City, Place, UnclearPlace, city_from, nearest_first, place_from

LABELLED_CODE = re.compile(r"\(([A-Z]{3})\)\s*\Z")
STRIP_DAYS = 3
MOST_FARE_DAYS = timedelta(days=61)
"after the first, of one answer"
# Of the prices of ideas: not so soon that nobody could go.
SOON = timedelta(days=5), timedelta(days=35)
# More than the number of served airports.
MOST_PLACES = 99
FIRST_PLACES = 12
NEAR_PLACES = 6
_codes: set[str] = set()


@dataclass(frozen=True)
class FoundPlaces:
    """`similar`: none is called as typed, and these nearly are."""

    places: list[Place]
    cities: list[City]
    similar: bool = False

    @property
    def served(self) -> list[Place]:
        return [place for place in self.places if place.served]

    @property
    def only_city(self) -> City | None:
        """The city that holds every served place that was found."""
        codes = {place.code for place in self.served}
        return next((city for city in self.cities if codes <= {*city.airports}), None)


def find_places(text: str, *, limit: int = 8) -> FoundPlaces:
    found = get("backend", "/api/places/search/", actor=NOBODY, query={"q": text[:100], "limit": limit})
    return FoundPlaces(
        places=[place_from(each) for each in found["results"]],
        cities=[city_from(each) for each in found.get("cities", [])],
        similar=bool(found.get("similar")),
    )


def served_places(*, limit: int = MOST_PLACES) -> list[Place]:
    """The served airports, the busiest first."""
    return find_places("", limit=limit).served


def destinations(origin: str) -> list[Place]:
    """Destinations from an airport, the busiest first."""
    found = get("backend", "/api/places/destinations/", actor=NOBODY, query={"origin": origin})
    return [place_from(each) for each in found["results"]]


def airport_code(typed: str) -> str:
    """The code of the input for a place: an exact one, or that of the only served city or airport so called.

    Raises UnclearPlace otherwise. Whether a labelled code exists is not checked here.
    """
    typed = typed.strip()
    if match := LABELLED_CODE.search(typed):
        return match[1]
    if typed.upper() in _codes:
        return typed.upper()
    found = find_places(typed)
    exact = [place for place in found.places if place.code == typed.upper()]
    if exact:
        # Known airports are cached: two calls less for most searches.
        _codes.add(exact[0].code)
        return exact[0].code
    if city := found.only_city:
        return city.code
    served = found.served
    if len(served) == 1:
        return served[0].code
    if served:
        raise UnclearPlace(_("Which one?"), [*found.cities, *served])
    if not found.places:
        near = served_places(limit=FIRST_PLACES)
        raise UnclearPlace(_("We know no airport of this name. Some places that we do fly to:"), near)
    near = nearest_first(served_places(), found.places[0])[:NEAR_PLACES]
    none = _("We do not fly to %(place)s. The nearest places that we do fly to:")
    raise UnclearPlace(none % {"place": found.places[0].label}, near)


@dataclass(frozen=True)
class Results:
    """Direct flights first, then connections. `flown`: whether one can get there at all, in any cabin."""

    offers: list[travel.Journey]
    nearest: list[date]
    flown: bool


def flights(
    *,
    origin: str,
    destination: str,
    day: date,
    cabin: str,
    passengers: int,
    chosen_fare: Decimal = Decimal(0),
) -> Results:
    """`chosen_fare`: of the way out, if these are ways back; the prices are then those of both."""
    query = {"origin": origin, "destination": destination, "depart_date": day.isoformat()}
    query["passengers"] = str(passengers)
    found = _flights({**query, "seat_class": cabin})
    offers = [
        travel.Journey(tuple(map(travel.flight_from, told)), cabin, passengers, chosen_fare)
        for told in _journeys(found)
    ]
    nearest = [date.fromisoformat(each) for each in found.get("nearest_dates", [])]
    flown = bool(offers or nearest)
    if not flown and cabin != cabins.EVERYWHERE:
        found = _flights({**query, "seat_class": cabins.EVERYWHERE})
        flown = bool(_journeys(found) or found.get("nearest_dates"))
    return Results(offers, nearest, flown)


def _journeys(found: Json) -> list[list[Json]]:
    """The flights of each journey."""
    direct = [[each] for each in found["results"]]
    return direct + [each["flights"] for each in found.get("connections") or []]


def _flights(query: Mapping[str, str]) -> Json:
    return get("backend", "/api/flights/search/", actor=NOBODY, query=query)


@dataclass(frozen=True)
class Fares:
    """The lowest fare of each day that has one, for one passenger, and the charges of a booking."""

    days: list[date]
    lowest: Mapping[date, Decimal]
    charges: Decimal

    def total(self, day: date, *, passengers: int, chosen_fare: Decimal = Decimal(0)) -> Decimal | None:
        """For all passengers, charges included; with the fare of a way out that is chosen already."""
        fare = self.lowest.get(day)
        return None if fare is None else travel.Quote(fare + chosen_fare, passengers, self.charges).total


def fares(*, origin: str, destination: str, first: date, last: date, cabin: str) -> Fares:
    query = {"origin": origin, "destination": destination, "from": first.isoformat(), "to": last.isoformat()}
    found = get("backend", "/api/flights/fares/", actor=NOBODY, query={**query, "seat_class": cabin})
    told = {date.fromisoformat(each["date"]): each["lowest_fare"] for each in found["days"]}
    lowest = {day: Decimal(fare) for day, fare in told.items() if fare is not None}
    return Fares(list(told), lowest, Decimal(found["other_charges"]))


@dataclass(frozen=True)
class DayPrice:
    """The lowest total of a day, for all passengers and with charges."""

    day: date
    lowest: Decimal | None
    cheapest: bool = False


def fare_strip(
    *,
    origin: str,
    destination: str,
    day: date,
    cabin: str,
    passengers: int,
    first: date,
    chosen_fare: Decimal = Decimal(0),
) -> list[DayPrice]:
    """The lowest total of each day from `first` on; with the fare of a way out that is chosen already."""
    first = max(first, day - timedelta(days=STRIP_DAYS))
    last = first + timedelta(days=2 * STRIP_DAYS)
    found = fares(origin=origin, destination=destination, first=first, last=last, cabin=cabin)
    totals = {each: found.total(each, passengers=passengers, chosen_fare=chosen_fare) for each in found.days}
    lowest = min((total for total in totals.values() if total is not None), default=None)
    return [DayPrice(each, total, total is not None and total == lowest) for each, total in totals.items()]


@dataclass(frozen=True)
class RoutePrice:
    """The lowest total of a route for one passenger in economy, and the first day that has it."""

    day: date
    total: Decimal


def lowest_prices(routes: str, *, today: date) -> dict[tuple[str, str], RoutePrice]:
    """In the next weeks, the cheapest first; of routes such as "DFW-ORD,SIN", as the backend takes them."""
    days = {"from": (today + SOON[0]).isoformat(), "to": (today + SOON[1]).isoformat()}
    found = get("backend", "/api/flights/lowest/", actor=NOBODY, query={"routes": routes, **days})
    return {
        (each["origin"], each["destination"]): RoutePrice(
            date.fromisoformat(each["date"]), Decimal(each["lowest_total"])
        )
        for each in found["results"]
    }


def flight_told(flight_id: int) -> Json:
    """A flight as the backend's JSON, which can be stored."""
    return get("backend", f"/api/flights/{flight_id}/", actor=NOBODY)


def flight(flight_id: int) -> travel.Flight:
    return travel.flight_from(flight_told(flight_id))


def flight_if_any(flight_id: int) -> travel.Flight | None:
    try:
        return flight(flight_id)
    except NotFound:
        return None


def seat_map(flight_id: int) -> list[cabins.CabinMap]:
    return cabins.cabin_maps(get("backend", f"/api/flights/{flight_id}/seats/", actor=NOBODY))
