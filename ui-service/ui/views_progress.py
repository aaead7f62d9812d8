"""A booking under way, or being undone: one page that is safe to reload, close and come back to."""

import re
from collections.abc import Sequence
from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from service_kit.rules import CORRELATION_ID

from ui import drafts, patience, payments, selectors, travel
from ui.backend_client import Actor, optional
from ui.identity import owner_of, owners_of
from ui.models import Attempt, Draft
from ui.sagas import SagaView
from ui.views_booking import address

SEAT_TROUBLE = ("SEAT_UNAVAILABLE",)


def _tracked(request: HttpRequest, correlation_id: str) -> dict[str, Any]:
    """One saga with the next steps that its page offers."""
    attempt = drafts.attempts_of(owners_of(request), [correlation_id]).get(correlation_id)
    actor = Actor(attempt.owner_id) if attempt else owner_of(request, correlation_id)
    saga = selectors.saga(correlation_id, actor=actor)
    if attempt:
        payments.note(saga)
    return {"saga": saga, "next": next_steps(saga, attempt) if saga.failed else []}


def next_steps(saga: SagaView, attempt: Attempt | None) -> list[dict[str, str]]:
    """Next steps after a failure, the likeliest first; the draft is kept."""
    if saga.is_change:
        return [
            {"label": "Choose again", "url": reverse("change_trip", args=[saga.reference])},
            {"label": "Back to the trip", "url": reverse("trip", args=[saga.reference])},
        ]
    again = {"label": "Search other flights", "url": reverse("search")}
    if attempt is None:
        return [{**again, "label": "Search again"}]
    draft = attempt.draft
    if drafts.live_attempt(draft) is not None:
        return [{"label": "See your next try", "url": reverse("pay", args=[draft.id])}]
    lost = saga.error_code in SEAT_TROUBLE
    leg, chosen = _refused_leg(saga, draft), drafts.selection_of(draft)
    seats = address("seats", chosen.without_seats(leg) if lost else chosen, leg=leg + 1)
    on = f" on {_number(draft, leg)}" if lost and len(draft.flights) > 1 else ""
    label = "Try another card" if saga.error_code == "PAYMENT_DECLINED" else "Try again"
    card = {"label": label, "url": reverse("pay", args=[draft.id])}
    return [*([] if lost else [card]), {"label": f"Choose another seat{on}", "url": seats}, again]


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
    context = {"each": tracked, "ways": travel.ways(_flights(tracked["saga"].flight_ids))}
    return render(request, "ui/booking/progress.html", context)


def _valid(correlation_id: str) -> str:
    if not CORRELATION_ID.fullmatch(correlation_id):
        raise Http404
    return correlation_id


def _flights(ids: Sequence[int]) -> list[travel.Flight]:
    """None at all if the backend does not answer for one, which must not hide the booking."""
    reads = [partial(selectors.flight, each) for each in ids]
    return optional(lambda: list(patience.at_once(*reads)), otherwise=[])


@require_safe
def progress_part(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """The live part of the page for one saga: a fragment."""
    tracked = _tracked(request, _valid(correlation_id))
    # htmx stops polling at 286.
    status = 286 if tracked["saga"].is_terminal and "HX-Request" in request.headers else 200
    return render(request, "ui/booking/progress_part.html", {"each": tracked}, status=status)
