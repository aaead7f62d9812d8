"""Search, results, fare strip and the airports' typeahead."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe
from service_kit.clock import utc_now

from ui import selectors
from ui.backend_client import ServiceTrouble
from ui.forms import CABINS, SearchForm
from ui.travel import CABIN_NAMES, CABIN_RULES, Offer, day_name

RECENT = "recent"
SORTS: dict[str, tuple[str, Callable[[Offer], Any]]] = {
    "price": ("Price", lambda offer: (offer.fare or 0, offer.flight.departs)),
    "duration": ("Duration", lambda offer: (offer.flight.minutes, offer.fare or 0)),
    "departure": ("Departure", lambda offer: offer.flight.departs),
    "arrival": ("Arrival", lambda offer: offer.flight.arrives),
}
TIMES = {
    "": ("Any time", range(24)),
    "night": ("00:00–06:00", range(6)),
    "morning": ("06:00–12:00", range(6, 12)),
    "afternoon": ("12:00–18:00", range(12, 18)),
    "evening": ("18:00–24:00", range(18, 24)),
}
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
    today = utc_now().date()
    form = _form(request.GET, today)
    if not form.is_valid():
        return render(request, "ui/search/search.html", {"form": form, "ideas": _ideas(today)}, status=422)
    asked = form.cleaned_data
    outbound = request.GET.get("outbound", "")
    going_back = asked["trip"] == "return" and outbound.isascii() and outbound.isdigit()
    ends = (asked["origin"], asked["destination"])
    origin, destination = reversed(ends) if going_back else ends
    field = "back" if going_back else "depart"
    day = asked[field]
    found = selectors.flights(
        origin=origin, destination=destination, day=day, cabin=asked["cabin"], passengers=asked["passengers"]
    )
    _remember(request, asked)
    context = {
        "form": form,
        "asked": asked,
        "origin": origin,
        "destination": destination,
        "cities": _cities(found.offers, origin, destination),
        "day": day,
        "before": _on_day(request, field, day - timedelta(days=1)) if day > today else "",
        "after": _on_day(request, field, day + timedelta(days=1)),
        "day_field": field,
        "outbound": selectors.flight(int(outbound)) if going_back else None,
        "offers": _narrow(found.offers, request.GET),
        "total": len(found.offers),
        "nearest": [(other, _on_day(request, field, other)) for other in found.nearest],
        "cabins": CABINS,
        "cabin_name": CABIN_NAMES[asked["cabin"]],
        "rules": CABIN_RULES[asked["cabin"]],
        "kept": [(name, value) for name, value in request.GET.items() if name not in FILTERS],
        "filtered": any(request.GET.get(name) for name in FILTERS),
        "sorts": [(key, label) for key, (label, _) in SORTS.items()],
        "times": [(key, label) for key, (label, _) in TIMES.items()],
    }
    return render(request, "ui/search/results.html", context)


def _cities(offers: list[Offer], origin: str, destination: str) -> tuple[str, str]:
    """Where the flights go, by city; by code where there are none to tell."""
    if not offers:
        return origin, destination
    ends = (offers[0].flight.origin, offers[0].flight.destination)
    return ends[0].city or origin, ends[1].city or destination


def _on_day(request: HttpRequest, field: str, day: date) -> str:
    """The same search on another day."""
    query = request.GET.copy()
    query[field] = day.isoformat()
    return f"?{query.urlencode()}"


def _narrow(offers: list[Offer], query: QueryDict) -> list[Offer]:
    """Sort and filter as the address says; what it says wrongly is ignored."""
    leaves, lands = (TIMES.get(query.get(name, ""), TIMES[""])[1] for name in ("time", "lands"))
    limit = query.get("most", "")
    most = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 8 else None
    kept = [
        offer
        for offer in offers
        if offer.flight.departs.hour in leaves
        and offer.flight.arrives.hour in lands
        and (most is None or (offer.fare or 0) <= most)
    ]
    _, key = SORTS.get(query.get("sort", ""), SORTS["departure"])
    return sorted(kept, key=key)


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
    """What tells one search between the same places from another."""
    ways = [asked["depart"], *([asked["back"]] if asked["trip"] == "return" else [])]
    parts = [" – ".join(map(day_name, ways))]
    parts += [f"{asked['passengers']} passengers"] if asked["passengers"] > 1 else []
    parts += [CABIN_NAMES[asked["cabin"]]] if asked["cabin"] != "economy" else []
    return " · ".join(parts)


@require_safe
def fare_strip(request: HttpRequest) -> HttpResponse:
    """The days around with their lowest fares: a fragment, loaded after the results."""
    today = utc_now().date()
    origin, destination = request.GET.get("from", ""), request.GET.get("to", "")
    try:
        day = date.fromisoformat(request.GET.get("day", ""))
        days = selectors.fare_strip(
            origin=origin, destination=destination, day=day, cabin=request.GET.get("cabin", ""), today=today
        )
    except (ValueError, ServiceTrouble):
        return HttpResponse(status=204)
    kept = request.GET.copy()
    field = "back" if kept.get("field") == "back" else "depart"
    for name in ("from", "to", "day", "field", field):
        kept.pop(name, None)
    context = {"days": days, "day": day, "kept": kept.urlencode(), "field": field}
    return render(request, "ui/search/strip.html", context)


@require_safe
def places(request: HttpRequest) -> HttpResponse:
    """Suggestions for a half-typed place: a fragment."""
    name = "destination" if "destination" in request.GET else "origin"
    typed = request.GET.get(name, "").strip()
    found = selectors.places(typed) if typed else []
    return render(request, "ui/search/places.html", {"places": found, "typed": typed, "name": name})
