"""A booking under way, or being undone: one page that is safe to reload, close and come back to."""

from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from service_kit.fields import CORRELATION_ID

from ui import drafts, patience, selectors
from ui.backend_client import optional
from ui.identity import owner_of
from ui.sagas import SagaView
from ui.travel import Flight
from ui.views_booking import address

SEAT_TROUBLE = ("SEAT_UNAVAILABLE",)


def _saga(request: HttpRequest, correlation_id: str) -> SagaView:
    return selectors.saga(correlation_id, actor=owner_of(request, correlation_id))


def _tracked(request: HttpRequest, correlation_id: str, other: str = "") -> dict[str, Any]:
    """One saga with what its page offers next; `other` is the saga of the other flight of a return trip."""
    saga = _saga(request, correlation_id)
    following = _next_steps(saga, _still_to_book(request, saga, other)) if saga.failed else []
    return {"saga": saga, "next": following, "other": other}


def _still_to_book(request: HttpRequest, saga: SagaView, other: str) -> drafts.Draft | None:
    """The filled-in booking; of a return trip only the flight that failed, unless both did."""
    draft = drafts.of_saga(request.session, saga.correlation_id)
    if draft is None or not draft.selection.is_return or (other and _saga(request, other).failed):
        return draft
    return drafts.only_leg(request.session, draft, _leg(draft, saga))


def _leg(draft: drafts.Draft, saga: SagaView) -> int:
    return next((n for n, each in enumerate(draft.selection.flights) if each == saga.flight_id), 0)


def _next_steps(saga: SagaView, draft: drafts.Draft | None) -> list[dict[str, str]]:
    """What to do after a failure, the likeliest first; the filled-in booking is still there."""
    if draft is None:
        return [{"label": "Search again", "url": reverse("search")}]
    leg = _leg(draft, saga)
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
    ids = _ids(request, correlation_id)
    tracked = [_tracked(request, each, *(set(ids) - {each})) for each in ids]
    flights = patience.at_once(*(partial(_flight, each["saga"].flight_id) for each in tracked))
    tracked = [{**each, "flight": flight} for each, flight in zip(tracked, flights, strict=True)]
    done = all(each["saga"].is_terminal for each in tracked)
    context = {"tracked": tracked, "done": done, "several": len(tracked) > 1}
    return render(request, "ui/booking/progress.html", context)


def _flight(flight_id: int | None) -> Flight | None:
    """None also when the backend cannot say, which must not hide the booking."""
    return optional(partial(selectors.flight, flight_id), otherwise=None) if flight_id else None


@require_safe
def progress_part(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """The live part of the page for one saga: a fragment."""
    tracked = _tracked(request, *_ids(request, correlation_id))
    # htmx stops polling at 286.
    status = 286 if tracked["saga"].is_terminal and "HX-Request" in request.headers else 200
    return render(request, "ui/booking/progress_part.html", {"each": tracked}, status=status)
