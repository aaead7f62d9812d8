"""A booking under way, or being undone: one page that is safe to reload, close and come back to."""

from functools import partial
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe
from service_kit.rules import CORRELATION_ID

from ui import drafts, patience, payments, selectors
from ui.backend_client import Actor, optional
from ui.identity import owner_of, owners_of
from ui.models import Attempt, Draft
from ui.sagas import SagaView
from ui.travel import Flight
from ui.views_booking import address

SEAT_TROUBLE = ("SEAT_UNAVAILABLE",)
LEGS = ("outbound", "return")


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
    again = {"label": "Search other flights", "url": reverse("search")}
    if attempt is None:
        return [{**again, "label": "Search again"}]
    draft = attempt.draft
    live = _as_they_stand(draft)
    still_open = drafts.open_legs(draft, live)
    if attempt.leg not in still_open:
        return [{"label": "See your next try", "url": reverse("pay", args=[draft.id])}]
    lost = saga.error_code in SEAT_TROUBLE
    leg, chosen = still_open.index(attempt.leg), drafts.selection_of(draft, still_open)
    seats = address("seats", chosen.without_seats(leg) if lost else chosen, leg=leg + 1)
    label = "Try another card" if saga.error_code == "PAYMENT_DECLINED" else "Try again"
    card = {"label": label, "url": reverse("pay", args=[draft.id])}
    return [
        *([] if lost else [card]), {"label": "Choose another seat", "url": seats}, *_give_back(live), again
    ]  # fmt: skip


def _as_they_stand(draft: Draft) -> dict[int, Attempt]:
    """The live attempts of a draft, after a look-up of the open ones."""
    for attempt in drafts.live_attempts(draft).values():
        if attempt.state == Attempt.State.STARTED:
            optional(partial(payments.look, attempt), otherwise=None)
    return drafts.live_attempts(draft)


def _give_back(live: dict[int, Attempt]) -> list[dict[str, str]]:
    """One flight of a return may be of no use without the other."""
    return [
        {
            "label": f"Cancel the {LEGS[each.leg]} flight {each.booking_reference}",
            "url": reverse("cancel_trip", args=[each.booking_reference]),
        }
        for each in live.values()
        if each.state == Attempt.State.BOOKED
    ]


def _ids(request: HttpRequest, correlation_id: str) -> list[str]:
    also = request.GET.get("and", "")
    ids = [correlation_id, *([also] if also else [])]
    if not all(CORRELATION_ID.fullmatch(each) for each in ids):
        raise Http404
    return ids


@require_safe
def progress(request: HttpRequest, correlation_id: str) -> HttpResponse:
    ids = _ids(request, correlation_id)
    tracked = [_tracked(request, each) for each in ids]
    flights = patience.at_once(*(partial(_flight, each["saga"].flight_id) for each in tracked))
    tracked = [{**each, "flight": flight} for each, flight in zip(tracked, flights, strict=True)]
    done = all(each["saga"].is_terminal for each in tracked)
    context = {"tracked": tracked, "done": done, "several": len(tracked) > 1}
    return render(request, "ui/booking/progress.html", context)


def _flight(flight_id: int | None) -> Flight | None:
    """None also if the backend does not answer, which must not hide the booking."""
    return optional(partial(selectors.flight, flight_id), otherwise=None) if flight_id else None


@require_safe
def progress_part(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """The live part of the page for one saga: a fragment."""
    tracked = _tracked(request, *_ids(request, correlation_id)[:1])
    # htmx stops polling at 286.
    status = 286 if tracked["saga"].is_terminal and "HX-Request" in request.headers else 200
    return render(request, "ui/booking/progress_part.html", {"each": tracked}, status=status)
