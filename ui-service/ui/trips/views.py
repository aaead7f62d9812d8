"""Trips: list, one trip, documents, cancellation, and retrieval without an account."""

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe
from django_sagas.clock import utc_now

from ui import error_views, patience, services, throttle
from ui.backend_client import Rejected, Unavailable, optional
from ui.booking import drafts, payments
from ui.booking.progress_views import next_steps
from ui.identity import actor_of, is_own, open_for_guest, owner_of, owners_of
from ui.models import Attempt, Draft
from ui.patience import NoPlaceError
from ui.trips import documents, selectors
from ui.trips.forms import FindTripForm
from ui.view_models.bookings import Booking
from ui.view_models.sagas import SagaView, moment
from ui.view_models.travel import Journey, flight_from, ways

SHOWN = {
    "": gettext_lazy("All"),
    "upcoming": gettext_lazy("Upcoming"),
    "past": gettext_lazy("Past"),
    "cancelled": gettext_lazy("Cancelled"),
}
MOST_UNPAID, MOST_FAILED = 2, 5
QUOTE_ID = re.compile("[0-9a-f-]{36}")
QUOTE_IS_OVER = ("QUOTE_EXPIRED", "QUOTE_CHANGED")


def _booking(request: HttpRequest, reference: str) -> Booking:
    return selectors.booking(reference, actor=owner_of(request, reference))


@require_safe
def trips(request: HttpRequest) -> HttpResponse:
    now, show, owners = utc_now(), request.GET.get("show", ""), owners_of(request)
    actor, show = actor_of(request), show if show in SHOWN else ""
    unanswered = _ask_about(drafts.unanswered(owners, most=MOST_UNPAID))
    try:
        found, sagas = patience.at_once(
            partial(selectors.trips_of, actor, time=show, after=request.GET.get("after", "")),
            partial(selectors.newest_sagas, actor),
        )
        away = False
    except Unavailable:
        # Drafts and attempts are in this database: shown even if the backend is unavailable.
        found, sagas, away = selectors.Trips([], {}, ""), [], True
    counts = {"": sum(found.counts.values()), **found.counts}
    context = {
        "under_way": [saga for saga in sagas if not saga.is_terminal and not saga.is_done],
        "unanswered": unanswered,
        "failed": _failed(owners, sagas, now - timedelta(days=settings.DRAFT_DAYS)),
        "unpaid": drafts.unpaid(owners, most=MOST_UNPAID),
        "trips": [(each, each.when(now), each.can_be_cancelled(now)) for each in found.shown],
        "tabs": [(key, label, counts.get(key, 0)) for key, label in SHOWN.items()],
        "show": show,
        "more": found.more,
        "away": away,
        "form": FindTripForm(use_required_attribute=False),
    }
    response = render(request, "ui/trips/list.html", context, status=503 if away else 200)
    if away:
        response["Retry-After"] = error_views.RETRY_AFTER[503]
    return response


def _ask_about(attempts: list[Attempt]) -> list[Draft]:
    """Drafts of attempts that the backend may not have; the others are in its own lists."""
    missing = [
        attempt.draft
        for attempt in attempts
        if optional(partial(payments.look, attempt), otherwise=None) is None
    ]
    return list({draft.id: draft for draft in missing}.values())


def _failed(owners: list[str], sagas: list[SagaView], since: datetime) -> list[dict[str, Any]]:
    """Recent failed bookings that were not tried again, with reason and next step."""
    ended = [saga for saga in sagas if saga.is_terminal]
    attempts = drafts.attempts_of(owners, [saga.correlation_id for saga in ended])
    for saga in ended:
        if saga.correlation_id in attempts:
            payments.note(saga)
    lately = [saga for saga in ended if not saga.reference and saga.created_at and saga.created_at > since]
    shown: list[dict[str, Any]] = []
    for saga in lately:
        attempt = attempts.get(saga.correlation_id)
        if len(shown) < MOST_FAILED and not (attempt and drafts.tried_again(attempt)):
            shown.append({"saga": saga, "ways": _ways_of(attempt), "next": next_steps(saga, attempt)})
    return shown


def _ways_of(attempt: Attempt | None) -> list[Journey]:
    flights = attempt.draft.flights if attempt else []
    return ways([flight_from(each["shown"]) for each in flights])


@require_http_methods(["GET", "HEAD", "POST"])
def find(request: HttpRequest) -> HttpResponse:
    """A trip by reference and surname. A wrong surname and a wrong reference get the same answer."""
    form = FindTripForm(request.POST or None, use_required_attribute=False)
    if request.method == "POST" and form.is_valid():
        reference = form.cleaned_data["reference"]
        if wait := throttle.seconds_to_wait(request, {"finds": 1}, who=reference):
            return error_views.too_often(request, wait)
        booking = selectors.find_booking(reference, form.cleaned_data["surname"])
        if booking is not None:
            keys = (booking.reference, booking.correlation_id)
            open_for_guest(request, keys=keys, user_id=booking.user_id)
            return redirect("trip", reference=booking.reference)
        error_views.note_refusal(request, "NOT_FOUND")
        form.add_error(None, _("There is no trip with this reference and last name."))
    status = 422 if form.errors else 200
    return render(request, "ui/trips/find.html", {"form": form}, status=status)


