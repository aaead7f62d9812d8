"""Review and pay. One draft becomes at most one booking per flight, whatever the browser repeats."""

from collections.abc import Mapping, Sequence
from functools import partial

import structlog
from django.conf import settings
from django.contrib import messages
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods
from django_sagas.database_errors import is_of_the_call

from ui import drafts, patience, payments, selectors, services
from ui.backend_client import Json, Rejected, TooMany, Unavailable, optional
from ui.forms import DEMO_CARDS, FAILURES, PaymentForm
from ui.identity import actor_of, for_guests, owners_of
from ui.models import Attempt, Draft
from ui.views_booking import address, legs, priced_leg, summary

log = structlog.get_logger(__name__)
Live = dict[int, Attempt]


@require_http_methods(["GET", "HEAD", "POST"])
@for_guests
def pay(request: HttpRequest, draft: str) -> HttpResponse:
    kept = drafts.find(draft, owners_of(request))
    if kept is None or not kept.is_priced:
        messages.info(
            request,
            "That booking is not open in this browser. If you filled it in with an account, log in: "
            "it stands under My trips.",
        )
        return redirect("search")
    if request.method == "POST":
        return _posted(request, kept)
    certain = _look(kept)
    live = drafts.live_attempts(kept)
    if not drafts.open_legs(kept, live):
        return to_progress(live)
    form = PaymentForm(initial={"card_token": "tok_ok" if settings.DEMO_MODE else ""})
    return _page(request, kept, live, form, ask=certain)


def _look(draft: Draft) -> bool:
    """Look up open attempts; whether the backend answered."""
    live = drafts.live_attempts(draft).values()
    looks = [partial(payments.look, each) for each in live if each.state != Attempt.State.BOOKED]
    certain = optional(lambda: [look() for look in looks], otherwise=None) is not None
    draft.refresh_from_db()
    return certain


def to_progress(attempts: Live) -> HttpResponse:
    """Redirect to the started bookings, in the order of the flights."""
    ids = [attempts[leg].correlation_id for leg in sorted(attempts) if attempts[leg].correlation_id]
    also = f"?and={ids[1]}" if len(ids) > 1 else ""
    return redirect(reverse("progress", args=[ids[0]]) + also)


def _posted(request: HttpRequest, draft: Draft) -> HttpResponse:
    form = PaymentForm(request.POST)
    live = drafts.live_attempts(draft)
    if not drafts.open_legs(draft, live):
        return to_progress(live)
    if not form.is_valid():
        return _page(request, draft, live, form, status=422)
    version = form.cleaned_data["key"]
    try:
        attempts = payments.begin(draft, version=version, owner_id=actor_of(request).user_id)
    except payments.Stale:
        return _stale(request, draft, form, version)
    except Error as error:
        if is_of_the_call(error):
            raise
        log.warning("attempt_not_written", draft=draft.id, error=repr(error))
        form.add_error(
            None, "We could not take your payment just now. Nothing was sent or charged: try again."
        )
        return _page(request, draft, live, form, status=503, ask=False)
    return _send(request, draft, attempts, form)


def _stale(request: HttpRequest, draft: Draft, form: PaymentForm, version: str) -> HttpResponse:
    """A form older than the draft starts nothing: the page shows what it started, or what has changed."""
    keys = [payments.key_of(version, leg) for leg in range(len(draft.flights))]
    begun = {each.leg: each for each in draft.attempts.filter(key__in=keys)}
    if any(each.correlation_id for each in begun.values()):
        return to_progress(begun)
    draft.refresh_from_db()
    form.add_error(None, "Something changed since this page was shown. Please check it and pay again.")
    return _page(request, draft, drafts.live_attempts(draft), form, status=409)


def _send(request: HttpRequest, draft: Draft, attempts: Sequence[Attempt], form: PaymentForm) -> HttpResponse:
    """Send attempts that the backend may not have. A repeat with the same key starts nothing new."""
    failures, wait, status = form.failures(demo_mode=settings.DEMO_MODE), 0, 422
    token = form.cleaned_data["card_token"]
    try:
        for attempt in attempts:
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
            "The booking desk does not answer just now, and may have got your payment. "
            "Try again: you will not be charged twice.",
        )
        status = 503
    live = {attempt.leg: attempt for attempt in attempts}
    if any(attempt.correlation_id for attempt in attempts):
        if form.errors:
            messages.warning(
                request,
                "One of your two flights is not on its way yet: look under My trips to go on with it.",
            )
        return to_progress(live)
    response = _page(request, draft, live, form, status=status, ask=status != 503)
    if wait:
        response["Retry-After"] = str(wait)
    return response


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
            request, "Your first try had reached us. This is what became of it; nothing else was sent."
        )
        started = refusal.correlation_id
    payments.record(attempt, started)


def _page(
    request: HttpRequest, draft: Draft, live: Live, form: PaymentForm, *, status: int = 200, ask: bool = True
) -> HttpResponse:
    """The flights that are not under way yet, with their prices; `ask`: whether the backend is available.

    Without the backend they are as last shown: it compares the price again before it books.
    """
    open_legs = drafts.open_legs(draft, live)
    chosen = drafts.selection_of(draft, open_legs)
    told = _told_now(chosen) if ask else None
    found = legs(chosen, told or [draft.flights[leg]["shown"] for leg in open_legs])
    changes = dict(zip(open_legs, map(priced_leg, found), strict=True))
    changed = any(priced["price"] != draft.flights[leg]["price"] for leg, priced in changes.items())
    if changed:
        draft = drafts.reprice(draft, changes)
    context = {
        **summary(chosen, found),
        "draft": draft,
        "form": form,
        "key": draft.version,
        "unanswered": any(leg in live for leg in open_legs),
        "certain": ask,
        "under_way": [each for each in live.values() if each.correlation_id],
        "card": form["card_token"].value(),
        "cards": DEMO_CARDS,
        "failures": [(name, label, text, name in request.POST) for name, label, text in FAILURES],
        "price_changed": changed,
        "simulated": not settings.DEMO_MODE and selectors.payments_are_simulated(),
        "back": address("passengers", chosen),
        "seats_again": address("seats", chosen),
    }
    response = render(request, "ui/booking/pay.html", context, status=status)
    if status == 503:
        response["Retry-After"] = "2"
    return response


def _told_now(chosen: drafts.Selection) -> list[Json] | None:
    reads = [partial(selectors.flight_told, flight_id) for flight_id in chosen.flights]
    return optional(lambda: patience.at_once(*reads), otherwise=None)
