"""The saga console: views of sagas and the operators' actions."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe
from django_sagas.clock import iso, utc_now
from service_kit.rules import CORRELATION_ID, USER_ID

from ui import console, diagrams, patience, selectors, services
from ui.backend_client import Actor, Json, ServiceTrouble, Unavailable
from ui.forms import DEMO_CARDS
from ui.identity import console_actor, role_of
from ui.models import User
from ui.sagas import SagaView, from_status
from ui.views_trips import safe_next

View = Callable[..., HttpResponseBase]
PERIODS = {"": "any time", "1": "the last hour", "24": "the last day", "168": "the last week"}
MAX_BULK = 50
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
ACTIONS = ("retry", "cancel", "resolve", "authorize-again", "cancel-booking")


def staff_only(view: View) -> View:
    """Operators and auditors; in demo mode everybody."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not role_of(request):
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked


@require_safe
@staff_only
def sagas(request: HttpRequest) -> HttpResponse:
    if wanted := request.GET.get("find", "").strip():
        return _found(request, wanted, console_actor(request))
    return _list(request, request.GET, here=request.get_full_path())


def _list(
    request: HttpRequest, query: QueryDict, *, here: str, status: int = 200, **kept: Any
) -> HttpResponse:
    actor = console_actor(request)
    page, overview = patience.at_once(
        partial(console.page, _filters(query), actor=actor), partial(console.overview, actor=actor)
    )
    parameters = {name: str(value) for name, value in query.items() if name != "cursor"}
    context = {
        "sagas": page.sagas,
        "overview": overview,
        "periods": list(PERIODS.items()),
        "statuses": console.STATUSES,
        "query": query,
        "next": urlencode({**parameters, "cursor": page.next}) if page.next else "",
        "can_act": role_of(request) == User.Role.OPERATOR,
        "here": here,
        "now": utc_now(),
        **kept,
    }
    return render(request, "ui/console/list.html", context, status=status)


def _found(request: HttpRequest, wanted: str, actor: Actor) -> HttpResponse:
    """Redirect to the saga found, or to the sagas of that user."""
    found = console.find(wanted, actor=actor)
    if found is None:
        messages.warning(request, f"There is no saga, booking or traveller “{wanted[:64]}”.")
        return redirect("console")
    if found.correlation_id:
        return redirect("console_saga", correlation_id=found.correlation_id)
    several = {"id": found.beginning} if found.beginning else {"user": found.user_id}
    return redirect(f"{reverse('console')}?{urlencode(several)}")


def _filters(asked: QueryDict) -> dict[str, str]:
    """The backend's filters from the query parameters; invalid ones are ignored."""
    query = {name: str(value) for name, value in asked.items()}
    filters: dict[str, str] = {}
    if query.get("status") in console.STATUSES:
        filters["status"] = query["status"]
    if query.get("attention") == "1":
        filters["needs_attention"] = "true"
    if USER_ID.fullmatch(query.get("user", "")):
        filters["user_id"] = query["user"]
    if console.BEGINNING.fullmatch(query.get("id", "")):
        filters["id_prefix"] = query["id"]
    if query.get("since") in PERIODS and query["since"]:
        filters["created_after"] = iso(utc_now() - timedelta(hours=int(query["since"])))
    if query.get("cursor"):
        filters["cursor"] = query["cursor"]
    return filters


@require_safe
@staff_only
def audit(request: HttpRequest) -> HttpResponse:
    """Actions and refused access."""
    query = request.GET
    kind = query.get("kind", "operator")
    filters = {"kind": kind} if kind in console.KINDS else {}
    filters |= {"before": query["before"]} if NUMBER.fullmatch(query.get("before", "")) else {}
    trail = console.audit(filters, actor=console_actor(request))
    context = {
        "entries": trail.entries,
        "kinds": [("", "all"), *console.KINDS.items()],
        "kind": kind if kind in console.KINDS else "",
        "next": urlencode({"kind": kind, "before": trail.next}) if trail.next else "",
    }
    return render(request, "ui/console/audit.html", context)


def _detail(request: HttpRequest, correlation_id: str) -> dict[str, Any]:
    actor = console_actor(request)
    saga, events, payment, actions = patience.at_once(
        partial(selectors.saga, correlation_id, actor=actor),
        partial(selectors.events, correlation_id, actor=actor),
        partial(console.payment, correlation_id, actor=actor),
        partial(console.actions_on, correlation_id, actor=actor),
    )
    return {
        "saga": console.with_undo_errors(saga, events),
        "last_error": console.last_error(saga, events),
        "events": [{**event, "about": _about(event), "raw": _pretty(event)} for event in events],
        "payment": payment,
        "miles": console.miles(saga, actor=actor),
        "actions": actions,
        "lanes": diagrams.lanes(saga),
        "chart": diagrams.chart(events, now=utc_now()),
        "can_act": role_of(request) == User.Role.OPERATOR,
        "cards": DEMO_CARDS,
        "card": "tok_ok" if settings.DEMO_MODE else "",
        "stuck": [step for step in saga.steps if step.status == "UNDOING" and step.undo_attempts],
    }


