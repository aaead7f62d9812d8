"""The saga console: what is seen of sagas; `action_views` has what operators do."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial, wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django_sagas.clock import iso, utc_now
from service_kit.rules import USER_ID

from ui import patience, selectors
from ui.backend_client import Actor, Json
from ui.booking.forms import DEMO_CARDS
from ui.console import charts, diagrams, incidents, queries
from ui.identity import console_actor, role_of
from ui.models import User

View = Callable[..., HttpResponseBase]
PERIODS = {"": _("any time"), "1": _("the last hour"), "24": _("the last day"), "168": _("the last week")}
MOMENT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
DEFINITION = re.compile(r"[a-z][a-z0-9-]{0,39}")


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
    return show_list(request, request.GET, here=request.get_full_path())


def show_list(
    request: HttpRequest, query: QueryDict, *, here: str, status: int = 200, **kept: Any
) -> HttpResponse:
    actor = console_actor(request)
    page, overview, hours = patience.at_once(
        partial(queries.page, _filters(query), actor=actor),
        partial(queries.overview, actor=actor),
        partial(queries.history, actor=actor),
    )
    parameters = {name: str(value) for name, value in query.items() if name != "cursor"}
    context = {
        "rows": [(saga, incidents.where(saga)) for saga in page.sagas],
        "charts": charts.charts(hours),
        "overview": overview,
        "periods": list(PERIODS.items()),
        "statuses": queries.STATUSES,
        "definitions": sorted({version["name"] for version in overview.versions}),
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
    found = queries.find(wanted, actor=actor)
    if found is None:
        told = _("There is no saga, booking, ticket, flight or traveller “%(wanted)s”.")
        messages.warning(request, told % {"wanted": wanted[:64]})
        return redirect("console")
    if found.correlation_id:
        return redirect("console_saga", correlation_id=found.correlation_id)
    return redirect(f"{reverse('console')}?{urlencode(found.query)}")


def _is_text(value: str) -> bool:
    return 0 < len(value) <= 200 and value.isprintable()


# Parameter of the address, filter of the backend, and what is valid.
FILTERS: tuple[tuple[str, str, Callable[[str], object]], ...] = (
    ("status", "status", queries.STATUSES.__contains__),
    ("kind", "definition", DEFINITION.fullmatch),
    ("user", "user_id", USER_ID.fullmatch),
    ("id", "id_prefix", queries.BEGINNING.fullmatch),
    ("q", "q", _is_text),
    ("why", "attention_reason", _is_text),
    ("from", "created_after", MOMENT.fullmatch),
    ("to", "created_before", MOMENT.fullmatch),
    ("cursor", "cursor", bool),
)


def _filters(asked: QueryDict) -> dict[str, str]:
    """The backend's filters from the query parameters; invalid ones are ignored."""
    query = {name: str(value).strip() for name, value in asked.items()}
    filters = {wanted: query[name] for name, wanted, fits in FILTERS if name in query and fits(query[name])}
    if query.get("attention") == "1":
        filters["needs_attention"] = "true"
    if query.get("since") in PERIODS and query["since"]:
        filters["created_after"] = iso(utc_now() - timedelta(hours=int(query["since"])))
    return filters


@require_safe
@staff_only
def by_hand(request: HttpRequest) -> HttpResponse:
    """What was settled by hand and still disagrees with its participants."""
    found = queries.settlements(actor=console_actor(request))
    return render(request, "ui/console/by_hand.html", {"settlements": found, "now": utc_now()})


@require_safe
@staff_only
def audit(request: HttpRequest) -> HttpResponse:
    """Actions and refused access."""
    query = request.GET
    kind = query.get("kind", "operator")
    filters = {"kind": kind} if kind in queries.KINDS else {}
    filters |= {"before": query["before"]} if NUMBER.fullmatch(query.get("before", "")) else {}
    trail = queries.audit(filters, actor=console_actor(request))
    context = {
        "entries": trail.entries,
        "kinds": [("", _("all")), *queries.KINDS.items()],
        "kind": kind if kind in queries.KINDS else "",
        "next": urlencode({"kind": kind, "before": trail.next}) if trail.next else "",
    }
    return render(request, "ui/console/audit.html", context)


def _detail(request: HttpRequest, correlation_id: str) -> dict[str, Any]:
    actor = console_actor(request)
    saga, events, payment, actions, declared = patience.at_once(
        partial(selectors.saga, correlation_id, actor=actor),
        partial(selectors.events, correlation_id, actor=actor),
        partial(queries.payment, correlation_id, actor=actor),
        partial(queries.actions_on, correlation_id, actor=actor),
        partial(queries.definitions, actor=actor),
    )
    definition, miles = declared.get(saga.definition), queries.miles(saga, actor=actor)
    found = incidents.incident(saga, events, incidents.owners_of(definition))
    return {
        "saga": queries.with_undo_errors(saga, events),
        "incident": found,
        "remaining": incidents.remaining(saga),
        "preview": incidents.preview(saga, definition, {"payment": payment, "miles": miles}),
        "events": [{**event, "about": _about(event), "raw": _pretty(event)} for event in events],
        "payment": payment,
        "miles": miles,
        "actions": actions,
        "now": utc_now(),
        "lanes": diagrams.lanes(saga, found),
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
    number = int(data.get("attempt") or 1)
    tries = ", " + _("try %(number)s") % {"number": number} if number > 1 else ""
    return words + str(tries) + (f": {data['error']}" if data.get("error") else "")


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
    found = queries.export(correlation_id, actor=console_actor(request))
    name = f"saga-{found['saga']['correlation_id']}.json".replace(":", "-")
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(_pretty(found), content_type="application/json", headers=headers)
