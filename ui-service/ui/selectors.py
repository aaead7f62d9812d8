"""Reads of the other services."""

import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache, partial
from typing import TypeVar

from django.utils.translation import gettext as _
from django_sagas.clock import utc_now

from ui.backend_client import Actor, Json, NotFound, ServiceTrouble, call, get, post
from ui.view_models import bookings, cabins, sagas, travel
from ui.view_models.places import City, Place, UnclearPlace, city_from, nearest_first, place_from

NOBODY = Actor("")
BOOKING_SAGA = "book-trip"
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
NEWEST = 50
GATEWAY_SECONDS = 60.0
QUICK_SECONDS = 0.5
"for optional parts of a page"

T = TypeVar("T")
_codes: set[str] = set()


def booking_steps() -> list[Json]:
    """The steps of a booking's saga, as the backend declares them."""
    return next((saga["steps"] for saga in declared_sagas() if saga["name"] == BOOKING_SAGA), [])


def declared_sagas() -> list[Json]:
    """All sagas with their steps, as the backend declares them."""
    declared: list[Json] = get("backend", "/api/saga/definitions/", actor=NOBODY)["results"]
    return declared


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


def booking(reference: str, *, actor: Actor) -> bookings.Booking:
    return bookings.booking_from(get("backend", f"/api/bookings/{reference}/", actor=actor))


def cancel_quote(reference: str, *, actor: Actor) -> bookings.CancelQuote:
    """Raises Rejected, with the reason, for a booking that cannot be cancelled."""
    return bookings.cancel_quote_from(get("backend", f"/api/bookings/{reference}/cancel-quote/", actor=actor))


def find_booking(reference: str, surname: str) -> bookings.Booking | None:
    """The booking with that reference and a passenger of that last name, for an anonymous visitor."""
    asked = {"booking_reference": reference, "surname": surname}
    try:
        return bookings.booking_from(post("/api/bookings/find/", actor=NOBODY, body=asked).body)
    except NotFound:
        return None


def bookings_of(actor: Actor, *, before: str = "") -> tuple[list[bookings.Booking], str]:
    """A traveller's bookings, newest first, and the reference after which more follow, or none.

    The first page includes bookings made as a guest.
    """
    if not actor.user_id:
        return [], ""
    found = get("backend", f"/api/tickets/user/{actor.user_id}/", actor=actor, query={"before": before})
    shown = [bookings.booking_from(each) for each in found["results"]]
    more = shown[-1].reference if found.get("next") and shown else ""
    for guest in () if before else actor.also:
        earlier = get("backend", f"/api/tickets/user/{guest}/", actor=actor)["results"]
        shown += [bookings.booking_from(each) for each in earlier]
    return shown, more


@dataclass(frozen=True)
class Trips:
    """One page of a traveller's trips; `more` is the last one if others follow."""

    shown: list[bookings.Booking]
    counts: Mapping[str, int]
    more: str


def trips_of(actor: Actor, *, time: str, after: str) -> Trips:
    """By departure: the soonest first, then past and cancelled ones, the latest first.

    The first page includes trips booked as a guest.
    """
    if not actor.user_id:
        return Trips([], {}, "")
    found, *earlier = [
        get("backend", f"/api/tickets/user/{each}/trips/", actor=actor, query=query)
        for each, query in [
            (actor.user_id, {"time": time, "after": after}),
            *((guest, {"time": time}) for guest in actor.also),
        ]
    ]
    shown = [bookings.booking_from(each) for each in found["results"]]
    more = shown[-1].reference if found["next"] and shown else ""
    if earlier and not after:
        shown += [bookings.booking_from(each) for page in earlier for each in page["results"]]
        shown.sort(key=partial(_by_departure, utc_now()))
    counts = sum((Counter(page["counts"]) for page in (found, *earlier)), Counter[str]())
    return Trips(shown, counts, more)