@require_safe
def trip(request: HttpRequest, reference: str) -> HttpResponse:
    booking, now = _booking(request, reference), utc_now()
    passes = documents.boarding_passes(booking)
    context = {
        "trip": booking,
        "passes": passes,
        "passengers": len(booking.tickets),
        "when": booking.when(now),
        "cancellable": booking.can_be_cancelled(now),
        "new": booking.is_live and "new" in request.GET,
        "changed": booking.is_live and "changed" in request.GET,
        "claimable": isinstance(request.user, AnonymousUser) and is_own(request, booking.user_id),
    }
    return render(request, "ui/trips/trip.html", context)


@require_safe
def ticket_page(request: HttpRequest, reference: str) -> HttpResponse:
    booking = _booking(request, reference)
    context = {"trip": booking, "passes": documents.boarding_passes(booking)}
    return render(request, "ui/trips/ticket.html", context)


@require_safe
def ticket_pdf(request: HttpRequest, reference: str) -> HttpResponse:
    booking = _booking(request, reference)
    try:
        content = documents.pdf(booking)
    except NoPlaceError:
        return error_views.busy(request, _("Many tickets are asked for just now. Reload to try again."))
    return _file(content, "application/pdf", f"{booking.reference}.pdf")


@require_safe
def calendar_file(request: HttpRequest, reference: str) -> HttpResponse:
    booking = _booking(request, reference)
    content = documents.calendar(booking, now=utc_now()).encode()
    return _file(content, "text/calendar; charset=utf-8", f"{booking.reference}.ics")


def _file(content: bytes, content_type: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return HttpResponse(content, content_type=content_type, headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, reference: str) -> HttpResponse:
    """Shows what a cancellation gives back; the form carries the quote, so that nothing else is agreed to."""
    booking = _booking(request, reference)
    if request.method == "POST":
        return _cancelled(request, booking)
    mine = is_own(request, booking.user_id)
    context: dict[str, Any] = {"trip": booking, "mine": mine}
    if booking.can_be_cancelled(utc_now()):
        try:
            quote = selectors.cancel_quote(booking.reference, actor=owner_of(request, booking.reference))
        except Rejected as refusal:
            context["refusal"] = refusal.detail
        else:
            context |= {"quote": quote, **(_balances(request, booking, quote.miles) if mine else {})}
    return render(request, "ui/trips/cancel.html", context)


def _balances(request: HttpRequest, booking: Booking, miles: int) -> dict[str, int]:
    """Only for the owner: access by reference and last name shows nothing of the account."""
    account = optional(partial(selectors.loyalty, actor_of(request), booking.user_id), otherwise=None)
    if account is None:
        return {}
    return {"balance": account["balance"], "balance_after": account["balance"] - miles}


def _cancelled(request: HttpRequest, booking: Booking) -> HttpResponse:
    quote = request.POST.get("quote", "")
    if not QUOTE_ID.fullmatch(quote):
        return redirect("cancel_trip", reference=booking.reference)
    try:
        services.cancel_booking(
            actor=owner_of(request, booking.reference), reference=booking.reference, quote_id=quote
        )
    except Rejected as refusal:
        if refusal.code in QUOTE_IS_OVER or "quote_id" in refusal.errors:
            messages.warning(
                request,
                _("Nothing was cancelled: what we showed you no longer holds. Here is what holds now."),
            )
            return redirect("cancel_trip", reference=booking.reference)
        messages.error(request, refusal.detail)
        return redirect("trip", reference=booking.reference)
    except Unavailable:
        messages.info(request, _("The cancellation takes a little longer. Here is how it stands."))
    return redirect(f"{reverse('progress', args=[booking.correlation_id])}?how=1")


@require_safe
def loyalty(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    (account, earlier), (trips, _) = patience.at_once(
        partial(selectors.miles, actor),
        partial(optional, partial(selectors.bookings_of, actor), otherwise=([], "")),
    )
    references = {each.correlation_id: each.reference for each in trips}
    entries = [
        {**entry, "at": moment(entry["created_at"]), "reference": references.get(entry["correlation_id"], "")}
        for entry in account["entries"]
    ]
    context = {
        "account": account,
        "earlier": earlier,
        "entries": entries,
        "more": account.get("next"),
        **_tier(account),
    }
    return render(request, "ui/account/loyalty.html", context)


def _tier(account: dict[str, Any]) -> dict[str, Any]:
    """Progress to the next tier, in percent of its threshold."""
    following = account.get("next_tier")
    if not following:
        return {"next_tier": None, "percent": 100 if account.get("tier") else 0}
    missing = int(following["miles_missing"])
    needed = max(int(account["balance"]) + missing, 1)
    return {"next_tier": following, "percent": max(0, min(100, 100 * int(account["balance"]) // needed))}
