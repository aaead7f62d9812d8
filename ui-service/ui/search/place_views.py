"""Places: suggestions for a half-typed one, and where one can fly."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django_sagas.clock import utc_now

from ui import patience
from ui.search import selectors
from ui.view_models import route_map
from ui.view_models.places import Place


@require_safe
def places(request: HttpRequest) -> HttpResponse:
    """Suggestions for a half-typed place, of those that are flown to: a fragment."""
    name = "destination" if "destination" in request.GET else "origin"
    typed = request.GET.get(name, "").strip()
    found = selectors.find_places(typed) if typed else selectors.FoundPlaces([], [])
    return render(request, "ui/search/places.html", {"found": found, "typed": typed, "name": name})


@require_safe
def where(request: HttpRequest) -> HttpResponse:
    """All served places, by city; from one of them, where one can go and for how much."""
    served = sorted(selectors.served_places(), key=lambda place: place.label)
    code = request.GET.get("from", "").upper()
    if start := next((place for place in served if place.code == code), None):
        return _where_from(request, start, served)
    context = {"places": served, "map": route_map.of_world(served)}
    return render(request, "ui/search/where.html", context)


def _where_from(request: HttpRequest, start: Place, served: list[Place]) -> HttpResponse:
    found, prices = patience.at_once(
        partial(selectors.destinations, start.code),
        partial(selectors.lowest_prices, start.code, today=utc_now().date()),
    )
    ends = [(place, prices.get((start.code, place.code))) for place in found]
    ends.sort(key=lambda end: (end[1] is None, end[1].total if end[1] else 0, end[0].label))
    context = {
        "start": start,
        "ends": ends,
        "places": served,
        "map": route_map.of_world(served, [(start, place) for place in found]),
    }
    return render(request, "ui/search/where_from.html", context)
