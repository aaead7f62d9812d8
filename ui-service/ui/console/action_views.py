"""What operators do to sagas. The backend checks each action and writes its audit row."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST
from service_kit.rules import CORRELATION_ID

from ui import selectors, services
from ui.backend_client import Actor, Json, ServiceTrouble, Unavailable, optional
from ui.console import incidents, queries
from ui.console.views import show_list, staff_only
from ui.identity import console_actor, role_of
from ui.models import User
from ui.redirects import safe_next
from ui.view_models.sagas import SagaView, from_status

MAX_BULK = 50
GROUP_SECONDS = 4.0
"Batches of one request; what is left is asked for again."
ACTIONS = ("retry", "cancel", "resolve", "authorize-again", "cancel-booking")


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
    "retry": gettext_lazy("Tried again"),
    "cancel": gettext_lazy("The cancellation was taken"),
    "resolve": gettext_lazy("Settled by hand"),
    "authorize-again": gettext_lazy("Authorised again"),
    "cancel-booking": gettext_lazy("The trip's cancellation was taken"),
}


def _tell(request: HttpRequest, action: str, saga: SagaView) -> None:
    """The message after an accepted action, whose effect may need further attempts."""
    words = {"done": TAKEN[action], "status": saga.status.lower()}
    if action == "authorize-again" and saga.failed:
        messages.error(request, _("The payment is not authorised: %(why)s") % {"why": saga.why})
    elif saga.is_terminal:
        messages.success(request, _("%(done)s: the saga is %(status)s now.") % words)
    elif action == "retry":
        told = _("%(done)s, and not done yet: it is %(status)s.") % words
        why = _how_it_went(saga, console_actor(request)) or saga.attention_reason
        messages.warning(request, f"{told} {why}".strip())
    else:
        messages.info(request, _("%(done)s: the saga is %(status)s, and goes on by itself.") % words)


def _how_it_went(saga: SagaView, actor: Actor) -> str:
    """The answer to the call that was tried again; empty if it cannot be read just now."""
    events = optional(lambda: selectors.events(saga.correlation_id, actor=actor), otherwise=[])
    definition = queries.definitions(actor=actor).get(saga.definition)
    return incidents.outcome(incidents.incident(saga, events, incidents.owners_of(definition)), saga)


@require_POST
@staff_only
def act(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """One operator action on one saga. The backend writes the audit row."""
    actor, action = _operator(request), request.POST.get("action", "")
    if not request.POST.get("reason", "").strip():
        messages.error(request, _("Give a reason: it is kept with the action."))
    elif action in ACTIONS:
        try:
            _tell(request, action, _perform(request, action, correlation_id, actor))
        except Unavailable:
            told = _("No answer to “%(action)s” yet. Here is how the saga stands.")
            messages.info(request, told % {"action": action})
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
        messages.error(request, _("Tick at least one saga, choose an action and give a reason."))
        query = QueryDict(urlsplit(back).query)
        return show_list(request, query, here=back, status=422, ticked=chosen, reason=reason)
    taken, ended = 0, 0
    for correlation_id in chosen:
        try:
            ended += _perform(request, action, correlation_id, actor).is_terminal
            taken += 1
        except Unavailable:
            told = _("%(saga)s: no answer to “%(action)s” yet.")
            messages.info(request, told % {"saga": correlation_id, "action": action})
        except ServiceTrouble as error:
            messages.error(request, f"{correlation_id}: {error.detail}")
    if taken:
        level = messages.SUCCESS if ended == taken else messages.INFO
        told = ngettext(
            "%(action)s of %(taken)s saga: %(ended)s ended, %(open)s still under way.",
            "%(action)s of %(taken)s sagas: %(ended)s ended, %(open)s still under way.",
            taken,
        )
        numbers = {"taken": taken, "ended": ended, "open": taken - ended}
        messages.add_message(request, level, told % {"action": action.capitalize(), **numbers})
    return redirect(back)


@require_http_methods(["GET", "HEAD", "POST"])
@staff_only
def group(request: HttpRequest) -> HttpResponse:
    """One action on every saga that is stuck for the same reason: shown and asked first."""
    actor, asked = _operator(request), request.POST if request.method == "POST" else request.GET
    why = asked.get("why", "").strip()[:200]
    form = {name: asked.get(name, "").strip()[:200] for name in ("action", "reason", "evidence", "after")}
    if request.method == "POST" and _is_complete(request, form):
        told = _act_on_all(why, form, actor)
        if not told.after:
            _tell_of_all(request, form["action"], told)
            return redirect("console")
        form["after"] = told.after
        context = {"why": why, "form": form, "progress": told}
        return render(request, "ui/console/group.html", context)
    page = queries.page({"attention_reason": why}, actor=actor, limit=MAX_BULK)
    steps = queries.definitions(actor=actor)
    shown = [(saga, incidents.preview(saga, steps.get(saga.definition), {})) for saga in page.sagas[:1]]
    overview = queries.overview(actor=actor)
    number = next((each["count"] for each in overview.incidents if each["reason"] == why), len(page.sagas))
    context = {"why": why, "form": form, "sagas": page.sagas, "number": number, "examples": shown}
    status = 422 if request.method == "POST" else 200
    return render(request, "ui/console/group.html", context, status=status)


def _is_complete(request: HttpRequest, form: Mapping[str, str]) -> bool:
    if form["action"] not in ("retry", "cancel", "resolve") or not form["reason"]:
        messages.error(request, _("Choose an action and give a reason."))
    elif form["action"] == "resolve" and not form["evidence"]:
        messages.error(request, _("To settle by hand, say what shows that it is settled."))
    else:
        return True
    return False


@dataclass(frozen=True)
class Progress:
    done: int
    refused: list[Json]
    after: str
    left: int


def _act_on_all(why: str, form: Mapping[str, str], actor: Actor) -> Progress:
    """Batch after batch, for as long as a page may take."""
    done, refused, after, left = 0, list[Json](), form["after"], 0
    until = time.monotonic() + GROUP_SECONDS
    while True:
        told = services.act_on_all(
            actor=actor,
            action=form["action"],
            stuck_for=why,
            reason=form["reason"],
            evidence=form["evidence"],
            after=after,
        )
        done, refused = done + int(told["done"]), [*refused, *told["refused"]]
        after, left = str(told["after"] or ""), int(told["left"])
        if not after or time.monotonic() > until:
            return Progress(done, refused, after, left)


def _tell_of_all(request: HttpRequest, action: str, told: Progress) -> None:
    words = ngettext(
        "%(action)s of %(number)s saga is taken; it goes on by itself.",
        "%(action)s of %(number)s sagas is taken; they go on by themselves.",
        told.done,
    )
    messages.info(request, words % {"action": action.capitalize(), "number": told.done})
    for each in told.refused[:MAX_BULK]:
        messages.error(request, f"{each['correlation_id']}: {each['detail']}")
