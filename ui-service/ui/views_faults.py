"""The fault console of demo mode: which fault, where, and how often."""

from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods
from django_sagas.clock import utc_now

from ui import console, patience, selectors, services
from ui.backend_client import Actor, Json, Service, ServiceTrouble, get, is_known, optional
from ui.identity import console_actor

BOOK = "/?origin=Dallas-Fort+Worth+(DFW)&destination=Chicago+(ORD)"
OFTEN = (("1", "the next call"), ("3", "the next three calls"), ("", "all calls"))
PRESETS: dict[str, tuple[str, str, list[tuple[str, Json]]]] = {
    "refused": (
        "Payment refuses",
        "The next payment is refused: watch the seat being given back.",
        [("payment", {"step": "AuthorizePayment", "kind": "refuse", "times": 1})],
    ),
    "lost": (
        "The reply is lost",
        "Payment commits, its answer is lost: the same call is sent again, nothing is charged twice.",
        [("payment", {"step": "AuthorizePayment", "kind": "lose_reply", "times": 1})],
    ),
    "stuck": (
        "A compensation gets stuck",
        "Miles refuse and the payment cannot be cancelled: a saga for the console's retry.",
        [
            ("loyalty", {"step": "AwardMiles", "kind": "refuse", "times": 1}),
            ("payment", {"step": "CancelPayment", "kind": "fail"}),
        ],
    ),
    "slow": (
        "Time to kill everything",
        "Payment answers 8 seconds late: enough to end all processes and start them again.",
        [("payment", {"step": "AuthorizePayment", "kind": "delay", "seconds": 8, "times": 1})],
    ),
}


def _services(steps: list[Json]) -> list[Service]:
    """Those that the steps of a booking run at, and those that are known without asking the backend."""
    named = ("backend", *(step["participant"] for step in steps if step["participant"]))
    return list(dict.fromkeys(name for name in (*named, "payment", "loyalty") if is_known(name)))


def _state(actor: Actor, steps: list[Json]) -> dict[str, Any]:
    """The faults of each service; an unavailable one is marked."""

    def read(service: Service) -> Json:
        try:
            with patience.within(settings.OPTIONAL_SECONDS):
                return {**get(service, "/api/demo/faults/", actor=actor), "service": service}
        except ServiceTrouble as error:
            return {"service": service, "faults": [], "kinds": {}, "away": error.detail}

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
    newest = optional(lambda: console.page({}, actor=actor, limit=8).sagas, otherwise=[])
    steps = optional(selectors.booking_steps, otherwise=[])
    context = {
        **_state(actor, steps),
        "lanes": _lanes(steps),
        "often": OFTEN,
        "presets": [(key, label, text) for key, (label, text, _) in PRESETS.items()],
        "sagas": newest,
        "book": BOOK,
    }
    return render(request, "ui/faults/faults.html", context)


def _posted(request: HttpRequest, actor: Actor) -> HttpResponse:
    try:
        _change(request, actor)
        if request.POST.get("then") == "book":
            return redirect(BOOK)
        if request.POST.get("preset") in PRESETS:
            return redirect("console_saga", correlation_id=_lesson(actor))
    except ServiceTrouble as error:
        messages.error(request, error.detail)
    return redirect("faults")


def _lesson(actor: Actor) -> str:
    """Book the first flight in a week that has a free seat, to meet the faults."""
    day = (utc_now() + timedelta(days=7)).date()
    found = selectors.flights(origin="DFW", destination="ORD", day=day, cabin="economy", passengers=1)
    free = next((offer.ids[0] for offer in found.offers if offer.bookable and not offer.layovers), None)
    if free is None:
        raise ServiceTrouble("backend", "There is no flight for a lesson. Book one by hand.")
    return services.start_lesson(actor=actor, flight_id=free)


def _lanes(steps: list[Json]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Steps and compensations in their order."""
    forward = [(step["name"], f"{step['title']} ({step['name']})") for step in steps]
    back = [(step["compensation"], f"{step['undone']} ({step['compensation']})") for step in reversed(steps)]
    return [("Forward", forward), ("Back", back)]


def _owners() -> dict[str, Service]:
    """The service of each step and compensation that can be given a fault."""
    return {
        name: service
        for step in selectors.booking_steps()
        if is_known(service := step["participant"] or "backend")
        for name in (step["name"], step["compensation"])
    }


def _change(request: HttpRequest, actor: Actor) -> None:
    owners_of_faults = _services(optional(selectors.booking_steps, otherwise=[]))
    if "clear" in request.POST:
        for service in owners_of_faults:
            services.set_faults(actor=actor, service=service, faults=[])
        messages.success(request, "Every fault is removed.")
    elif (preset := request.POST.get("preset", "")) in PRESETS:
        for service in owners_of_faults:
            chosen = [fault for where, fault in PRESETS[preset][2] if where == service]
            services.set_faults(actor=actor, service=service, faults=chosen)
        then = "Now book a flight." if "then" in request.POST else "Watch what becomes of this booking."
        messages.success(request, f"Set: {PRESETS[preset][0].lower()}. {then}")
    elif (owner := _owners().get(request.POST.get("step", ""))) is not None:
        _add(request, actor, owner)


def _add(request: HttpRequest, actor: Actor, service: Service) -> None:
    """Add a fault to those that are set."""
    step, times, seconds = (request.POST.get(name, "") for name in ("step", "times", "seconds"))
    if service == "backend" and request.POST.get("kind") == "lose_reply":
        messages.error(request, f"{step} runs inside the backend: there is no reply to be lost.")
        return
    fault: Json = {"step": step, "kind": request.POST.get("kind", "")}
    fault |= {"times": int(times)} if times in ("1", "3") else {}
    fault |= {"seconds": int(seconds)} if seconds.isascii() and seconds.isdigit() and len(seconds) < 4 else {}
    known = [_again(each) for each in get(service, "/api/demo/faults/", actor=actor)["faults"]]
    services.set_faults(actor=actor, service=service, faults=[*known, fault])
    messages.success(request, "The fault is set. Now book a flight.")


def _again(fault: Json) -> Json:
    kept = {name: fault[name] for name in ("step", "kind")}
    kept |= {"seconds": int(fault["seconds"])} if fault.get("seconds") is not None else {}
    kept |= {"times": fault["remaining"]} if fault.get("remaining") else {}
    return kept | ({"correlation_id": fault["correlation_id"]} if fault.get("correlation_id") else {})
