"""A booking under way, or being undone: one page that is safe to reload, close and come back to.

Once it is booked the page leads to the trip; with `?how=1` it shows how it went.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_sagas.clock import utc_now
from service_kit.rules import CORRELATION_ID

from ui import patience, selectors, services
from ui.backend_client import Actor, Rejected, Unavailable, optional
from ui.booking import drafts, moments, payments
from ui.booking.views import address
from ui.identity import owner_of, owners_of
from ui.models import Attempt, Draft
from ui.search import selectors as search_selectors
from ui.view_models import travel
from ui.view_models.sagas import SagaView

SEAT_TROUBLE = ("SEAT_UNAVAILABLE",)


def _tracked(request: HttpRequest, correlation_id: str) -> dict[str, Any]:
    """One saga with the next steps that its page offers."""
    attempt = drafts.attempts_of(owners_of(request), [correlation_id]).get(correlation_id)
    actor = Actor(attempt.owner_id) if attempt else owner_of(request, correlation_id)
    saga = selectors.saga(correlation_id, actor=actor)
    if attempt:
        payments.note(saga)
    return {
        "saga": saga,
        "next": next_steps(saga, attempt) if saga.failed else [],
        "moment": moments.moment_of(saga),
        "money": moments.money_of(saga),
        "seconds": _seconds_until(saga.gives_up_at),
    }


def _seconds_until(moment: datetime | None) -> int:
    return max(0, round((moment - utc_now()).total_seconds())) if moment else 0


def trip_of(saga: SagaView) -> str:
    """The trip's page, if the saga has just made or changed it, be its mail sent or not."""
    if not saga.is_done or not saga.reference:
        return ""
    return f"{reverse('trip', args=[saga.reference])}?{'changed' if saga.is_change else 'new'}=1"


def next_steps(saga: SagaView, attempt: Attempt | None) -> list[dict[str, str]]:
    """Next steps after a failure, the likeliest first; the draft is kept."""
    if saga.is_change:
        return [
            {"label": _("Choose again"), "url": reverse("change_trip", args=[saga.reference])},
            {"label": _("Back to the trip"), "url": reverse("trip", args=[saga.reference])},
        ]
    again = {"label": _("Search other flights"), "url": reverse("search")}
    if attempt is None:
        return [{**again, "label": _("Search again")}]
    draft = attempt.draft
    if drafts.live_attempt(draft) is not None:
        return [{"label": _("See your next try"), "url": reverse("pay", args=[draft.id])}]
    lost = saga.error_code in SEAT_TROUBLE
    leg = _refused_leg(saga, draft)
    seats = address("seats", drafts.selection_of(draft), leg=leg + 1)
    another = _("Choose another seat")
    if lost and len(draft.flights) > 1:
        another = _("Choose another seat on %(flight)s") % {"flight": _number(draft, leg)}
    label = _("Try another card") if saga.error_code == "PAYMENT_DECLINED" else _("Try again")
    card = {"label": label, "url": reverse("pay", args=[draft.id])}
    return [*([] if lost else [card]), {"label": another, "url": seats}, again]


def _refused_leg(saga: SagaView, draft: Draft) -> int:
    """The flight that a refusal names; the first one if it names none."""
    said = saga.result.get("error") or saga.last_error
    words = re.findall("[A-Z0-9]+", str(said))
    named = [leg for leg in range(len(draft.flights)) if _number(draft, leg) in words]
    return named[0] if named else 0


def _number(draft: Draft, leg: int) -> str:
    return str((draft.flights[leg]["shown"] or {}).get("flight_number", ""))


@require_safe
def progress(request: HttpRequest, correlation_id: str) -> HttpResponse:
    tracked = _tracked(request, _valid(correlation_id))
    if "how" not in request.GET and (trip := trip_of(tracked["saga"])):
        return redirect(trip)
    context = {"each": tracked, "ways": travel.ways(_flights(tracked["saga"].flight_ids))}
    return render(request, "ui/booking/progress.html", context)


def _valid(correlation_id: str) -> str:
    if not CORRELATION_ID.fullmatch(correlation_id):
        raise Http404
    return correlation_id


def _flights(ids: Sequence[int]) -> list[travel.Flight]:
    """None at all if the backend does not answer for one, which must not hide the booking."""
    reads = [partial(search_selectors.flight, each) for each in ids]
    return optional(lambda: list(patience.at_once(*reads)), otherwise=[])


@require_safe
def progress_part(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """The live part of the page for one saga: a fragment."""
    tracked = _tracked(request, _valid(correlation_id))
    # htmx stops polling at 286.
    status = 286 if tracked["saga"].is_terminal and "HX-Request" in request.headers else 200
    response = render(request, "ui/booking/progress_part.html", {"each": tracked}, status=status)
    if "how" not in request.GET and (trip := trip_of(tracked["saga"])):
        response["HX-Redirect"] = trip
    return response


@require_POST
def stop(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """The way out while a bank does not answer."""
    saga = _tracked(request, _valid(correlation_id))["saga"]
    try:
        services.stop_booking(actor=Actor(saga.user_id), correlation_id=correlation_id)
    except Rejected:
        messages.info(request, _("It was too late to stop: this is what became of it."))
    except Unavailable:
        messages.info(request, _("We could not stop it just now. It goes on as you see here."))
    return redirect("progress", correlation_id=correlation_id)
