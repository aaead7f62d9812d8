"""The fault console of demo mode: which fault, where, and how often."""

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from ui import patience, selectors, services
from ui.backend_client import Actor, Json, Service, ServiceTrouble, get, is_known, optional
from ui.console import queries
from ui.identity import console_actor

BOOK = "/?origin=Dallas-Fort+Worth+(DFW)&destination=Chicago+(ORD)"
OFTEN = (("1", _("the next call")), ("3", _("the next three calls")), ("", _("all calls")))


def _services(steps: list[Json]) -> list[Service]:
    """Those that the steps of a booking run at, and those that are known without asking the backend."""
    named = ("backend", *(step["participant"] for step in steps if step["participant"]))
    return list(dict.fromkeys(name for name in (*named, "payment", "loyalty") if is_known(name)))


def _state(actor: Actor, steps: list[Json]) -> dict[str, Any]:
    """The faults of each service; an unavailable one is marked."""

    def read(service: Service) -> Json:
        try:
            with patience.within(settings.OPTIONAL_SECONDS):
                told = get(service, "/api/demo/faults/", actor=actor)
        except ServiceTrouble as error:
            return {"service": service, "faults": [], "kinds": {}, "away": error.detail}
        # Those for one saga are a lesson's, and stay with it.
        for_all = [fault for fault in told["faults"] if not fault["correlation_id"]]
        return {**told, "faults": for_all, "service": service}

    found = patience.at_once(*(partial(read, service) for service in _services(steps)))
    kinds: dict[str, str] = next((each["kinds"] for each in found if each["kinds"]), {})
    return {"services": found, "kinds": sorted(kinds.items()), "any": any(each["faults"] for each in found)}


@require_http_methods(["GET", "HEAD", "POST"])
def faults(request: HttpRequest) -> HttpResponse:
    if not settings.DEMO_MODE:
        raise Http404
    actor = console_actor(request)
    if request.method == "POST":
        return _posted(request, actor)
    newest = optional(lambda: queries.page({}, actor=actor, limit=8).sagas, otherwise=[])
    sagas = optional(selectors.declared_sagas, otherwise=[])
    context = {
        **_state(actor, _steps(sagas)),
        "lanes": _lanes(sagas),
        "often": OFTEN,
        "sagas": newest,
        "book": BOOK,
    }
    return render(request, "ui/faults/faults.html", context)


def _posted(request: HttpRequest, actor: Actor) -> HttpResponse:
    try:
        _change(request, actor)
    except ServiceTrouble as error:
        messages.error(request, error.detail)
    return redirect("faults")


def _steps(sagas: list[Json]) -> list[Json]:
    return [step for saga in sagas for step in saga["steps"]]


def _lanes(sagas: list[Json]) -> list[tuple[Promise | str, list[str]]]:
    """Steps and compensations in their order: a booking's, then what each other saga has besides."""
    known: set[str] = set()
    lanes: list[tuple[Promise | str, list[str]]] = []
    for saga in sorted(sagas, key=lambda each: each["name"] != selectors.BOOKING_SAGA):
        steps = saga["steps"]
        forward = [step["name"] for step in steps]
        back = [step["compensation"] for step in reversed(steps) if step["compensation"]]
        ways = [(_("Forward"), forward), (_("Back"), back)]
        for way, named in ways if not known else [(saga["name"], [*forward, *back])]:
            new = [name for name in named if name not in known]
            known.update(named)
            lanes += [(way, new)] if new else []
    return lanes


def _owners() -> dict[str, Service]:
    """The service of each step and compensation that can be given a fault."""
    return {
        name: service
        for step in _steps(selectors.declared_sagas())
        if is_known(service := step["participant"] or "backend")
        for name in (step["name"], step["compensation"])
        if name
    }


def _change(request: HttpRequest, actor: Actor) -> None:
    if "clear" in request.POST:
        for service in _services(_steps(optional(selectors.declared_sagas, otherwise=[]))):
            services.clear_faults(actor=actor, service=service)
        messages.success(request, _("Every fault is removed."))
    elif (owner := _owners().get(request.POST.get("step", ""))) is not None:
        _add(request, actor, owner)


def _add(request: HttpRequest, actor: Actor, service: Service) -> None:
    """Add a fault to those that are set."""
    step, times, seconds = (request.POST.get(name, "") for name in ("step", "times", "seconds"))
    if service == "backend" and request.POST.get("kind") == "lose_reply":
        told = _("%(step)s runs inside the backend: there is no reply to be lost.")
        messages.error(request, told % {"step": step})
        return
    fault: Json = {"step": step, "kind": request.POST.get("kind", "")}
    fault |= {"times": int(times)} if times in ("1", "3") else {}
    fault |= {"seconds": int(seconds)} if seconds.isascii() and seconds.isdigit() and len(seconds) < 4 else {}
    services.add_faults(actor=actor, service=service, faults=[fault])
    messages.success(request, _("The fault is set. Now book a flight."))
