"""A booking under way, or being undone: one page that is safe to reload, close and come back to."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from service_kit.fields import CORRELATION_ID

from ui import drafts, selectors
from ui.identity import owner_of
from ui.sagas import SagaView
from ui.views_booking import address

SEAT_TROUBLE = ("SEAT_UNAVAILABLE",)


def _tracked(request: HttpRequest, correlation_id: str) -> dict[str, Any]:
    """One saga with what its page offers next."""
    saga = selectors.saga(correlation_id, actor=owner_of(request, correlation_id))
    draft = drafts.of_saga(request.session, correlation_id)
    return {"saga": saga, "next": _next_steps(saga, draft) if saga.failed else []}


def _next_steps(saga: SagaView, draft: drafts.Draft | None) -> list[dict[str, str]]:
    """What to do after a failure, the likeliest first; the filled-in booking is still there."""
    if draft is None:
        return [{"label": "Search again", "url": reverse("search")}]
    leg = next((n for n, each in enumerate(draft.selection.flights) if each == saga.flight_id), 0)
    chosen = draft.selection.without_seats(leg) if saga.error_code in SEAT_TROUBLE else draft.selection
    seats = {"label": "Choose another seat", "url": address("seats", chosen, leg=leg + 1)}
    card = {"label": "Try another card", "url": reverse("pay", args=[draft.selection.draft])}
    again = {"label": "Search other flights", "url": reverse("search")}
    if saga.error_code in SEAT_TROUBLE:
        return [seats, again]
    return (
        [card, seats, again]
        if saga.error_code == "PAYMENT_DECLINED"
        else [{**card, "label": "Try again"}, seats]
    )


def _ids(request: HttpRequest, correlation_id: str) -> list[str]:
    also = request.GET.get("and", "")
    ids = [correlation_id, *([also] if also else [])]
    if not all(CORRELATION_ID.fullmatch(each) for each in ids):
        raise Http404
    return ids


@require_safe
def progress(request: HttpRequest, correlation_id: str) -> HttpResponse:
    tracked = [_tracked(request, each) for each in _ids(request, correlation_id)]
    done = all(each["saga"].is_terminal for each in tracked)
    context = {"tracked": tracked, "done": done, "several": len(tracked) > 1}
    return render(request, "ui/booking/progress.html", context)


@require_safe
def progress_part(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """The live part of the page for one saga: a fragment."""
    tracked = _tracked(request, _ids(request, correlation_id)[0])
    # htmx stops polling at 286.
    status = 286 if tracked["saga"].is_terminal and "HX-Request" in request.headers else 200
    return render(request, "ui/booking/progress_part.html", {"each": tracked}, status=status)
