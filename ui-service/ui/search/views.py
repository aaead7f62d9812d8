"""Search and results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe
from django_sagas.clock import utc_now

from ui import patience
from ui.backend_client import Rejected, optional
from ui.forms import MAX_FLIGHT, number
from ui.kept import Kept
from ui.search import selectors
from ui.search.forms import CABINS, SearchForm
from ui.view_models import route_map
from ui.view_models.cabins import CABIN_NAMES, CABIN_RULES, cabin_name
from ui.view_models.places import nearest_first
from ui.view_models.travel import MAX_FLIGHTS, Journey, day_name, why_no_trip

RECENT = "recent"
DAY = timedelta(days=1)
SORTS: dict[str, tuple[Any, Callable[[Journey], Any]]] = {
    "price": (gettext_lazy("Price"), lambda offer: (offer.quote.total, offer.departs)),
    "duration": (gettext_lazy("Duration"), lambda offer: (offer.minutes, offer.quote.total)),
    "departure": (gettext_lazy("Departure"), lambda offer: (offer.departs, offer.arrives)),
    "arrival": (gettext_lazy("Arrival"), lambda offer: (offer.arrives, offer.minutes)),
}
# A way out of three flights and one back of three are a trip of six.
MOST_OF_A_WAY = MAX_FLIGHTS // 2
TIMES = {
    "": (gettext_lazy("Any time"), range(24)),
    "night": ("00:00–06:00", range(6)),
    "morning": ("06:00–12:00", range(6, 12)),
    "afternoon": ("12:00–18:00", range(12, 18)),
    "evening": ("18:00–24:00", range(18, 24)),
}
MOST_PRICE = 10_000_000
# Offers whose ways the map shows.
MAPPED = 12
SAME_CITY = {"destination": "must not be the origin"}
"the backend's refusal of two airports of one city"
FILTERS = ("sort", "time", "lands", "most")
# Routes that are flown without a change.
IDEAS = (
    ("Dallas-Fort Worth (DFW)", "Chicago (ORD)"),
    ("Atlanta (ATL)", "Los Angeles (LAX)"),
    ("London (LHR)", "New York (JFK)"),
    ("Paris (CDG)", "Madrid (MAD)"),
    ("Tokyo (HND)", "Seoul (ICN)"),
    ("Singapore (SIN)", "Sydney (SYD)"),
)
IDEA_CODES = [tuple(place[-4:-1] for place in idea) for idea in IDEAS]
IDEA_DAYS = timedelta(days=10)
"from now, where no price says which day is the cheapest"
KEPT_SECONDS = 60
network = Kept(selectors.served_places, seconds=KEPT_SECONDS)
prices = Kept(
    lambda: selectors.lowest_prices(",".join(map("-".join, IDEA_CODES)), today=utc_now().date()),
    seconds=KEPT_SECONDS,
)


def _form(data: QueryDict | None, today: date, **kwargs: Any) -> SearchForm:
    if data is not None and "trip" not in data:
        data = data.copy()
        data["trip"] = "oneway"
    return SearchForm(data, today=today, resolve=selectors.airport_code, **kwargs)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """The first page. An earlier search in the address fills the form."""
    today = utc_now().date()
    start: dict[str, Any] = {"trip": "oneway", "depart": today + timedelta(days=14), "passengers": 1}
    form = _form(None, today, initial={**start, **request.GET.dict()})
    recent = request.session.get(RECENT, [])
    return render(request, "ui/search/search.html", {"form": form, "recent": recent, **_inspiration(today)})


def _inspiration(today: date) -> dict[str, Any]:
    """Ideas with their prices, and the map of all places; without either if the backend does not answer."""
    kept, served = patience.at_once(prices.get, network.get)
    ideas = [
        _idea(ends, (kept or {}).get(codes), today) for ends, codes in zip(IDEAS, IDEA_CODES, strict=True)
    ]
    by_code = {place.code: place for place in served or []}
    flown = [tuple(by_code[code] for code in codes) for codes in IDEA_CODES if {*codes} <= by_code.keys()]
    return {"ideas": ideas, "world": route_map.of_world(by_code.values(), flown) if by_code else None}


def _idea(ends: tuple[str, str], price: selectors.RoutePrice | None, today: date) -> dict[str, Any]:
    day = price.day if price else today + IDEA_DAYS
    idea = {"origin": ends[0], "destination": ends[1]}
    query = urlencode({**idea, "depart": day.isoformat()})
    return {**idea, "day": day, "price": price.total if price else None, "query": query}


@require_safe
def results(request: HttpRequest) -> HttpResponse:
    """Flights of a day; with a return, first the way out and then, `outbound` chosen, the way back."""
    now = utc_now()
    form = _form(request.GET, now.date())
    if not form.is_valid():
        return _search_again(request, form)
    asked = form.cleaned_data
    outbound, refusal = _outbound(request.GET, asked)
    leg = _leg(asked, outbound, now.date())
    try:
        found = _find(asked, leg)
    except Rejected as unknown:
        return _unknown_place(request, form, unknown, turned=outbound is not None)
    _remember(request, asked)
    context = {
        "form": form,
        "asked": asked,
        "leg": leg,
        "outbound": outbound,
        "refusal": refusal,
        **_offers(request.GET, leg, found, now),
        **_other_days(request.GET, asked, leg, found),
        **_cabins(asked["cabin"]),
        **_toolbar(request.GET),
    }
    return render(request, "ui/search/results.html", context, status=422 if refusal else 200)


def _find(asked: dict[str, Any], leg: "Leg") -> selectors.Results:
    return selectors.flights(
        origin=leg.origin,
        destination=leg.destination,
        day=leg.day,
        cabin=asked["cabin"],
        passengers=asked["passengers"],
        chosen_fare=leg.chosen_fare,
    )


def _offers(query: QueryDict, leg: "Leg", found: selectors.Results, now: datetime) -> dict[str, Any]:
    """What was found, as far as it can be booked, in the order and with the filters of the address."""
    on_sale = [offer for offer in found.offers if not offer.is_closed(now)]
    possible = [offer for offer in on_sale if leg.allows(offer)]
    is_direct = bool(found.nearest) or any(not offer.layovers for offer in found.offers)
    by = query.get("sort", "")
    by = by if by in SORTS else "departure" if is_direct else "duration"
    offers = _narrow(possible, query, by=by)
    bookable = [offer for offer in offers if offer.bookable]
    return {
        "cities": _cities(found.offers, leg),
        "is_direct": is_direct,
        "offers": offers,
        "cheapest": min(bookable, key=SORTS["price"][1], default=None),
        "map": route_map.of_ways([offer.places for offer in offers[:MAPPED]]),
        "by": by,
        "total": len(possible),
        "closed": len(found.offers) - len(on_sale),
        "too_early": len(on_sale) - len(possible),
        "flown": found.flown,
        "sold": bool(found.offers or found.nearest),
    }


def _other_days(
    query: QueryDict, asked: dict[str, Any], leg: "Leg", found: selectors.Results
) -> dict[str, Any]:
    """The day before and after; where this day has nothing, the nearest days and places that have."""
    near = [day for day in found.nearest if leg.may_be_on(day)]
    totals = optional(partial(_totals, asked, leg, near), otherwise={}) if near else {}
    return {
        "before": leg.may_be_on(leg.day - DAY) and on_day(query, leg.field, leg.day - DAY),
        "after": on_day(query, leg.field, leg.day + DAY),
        "nearest": [(day, on_day(query, leg.field, day), totals.get(day)) for day in near],
        "elsewhere": None if found.flown or leg.outbound else _elsewhere(leg),
    }


def _totals(asked: dict[str, Any], leg: "Leg", days: Sequence[date]) -> dict[date, Decimal | None]:
    """The lowest total of each day."""
    first, last = days[0], min(days[-1], days[0] + selectors.MOST_FARE_DAYS)
    found = selectors.fares(
        origin=leg.origin, destination=leg.destination, first=first, last=last, cabin=asked["cabin"]
    )
    return {
        day: found.total(day, passengers=asked["passengers"], chosen_fare=leg.chosen_fare) for day in days
    }


def _cabins(cabin: str) -> dict[str, Any]:
    return {"cabins": CABINS, "cabin_name": CABIN_NAMES[cabin], "rules": CABIN_RULES[cabin]}


@dataclass(frozen=True)
class Leg:
    """Which way is being chosen, on which day, and the name of that day in the address."""

    origin: str
    destination: str
    field: str
    day: date
    first_day: date
    outbound: Journey | None = None

    @property
    def chosen_fare(self) -> Decimal:
        """Of the way out, for one passenger."""
        return (self.outbound.fare if self.outbound else None) or Decimal(0)

    @property
    def chosen_cents(self) -> int:
        return int(self.chosen_fare * 100)

    def may_be_on(self, day: date) -> bool:
        return day >= self.first_day

    def allows(self, offer: Journey) -> bool:
        return self.outbound is None or not why_no_trip([*self.outbound.flights, *offer.flights])


def _leg(asked: dict[str, Any], outbound: Journey | None, today: date) -> Leg:
    ends = asked["origin"], asked["destination"]
    if outbound is None:
        return Leg(ends[0], ends[1], field="depart", day=asked["depart"], first_day=today)
    earliest = outbound.arrives.date()
    return Leg(ends[1], ends[0], field="back", day=asked["back"], first_day=earliest, outbound=outbound)


def _outbound(query: QueryDict, asked: dict[str, Any]) -> tuple[Journey | None, str]:
    """The way out of the URL, or why it is not possible."""
    if asked["trip"] != "return" or "outbound" not in query:
        return None, ""
    ids = [number(each, most=MAX_FLIGHT, default=0) for each in query.getlist("outbound")[:MOST_OF_A_WAY]]
    found = patience.at_once(*(partial(selectors.flight_if_any, each) for each in ids))
    flights = tuple(flight for flight in found if flight)
    chosen = Journey(flights, asked["cabin"], asked["passengers"])
    if len(flights) < len(ids) or not _goes(chosen, asked["origin"], asked["destination"]):
        wrong = _("The outbound flight does not go from %(origin)s to %(destination)s.")
        return None, wrong % {"origin": asked["origin"], "destination": asked["destination"]}
    if why := why_no_trip(flights):
        return None, why
    if not chosen.bookable:
        gone = _("Flight %(numbers)s on %(day)s cannot be booked any more.")
        return None, gone % {"numbers": chosen.numbers, "day": day_name(chosen.departs)}
    return chosen, ""


def _goes(journey: Journey, origin: str, destination: str) -> bool:
    return journey.origin.is_called(origin) and journey.destination.is_called(destination)


def _search_again(request: HttpRequest, form: SearchForm) -> HttpResponse:
    """The form with an error beside each field."""
    context = {"form": form, **_inspiration(form.today)}
    return render(request, "ui/search/search.html", context, status=422)


def _unknown_place(
    request: HttpRequest, form: SearchForm, refusal: Rejected, *, turned: bool
) -> HttpResponse:
    """A labelled code, such as in "Foo (QQQ)", is looked up by the search itself."""
    turn = {"origin": "destination", "destination": "origin"} if turned else {}
    wrong = [turn.get(name, name) for name in refusal.errors if name in ("origin", "destination")]
    if not wrong:
        raise refusal
    if refusal.errors == SAME_CITY:
        form.add_error("destination", _("Choose a place other than the departure."))
        return _search_again(request, form)
    near = selectors.served_places(limit=selectors.FIRST_PLACES)
    for name in wrong:
        form.add_error(name, _("We know no airport with this code. Some places that we do fly to:"))
        form.near[name] = near
    return _search_again(request, form)


def _elsewhere(leg: Leg) -> dict[str, Any]:
    """Destinations from the origin, the nearest to the one asked for first; without any, some origins."""
    known = network.get() or []
    if found := selectors.destinations(leg.origin):
        wanted = next((place for place in known if place.is_called(leg.destination)), None)
        near = nearest_first(found, wanted)[: selectors.NEAR_PLACES] if wanted else found
        return {"places": near, "field": "destination", "near": wanted}
    return {"places": known[: selectors.FIRST_PLACES], "field": "origin", "near": None}


def _cities(offers: list[Journey], leg: Leg) -> tuple[str, str]:
    """The route by city, or by code where the place is not known."""
    known = [*(place for offer in offers[:1] for place in (offer.origin, offer.destination))]
    known += network.get() or [] if not offers else []
    names = [
        next((place.city for place in known if place.is_called(code)), "")
        for code in (leg.origin, leg.destination)
    ]
    return names[0] or leg.origin, names[1] or leg.destination


def on_day(query: QueryDict, field: str, day: date) -> str:
    """The same search on another day. A return before the outbound moves with it."""
    moved = query.copy()
    moved[field] = day.isoformat()
    depart, back = day_of(query, "depart"), day_of(query, "back")
    if field == "depart" and depart and back and back < day:
        moved["back"] = (day + max(back - depart, timedelta())).isoformat()
    return f"?{moved.urlencode()}"


def day_of(query: QueryDict, name: str) -> date | None:
    try:
        return date.fromisoformat(query.get(name, ""))
    except ValueError:
        return None


def _toolbar(query: QueryDict) -> dict[str, Any]:
    return {
        "kept": [(name, value) for name, values in query.lists() if name not in FILTERS for value in values],
        "filtered": any(query.get(name) for name in FILTERS),
        "sorts": [(key, label) for key, (label, _) in SORTS.items()],
        "times": [(key, label) for key, (label, _) in TIMES.items()],
    }


def _narrow(offers: list[Journey], query: QueryDict, *, by: str) -> list[Journey]:
    """Filter by the query parameters, of which invalid ones are ignored, and sort."""
    leaves, lands = (TIMES.get(query.get(name, ""), TIMES[""])[1] for name in ("time", "lands"))
    most = number(query.get("most", ""), most=MOST_PRICE, default=0) or None
    kept = [
        offer
        for offer in offers
        if offer.departs.hour in leaves
        and offer.arrives.hour in lands
        and (most is None or offer.quote.total <= most)
    ]
    return sorted(kept, key=SORTS[by][1])


def _remember(request: HttpRequest, asked: dict[str, Any]) -> None:
    names = {"trip": "trip", "origin": "origin", "destination": "destination"}
    query = {name: asked[key] for name, key in names.items()}
    query |= {
        "depart": asked["depart"].isoformat(),
        "passengers": asked["passengers"],
        "cabin": asked["cabin"],
    }
    if asked["back"] and asked["trip"] == "return":
        query["back"] = asked["back"].isoformat()
    entry = {
        "label": f"{asked['origin']} – {asked['destination']}",
        "about": _about(asked),
        "query": urlencode(query),
    }
    older = [each for each in request.session.get(RECENT, []) if each["query"] != entry["query"]]
    if request.session.get(RECENT, [])[:1] != [entry]:
        request.session[RECENT] = [entry, *older][:4]


def _about(asked: dict[str, Any]) -> str:
    """The parameters that distinguish searches between the same places."""
    ways = [asked["depart"], *([asked["back"]] if asked["trip"] == "return" else [])]
    parts = [" – ".join(map(day_name, ways))]
    if (many := asked["passengers"]) > 1:
        parts.append(ngettext("%(count)s passenger", "%(count)s passengers", many) % {"count": many})
    parts += [cabin_name(asked["cabin"])] if asked["cabin"] != "economy" else []
    return " · ".join(parts)
