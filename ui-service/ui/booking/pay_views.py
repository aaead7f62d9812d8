"""Review and pay. One draft becomes at most one booking, whatever the browser repeats."""

import time
from collections.abc import Mapping
from functools import partial

import structlog
from django.conf import settings
from django.contrib import messages
from django.db import Error
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django_sagas.database_errors import is_of_the_call

from ui import patience, selectors, services
from ui.backend_client import Json, Rejected, TooMany, Unavailable, optional
from ui.booking import drafts, payments
from ui.booking.forms import DEMO_CARDS, FAILURES, PaymentForm
from ui.booking.progress_views import trip_of
from ui.booking.views import address, journey, legs, summary
from ui.identity import actor_of, for_guests, owners_of
from ui.models import Attempt, Draft
from ui.search import selectors as search_selectors

log = structlog.get_logger(__name__)
LOOK_SECONDS = 0.04


@require_http_methods(["GET", "HEAD", "POST"])
@for_guests
def pay(request: HttpRequest, draft: str) -> HttpResponse:
    kept = drafts.find(draft, owners_of(request))
    if kept is None or not kept.is_priced:
        messages.info(
            request,
            _(
                "That booking is not open in this browser. If you filled it in with an account, log in: "
                "it stands under My trips."
            ),
        )
        return redirect("search")
    if request.method == "POST":
        return _posted(request, kept)
    certain = _look(kept)
    if under_way := drafts.under_way(kept):
        return to_progress(under_way)
    form = PaymentForm(initial={"card_token": "tok_ok" if settings.DEMO_MODE else ""})
    return _page(request, kept, form, ask=certain)


def _look(draft: Draft) -> bool:
    """Look up an open attempt; whether the backend answered."""
    live = drafts.live_attempt(draft)
    if live is None or live.state == Attempt.State.BOOKED:
        return True
    seen = optional(lambda: (payments.look(live),), otherwise=None)
    draft.refresh_from_db()
    return seen is not None


def to_progress(correlation_id: str) -> HttpResponse:
    return redirect("progress", correlation_id=correlation_id)


def _posted(request: HttpRequest, draft: Draft) -> HttpResponse:
    form = PaymentForm(request.POST)
    if under_way := drafts.under_way(draft):
        return to_progress(under_way)
    if not form.is_valid():
        return _page(request, draft, form, status=422)
    version = form.cleaned_data["key"]
    try:
        attempt = payments.begin(draft, version=version, owner_id=actor_of(request).user_id)
    except payments.Stale:
        return _stale(request, draft, form, version)
    except Error as error:
        if is_of_the_call(error):
            raise
        log.warning("attempt_not_written", draft=draft.id, error=repr(error))
        form.add_error(
            None, _("We could not take your payment just now. Nothing was sent or charged: try again.")
        )
        return _page(request, draft, form, status=503, ask=False)
    return _send(request, draft, attempt, form)


def _stale(request: HttpRequest, draft: Draft, form: PaymentForm, version: str) -> HttpResponse:
    """A form older than the draft starts nothing: the page shows what it started, or what has changed."""
    # Earlier releases used the version as the key.
    begun = draft.attempts.filter(Q(version=version) | Q(key=version)).first()
    if begun and begun.correlation_id:
        return to_progress(begun.correlation_id)
    draft.refresh_from_db()
    form.add_error(None, _("Something changed since this page was shown. Please check it and pay again."))
    return _page(request, draft, form, status=409)


def _send(request: HttpRequest, draft: Draft, attempt: Attempt, form: PaymentForm) -> HttpResponse:
    """Send an attempt that the backend may not have. A repeat with the same key starts nothing new."""
    failures, wait, status = form.failures(demo_mode=settings.DEMO_MODE), 0, 422
    token = form.cleaned_data["card_token"]
    try:
        if not attempt.correlation_id:
            _send_one(request, draft, attempt, token, failures)
    except Rejected as refusal:
        form.add_error(None, "; ".join(refusal.errors.values()) or refusal.detail)
    except TooMany as refusal:
        form.add_error(None, refusal.detail)
        wait, status = refusal.wait, 429
    except Unavailable:
        form.add_error(
            None,
            _(
                "The booking desk does not answer just now, and may have got your payment. "
                "Try again: you will not be charged twice."
            ),
        )
        status = 503
    if attempt.correlation_id:
        return _made_at_once(attempt) or to_progress(attempt.correlation_id)
    response = _page(request, draft, form, status=status, ask=status != 503)
    if wait:
        response["Retry-After"] = str(wait)
    return response


def _made_at_once(attempt: Attempt) -> HttpResponse | None:
    """To the trip: most bookings are made in less time than it takes to show their progress."""
    deadline = time.monotonic() + settings.AT_ONCE_SECONDS
    while time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
        saga = optional(partial(payments.look, attempt), otherwise=None)
        if saga is None or saga.is_terminal or saga.is_slow:
            return redirect(trip) if saga and (trip := trip_of(saga)) else None
    return None


def _send_one(
    request: HttpRequest, draft: Draft, attempt: Attempt, token: str, failures: Mapping[str, bool]
) -> None:
    try:
        started = services.start_booking(draft=draft, attempt=attempt, card_token=token, failures=failures)
    except Rejected as refusal:
        # The backend has this attempt with another card or choice: that one counts.
        if refusal.status != 422 or not refusal.correlation_id:
            raise
        messages.info(
            request, _("Your first try had reached us. This is what became of it; nothing else was sent.")
        )
        started = refusal.correlation_id
    payments.record(attempt, started)


def _page(
    request: HttpRequest, draft: Draft, form: PaymentForm, *, status: int = 200, ask: bool = True
) -> HttpResponse:
    """All flights with the price of the trip; `ask`: whether the backend is available.

    Without the backend they are as last shown: it compares the price again before it books.
    """
    chosen = drafts.selection_of(draft)
    told = _told_now(chosen) if ask else None
    found = legs(chosen, told or [each["shown"] for each in draft.flights])
    price = journey(chosen, found).quote.total
    changed = price != draft.price
    if changed:
        draft = drafts.reprice(draft, price=price, shown=[leg["told"] for leg in found])
    context = {
        **summary(chosen, found),
        "draft": draft,
        "form": form,
        "key": draft.version,
        "unanswered": drafts.live_attempt(draft) is not None,
        "certain": ask,
        "card": form["card_token"].value(),
        "cards": DEMO_CARDS,
        "failures": [(name, label, text, name in request.POST) for name, label, text in FAILURES],
        "price_changed": changed,
        "simulated": not settings.DEMO_MODE and selectors.payments_are_simulated(),
        "back": address("passengers", chosen),
        "seats_again": [address("seats", chosen, leg=n) for n in range(1, len(found) + 1)],
    }
    response = render(request, "ui/booking/pay.html", context, status=status)
    if status == 503:
        response["Retry-After"] = "2"
    return response


def _told_now(chosen: drafts.Selection) -> list[Json] | None:
    reads = [partial(search_selectors.flight_told, flight_id) for flight_id in chosen.flights]
    return optional(lambda: patience.at_once(*reads), otherwise=None)