def _by_departure(now: datetime, trip: bookings.Booking) -> tuple[int, float]:
    when, departs = trip.when(now), trip.flight.departs.timestamp()
    order = ("upcoming", "past", "cancelled").index(when)
    return order, departs if when == "upcoming" else -departs


def saga(correlation_id: str, *, actor: Actor) -> sagas.SagaView:
    return sagas.from_status(get("backend", f"/api/saga/status/{correlation_id}/", actor=actor))


def saga_of_key(key: str, *, actor: Actor) -> sagas.SagaView | None:
    """The saga of a start-booking with this Idempotency-Key; None if it never arrived."""
    query = {"user_id": actor.user_id, "idempotency_key": key}
    found = get("backend", "/api/saga/", actor=actor, query=query)["results"]
    return sagas.from_status(found[0]) if found else None


def newest_sagas(actor: Actor) -> list[sagas.SagaView]:
    """A traveller's newest bookings as sagas, ended ones among them; a settlement is none."""
    if not actor.user_id:
        return []
    found: list[Json] = []
    for each in (actor.user_id, *actor.also):
        query = {"user_id": each, "limit": NEWEST, "definition": BOOKING_SAGA}
        found += get("backend", "/api/saga/", actor=actor, query=query)["results"]
    return list(map(sagas.from_status, found))


def events(correlation_id: str, *, actor: Actor) -> list[Json]:
    page = get("backend", f"/api/saga/events/{correlation_id}/", actor=actor)
    found: list[Json] = page["events"]
    while page.get("next"):
        page = get("backend", page["next"], actor=actor)
        found.extend(page["events"])
    return found


def loyalty(actor: Actor, user_id: str = "") -> Json:
    """The miles account of the actor, or of another id of the same person; empty if there is none."""
    user_id = user_id or actor.user_id
    empty: Json = {"user_id": user_id, "balance": 0, "tier": "", "entries": []}
    if not user_id:
        return empty
    try:
        return get("loyalty", f"/api/loyalty/{user_id}/", actor=actor)
    except NotFound:
        return empty


def whole_account(user_id: str, *, actor: Actor) -> Json:
    """A miles account with all of its entries. Raises NotFound."""
    account = page = get("loyalty", f"/api/loyalty/{user_id}/", actor=actor)
    while page.get("next"):
        page = get("loyalty", page["next"], actor=actor)
        account["entries"].extend(page["entries"])
    account.pop("next", None)
    return account


def miles(actor: Actor) -> tuple[Json, int]:
    """The miles account with every entry of the person, and the miles of trips booked as a guest."""
    account, *earlier = [loyalty(actor, each) for each in (actor.user_id, *actor.also)]
    entries = [entry for each in (account, *earlier) for entry in each["entries"]]
    newest_first = sorted(entries, key=lambda entry: str(entry["created_at"]), reverse=True)
    return {**account, "entries": newest_first}, sum(each["balance"] for each in earlier)


def mails() -> list[Json]:
    """The backend's mails, which demo mode keeps; the newest first."""
    found: list[Json] = get("backend", "/api/demo/outbox/", actor=NOBODY)["results"]
    return found


def payment(correlation_id: str, *, actor: Actor) -> Json | None:
    try:
        return get("payment", f"/api/payments/{correlation_id}/", actor=actor)
    except NotFound:
        return None


def payments_are_simulated() -> bool:
    """Whether payment's gateway is known to take no money; asked once a minute."""
    return _gateway(int(time.monotonic() // GATEWAY_SECONDS)) == "simulated"


@lru_cache(maxsize=1)
def _asked_gateway(_minute: int) -> str:
    ready = call("payment", "GET", "/api/health/ready/", actor=NOBODY, seconds=QUICK_SECONDS)
    return str(ready.body.get("gateway", ""))


def _gateway(minute: int) -> str:
    """Empty if payment does not answer: the page then claims nothing."""
    try:
        return _asked_gateway(minute)
    except ServiceTrouble:
        return ""