def _about(event: Json) -> str:
    """An event in a few words: step, attempt, error."""
    data = event.get("data") or {}
    words = str(data.get("compensation") or data.get("step") or data.get("reason") or "")
    tries = f", try {data['attempt']}" if int(data.get("attempt") or 1) > 1 else ""
    return words + tries + (f": {data['error']}" if data.get("error") else "")


def _pretty(value: Json) -> str:
    return json.dumps(value, indent=2, default=float, ensure_ascii=False)


@require_safe
@staff_only
def saga(request: HttpRequest, correlation_id: str) -> HttpResponse:
    return render(request, "ui/console/saga.html", _detail(request, correlation_id))


@require_safe
@staff_only
def saga_part(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """The live part of the page: a fragment; htmx stops polling at 286."""
    context = _detail(request, correlation_id)
    status = 286 if context["saga"].is_terminal and "HX-Request" in request.headers else 200
    return render(request, "ui/console/saga_live.html", context, status=status)


@require_safe
@staff_only
def export(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """One saga with all its events as a JSON file."""
    found = console.export(correlation_id, actor=console_actor(request))
    name = f"saga-{found['saga']['correlation_id']}.json".replace(":", "-")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(_pretty(found), content_type="application/json", headers=headers)


def _operator(request: HttpRequest) -> Actor:
    if role_of(request) != User.Role.OPERATOR:
        raise PermissionDenied
    return console_actor(request)


def _perform(request: HttpRequest, action: str, correlation_id: str, actor: Actor) -> SagaView:
    """The saga's state after it."""
    reason = request.POST.get("reason", "").strip()[:200]
    match action:
        case "retry":
            answer = services.retry_saga(actor=actor, correlation_id=correlation_id, reason=reason)
        case "cancel":
            answer = services.cancel_saga(actor=actor, correlation_id=correlation_id, reason=reason)
        case "authorize-again":
            card = request.POST.get("card_token", "")
            answer = services.authorize_again(
                actor=actor, correlation_id=correlation_id, reason=reason, card_token=card
            )
        case "cancel-booking":
            reference = selectors.saga(correlation_id, actor=actor).reference
            answer = services.cancel_trip(actor=actor, reference=reference, reason=reason)
        case _:
            step, evidence = request.POST.get("step", ""), request.POST.get("evidence", "").strip()[:200]
            answer = services.resolve_step(
                actor=actor, correlation_id=correlation_id, step=step, reason=reason, evidence=evidence
            )
    return from_status(answer.body)


TAKEN = {
    "retry": "Tried again",
    "cancel": "The cancellation was taken",
    "resolve": "Settled by hand",
    "authorize-again": "Authorised again",
    "cancel-booking": "The trip's cancellation was taken",
}


def _tell(request: HttpRequest, action: str, saga: SagaView) -> None:
    """The message after an accepted action, whose effect may need further attempts."""
    if action == "authorize-again" and saga.failed:
        messages.error(request, f"The payment is not authorised: {saga.why}")
    elif saga.is_terminal:
        messages.success(request, f"{TAKEN[action]}: the saga is {saga.status.lower()} now.")
    elif action == "retry":
        why = f" {saga.attention_reason}" if saga.attention_reason else ""
        messages.warning(request, f"{TAKEN[action]}, and not done yet: it is {saga.status.lower()}.{why}")
    else:
        messages.info(request, f"{TAKEN[action]}: the saga is {saga.status.lower()}, and goes on by itself.")


@require_POST
@staff_only
def act(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """One operator action on one saga. The backend writes the audit row."""
    actor, action = _operator(request), request.POST.get("action", "")
    if not request.POST.get("reason", "").strip():
        messages.error(request, "Give a reason: it is kept with the action.")
    elif action in ACTIONS:
        try:
            _tell(request, action, _perform(request, action, correlation_id, actor))
        except Unavailable:
            messages.info(request, f"No answer to “{action}” yet. Here is how the saga stands.")
        except ServiceTrouble as error:
            messages.error(request, error.detail)
    return redirect("console_saga", correlation_id=correlation_id)


@require_POST
@staff_only
def bulk(request: HttpRequest) -> HttpResponse:
    """Retry or cancel the ticked sagas one by one; each refusal is shown."""
    actor, action = _operator(request), request.POST.get("action", "")
    chosen = [each for each in request.POST.getlist("saga") if CORRELATION_ID.fullmatch(each)][:MAX_BULK]
    back = safe_next(request, request.POST.get("next", ""), reverse("console"))
    reason = request.POST.get("reason", "").strip()
    if not reason or action not in ("retry", "cancel") or not chosen:
        messages.error(request, "Tick at least one saga, choose an action and give a reason.")
        query = QueryDict(urlsplit(back).query)
        return _list(request, query, here=back, status=422, ticked=chosen, reason=reason)
    taken, ended = 0, 0
    for correlation_id in chosen:
        try:
            ended += _perform(request, action, correlation_id, actor).is_terminal
            taken += 1
        except Unavailable:
            messages.info(request, f"{correlation_id}: no answer to “{action}” yet.")
        except ServiceTrouble as error:
            messages.error(request, f"{correlation_id}: {error.detail}")
    if taken:
        level = messages.SUCCESS if ended == taken else messages.INFO
        told = f"{action.capitalize()} of {taken} saga{'s' if taken > 1 else ''}"
        messages.add_message(request, level, f"{told}: {ended} ended, {taken - ended} still under way.")
    return redirect(back)
