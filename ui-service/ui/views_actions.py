"""What operators do to sagas. The backend checks each action and writes its audit row."""

from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST
from service_kit.rules import CORRELATION_ID

from ui import console, incidents, selectors, services
from ui.backend_client import Actor, ServiceTrouble, Unavailable, optional
from ui.identity import console_actor, role_of
from ui.models import User
from ui.sagas import SagaView, from_status
from ui.views_console import show_list, staff_only
from ui.views_trips import safe_next

MAX_BULK = 50
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
    definition = console.definitions(actor=actor).get(saga.definition)
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
