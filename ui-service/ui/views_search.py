"""Search, results, fare strip and the airports' typeahead."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe
from django_sagas.clock import utc_now

from ui import patience, selectors
from ui.backend_client import Rejected, ServiceTrouble
from ui.drafts import MAX_FLIGHT
from ui.forms import CABINS, MAX_PASSENGERS, SearchForm, number
from ui.travel import (
    CABIN_NAMES,
    CABIN_RULES,
    EVERYWHERE,
    MAX_FLIGHTS,
    Journey,
    day_name,
    why_no_trip,
)

RECENT = "recent"
DAY = timedelta(days=1)
SORTS: dict[str, tuple[str, Callable[[Journey], Any]]] = {
    "price": ("Price", lambda offer: (offer.quote.total, offer.departs)),
    "duration": ("Duration", lambda offer: (offer.minutes, offer.quote.total)),
    "departure": ("Departure", lambda offer: (offer.departs, offer.arrives)),
    "arrival": ("Arrival", lambda offer: (offer.arrives, offer.minutes)),
}
# A way out of three flights and one back of three are a trip of six.
MOST_OF_A_WAY = MAX_FLIGHTS // 2
TIMES = {
    "": ("Any time", range(24)),
    "night": ("00:00–06:00", range(6)),
    "morning": ("06:00–12:00", range(6, 12)),
    "afternoon": ("12:00–18:00", range(12, 18)),
    "evening": ("18:00–24:00", range(18, 24)),
}
MOST_PRICE = 10_000_000
FILTERS = ("sort", "time", "lands", "most")
IDEAS = (
    ("Dallas-Fort Worth (DFW)", "Chicago (ORD)"),
    ("Atlanta (ATL)", "Los Angeles (LAX)"),
    ("London (LHR)", "New York (JFK)"),
    ("Paris (CDG)", "Frankfurt (FRA)"),
    ("Tokyo (HND)", "Seoul (ICN)"),
    ("Singapore (SIN)", "Sydney (SYD)"),
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
    context = {"form": form, "recent": request.session.get(RECENT, []), "ideas": _ideas(today)}
    return render(request, "ui/search/search.html", context)


def _ideas(today: date) -> list[dict[str, Any]]:
    day = today + timedelta(days=10)
    ends = [{"origin": origin, "destination": to} for origin, to in IDEAS]
    return [{**each, "day": day, "query": urlencode({**each, "depart": day.isoformat()})} for each in ends]


@require_safe
def results(request: HttpRequest) -> HttpResponse:
    """Flights of a day; with a return, first the way out and then, `outbound` chosen, the way back."""
    now = utc_now()
    form = _form(request.GET, now.date())
    if not form.is_valid():
        return _search_again(request, form)
    asked = form.cleaned_data
    outbound, refusal = _outbound(request.GET, asked)
    chosen_fare = (outbound.fare if outbound else None) or Decimal(0)
    leg = _leg(asked, outbound, now.date())
    try:
        found = selectors.flights(
            origin=leg.origin,
            destination=leg.destination,
            day=leg.day,
            cabin=asked["cabin"],
            passengers=asked["passengers"],
            chosen_fare=chosen_fare,
        )
    except Rejected as unknown:
        return _unknown_place(request, form, unknown, turned=outbound is not None)
    _remember(request, asked)
    open_for_sale = [offer for offer in found.offers if not offer.is_closed(now)]
    possible = [offer for offer in open_for_sale if leg.allows(offer)]
    is_direct = bool(found.nearest) or any(not offer.layovers for offer in found.offers)
    by = request.GET.get("sort", "")
    by = by if by in SORTS else "departure" if is_direct else "duration"
    context = {
        "form": form,
        "asked": asked,
        "leg": leg,
        "cities": _cities(found.offers, leg),
        "before": leg.may_be_on(leg.day - DAY) and _on_day(request.GET, leg.field, leg.day - DAY),
        "after": _on_day(request.GET, leg.field, leg.day + DAY),
        "outbound": outbound,
        "chosen_cents": int(chosen_fare * 100),
        "is_direct": is_direct,
        "refusal": refusal,
        "offers": _narrow(possible, request.GET, by=by),
        "by": by,
        "total": len(possible),
        "closed": len(found.offers) - len(open_for_sale),
        "too_early": len(open_for_sale) - len(possible),
        "flown": found.flown,
        "sold": bool(found.offers or found.nearest),
        "nearest": [
            (day, _on_day(request.GET, leg.field, day)) for day in found.nearest if leg.may_be_on(day)
        ],
        "elsewhere": None if found.flown or outbound else _elsewhere(leg),
        "cabins": CABINS,
        "cabin_name": CABIN_NAMES[asked["cabin"]],
        "rules": CABIN_RULES[asked["cabin"]],
        **_toolbar(request.GET),
    }
    return render(request, "ui/search/results.html", context, status=422 if refusal else 200)


@dataclass(frozen=True)
class Leg:
    """Which way is being chosen, on which day, and the name of that day in the address."""

    origin: str
    destination: str
    field: str
    day: date
    first_day: date
    outbound: Journey | None = None

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
    ends = asked["origin"], asked["destination"]
    if len(flights) < len(ids) or (chosen.origin.code, chosen.destination.code) != ends:
        return None, "The outbound flight does not go from {} to {}.".format(*ends)
    if why := why_no_trip(flights):
        return None, why
    if not chosen.bookable:
        return None, f"Flight {chosen.numbers} on {day_name(chosen.departs)} cannot be booked any more."
    return chosen, ""


def _search_again(request: HttpRequest, form: SearchForm) -> HttpResponse:
    """The form with an error beside each field."""
    context = {"form": form, "ideas": _ideas(form.today)}
    return render(request, "ui/search/search.html", context, status=422)


def _unknown_place(
    request: HttpRequest, form: SearchForm, refusal: Rejected, *, turned: bool
) -> HttpResponse:
    """A labelled code, such as in "Foo (QQQ)", is looked up by the search itself."""
    turn = {"origin": "destination", "destination": "origin"} if turned else {}
    wrong = [turn.get(name, name) for name in refusal.errors if name in ("origin", "destination")]
    if not wrong:
        raise refusal
    near = selectors.served_places(limit=selectors.FIRST_PLACES)
    for name in wrong:
        form.add_error(name, "We know no airport with this code. Some places that we do fly to:")
        form.near[name] = near
    return _search_again(request, form)


def _elsewhere(leg: Leg) -> dict[str, Any]:
    """Destinations from the origin; if there are none, all origins."""
    if found := selectors.destinations(leg.origin):
        return {"places": found, "field": "destination"}
    return {"places": selectors.served_places(limit=selectors.FIRST_PLACES), "field": "origin"}


def _cities(offers: list[Journey], leg: Leg) -> tuple[str, str]:
    """The route by city, or by code if there are no flights."""
    if not offers:
        return leg.origin, leg.destination
    ends = (offers[0].origin, offers[0].destination)
    return ends[0].city or leg.origin, ends[1].city or leg.destination


def _on_day(query: QueryDict, field: str, day: date) -> str:
    """The same search on another day. A return before the outbound moves with it."""
    moved = query.copy()
    moved[field] = day.isoformat()
    depart, back = _day_of(query, "depart"), _day_of(query, "back")
    if field == "depart" and depart and back and back < day:
        moved["back"] = (day + max(back - depart, timedelta())).isoformat()
    return f"?{moved.urlencode()}"


def _day_of(query: QueryDict, name: str) -> date | None:
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
    parts += [f"{asked['passengers']} passengers"] if asked["passengers"] > 1 else []
    parts += [CABIN_NAMES[asked["cabin"]]] if asked["cabin"] != "economy" else []
    return " · ".join(parts)


@require_safe
def fare_strip(request: HttpRequest) -> HttpResponse:
    """The days around with their lowest prices: a fragment, loaded after the results."""
    kept = request.GET.copy()
    names = ("from", "to", "field", "plus")
    origin, destination, field, plus = (kept.pop(name, [""])[-1] for name in names)
    day = _day_of(kept, "day")
    kept.pop("day", None)
    first, cabin = utc_now().date(), kept.get("cabin", "")
    passengers = number(kept.get("passengers", ""), most=MAX_PASSENGERS, default=1)
    if field == "back" and (depart := _day_of(kept, "depart")):
        first = max(first, depart)
    if day is None:
        return HttpResponse(status=204)
    try:
        days = selectors.fare_strip(
            origin=origin,
            destination=destination,
            day=day,
            cabin=cabin,
            passengers=passengers,
            first=first,
            chosen_fare=Decimal(number(plus, most=MOST_PRICE * 10, default=0)) / 100,
        )
    except ServiceTrouble:
        return HttpResponse(status=204)
    shown = [(each, _on_day(kept, "back" if field == "back" else "depart", each.day)) for each in days]
    none = "no flights" if cabin in ("", EVERYWHERE) else f"no {CABIN_NAMES.get(cabin, cabin)}"
    return render(request, "ui/search/strip.html", {"days": shown, "day": day, "none": none})


@require_safe
def places(request: HttpRequest) -> HttpResponse:
    """Suggestions for a half-typed place, of those that are flown to: a fragment."""
    name = "destination" if "destination" in request.GET else "origin"
    typed = request.GET.get(name, "").strip()
    found = selectors.places(typed) if typed else []
    served = [place for place in found if place.served]
    context = {"places": served, "unserved": found[:1], "typed": typed, "name": name}
    return render(request, "ui/search/places.html", context)


@require_safe
def where(request: HttpRequest) -> HttpResponse:
    """All served places, by city."""
    found = sorted(selectors.served_places(), key=lambda place: place.label)
    return render(request, "ui/search/where.html", {"places": found})
