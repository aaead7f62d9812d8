"""Changing a trip: choose one of its flights, another day, flight or seats, see the price, confirm.

A journey with changes is also changed as a whole: its flights rarely fit those of another day.
"""

from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django_sagas.clock import utc_now

from ui import patience, services
from ui.backend_client import Rejected, Unavailable
from ui.booking.forms import DEMO_CARDS, CardForm
from ui.forms import MAX_FLIGHT, MAX_PASSENGERS, number
from ui.identity import is_own, open_for_guest, owner_of
from ui.search import selectors as search_selectors
from ui.trips import selectors, trip_changes
from ui.trips.trip_changes import Seating, Way
from ui.trips.views import QUOTE_ID, QUOTE_IS_OVER
from ui.view_models.bookings import Booking
from ui.view_models.travel import Flight, Journey, why_no_trip


def _booking(request: HttpRequest, reference: str) -> Booking:
    return selectors.booking(reference, actor=owner_of(request, reference))


@require_http_methods(["GET", "HEAD", "POST"])
def change(request: HttpRequest, reference: str) -> HttpResponse:
    """The choice, in the address; a POST shows what it costs."""
    booking, now = _booking(request, reference), utc_now()
    if not booking.can_be_changed(now):
        messages.warning(request, _("This trip cannot be changed any more."))
        return redirect("trip", reference=booking.reference)
    chosen = request.POST if request.method == "POST" else request.GET
    leg = number(chosen.get("leg", ""), most=len(booking.flown), default=0) - 1
    flight_id = number(chosen.get("flight", ""), most=MAX_FLIGHT, default=0)
    ways = trip_changes.connecting(booking)
    context: dict[str, Any] = {"trip": booking, "today": now.date().isoformat(), "leg": leg + 1, "ways": ways}
    way = next((each for each in ways if str(each.number) == chosen.get("way")), None)
    day = _day(chosen.get("day", ""))
    if way and request.method == "POST":
        return _journey(request, booking, way, context)
    if way:
        return _offers(request, booking, way.leg, way.journey, day, {**context, "way": way})
    if leg < 0:
        return render(request, "ui/trips/change.html", context)
    if flight_id:
        return _seats(request, booking, leg, flight_id, context)
    return _offers(request, booking, leg, Journey((booking.flights[leg],)), day, context)


def _offers(
    request: HttpRequest,
    booking: Booking,
    leg: int,
    replaced: Journey,
    day: date | None,
    context: dict[str, Any],
) -> HttpResponse:
    day = day or replaced.departs.date()
    offers, misfits = trip_changes.offers_on(booking, leg, replaced, day)
    is_whole = len(replaced.flights) == len(booking.flown) and booking.fare is not None
    context |= {"day": day, "offers": offers, "misfits": misfits, "replaced": replaced, "is_whole": is_whole}
    return render(request, "ui/trips/change_flight.html", context)


def _journey(request: HttpRequest, booking: Booking, way: Way, context: dict[str, Any]) -> HttpResponse:
    """The price of another journey with changes. Its seats are chosen, and can be changed afterwards."""
    again = f"{reverse('change_trip', args=[booking.reference])}?way={way.number}"
    given = request.POST.getlist("flight")[: len(way.journey.ids)]
    ids = [number(each, most=MAX_FLIGHT, default=0) for each in given]
    if len(ids) < len(way.journey.ids) or 0 in ids:
        return redirect(again)
    flights = patience.at_once(*(partial(search_selectors.flight, each) for each in ids))
    if why := why_no_trip(trip_changes.trip_with(booking, way.leg, *flights)):
        messages.warning(request, why + " " + _("Please choose another."))
        return redirect(again)
    try:
        return _priced(request, booking, way.leg, flights, (), context)
    except Rejected as refusal:
        messages.warning(request, refusal.detail)
        return redirect(f"{again}&day={flights[0].departs.date().isoformat()}")


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _seats(
    request: HttpRequest, booking: Booking, leg: int, flight_id: int, context: dict[str, Any]
) -> HttpResponse:
    """The seats on the chosen flight, and after them the quote."""
    flight, maps = patience.at_once(
        partial(search_selectors.flight, flight_id), partial(search_selectors.seat_map, flight_id)
    )
    if why := why_no_trip(trip_changes.trip_with(booking, leg, flight)):
        messages.warning(request, why + " " + _("Please choose another."))
        return redirect("change_trip", reference=booking.reference)
    chosen = trip_changes.seating(booking, leg, flight, maps)
    seats = chosen.now if request.method != "POST" else _given_seats(request, chosen)
    context |= {"flight": flight, "stays": bool(chosen.now), "cabins": chosen.maps, "cabin": chosen.cabin}
    mine = [seat for seat in seats if seat in chosen.free]
    context |= {"mine": mine, "people": chosen.people(mine), "exits": chosen.has_exits}
    if request.method != "POST":
        return render(request, "ui/trips/change_seats.html", context)
    if error := trip_changes.why_no_seats(chosen, seats):
        return _seats_again(request, context, error, status=422)
    return _quoted(request, booking, leg, flight, seats, context)


def _given_seats(request: HttpRequest, chosen: Seating) -> list[str]:
    if "any" in request.POST:
        return []
    given = [seat[:4] for seat in request.POST.getlist("seats") if seat][: MAX_PASSENGERS + 1]
    return chosen.in_order(given, ordered=bool(request.POST.get("ordered")))


def _seats_again(request: HttpRequest, context: dict[str, Any], error: str, *, status: int) -> HttpResponse:
    return render(request, "ui/trips/change_seats.html", {**context, "error": error}, status=status)


def _quoted(
    request: HttpRequest,
    booking: Booking,
    leg: int,
    flight: Flight,
    seats: list[str],
    context: dict[str, Any],
) -> HttpResponse:
    try:
        return _priced(request, booking, leg, [flight], seats, context)
    except Rejected as refusal:
        return _seats_again(request, context, refusal.detail, status=409)


def _priced(
    request: HttpRequest,
    booking: Booking,
    leg: int,
    flights: Sequence[Flight],
    seats: Sequence[str],
    context: dict[str, Any],
) -> HttpResponse:
    """Raises Rejected where it cannot be had."""
    body = services.quote_change(
        actor=owner_of(request, booking.reference),
        reference=booking.reference,
        flights=trip_changes.asked_for(booking, leg, flights, seats),
    )
    quote = trip_changes.quote_from(body, trip_changes.trip_with(booking, leg, *flights))
    form = CardForm(initial={"card_token": "tok_ok" if settings.DEMO_MODE else ""})
    return _confirm_page(request, {**context, "quote": quote}, form)


def _confirm_page(request: HttpRequest, context: dict[str, Any], form: CardForm) -> HttpResponse:
    card = form["card_token"].value()
    context |= {"form": form, "cards": DEMO_CARDS, "card": card}
    return render(request, "ui/trips/change_confirm.html", context)


@require_POST
def confirm(request: HttpRequest, reference: str) -> HttpResponse:
    """Change the trip as quoted. The quote is the key: a second click changes nothing more."""
    booking = _booking(request, reference)
    quote, form = request.POST.get("quote", ""), CardForm(request.POST)
    pays = "card_token" in request.POST
    if not QUOTE_ID.fullmatch(quote) or (pays and not form.is_valid()):
        messages.warning(request, _("Choose a card to pay the difference, and look at the price once more."))
        return redirect("change_trip", reference=booking.reference)
    actor = owner_of(request, booking.reference)
    try:
        saga = services.change_booking(
            actor=actor,
            reference=booking.reference,
            quote_id=quote,
            card_token=form.cleaned_data["card_token"] if pays else "",
        )
    except Rejected as refusal:
        over = refusal.code in QUOTE_IS_OVER or "quote_id" in refusal.errors
        again = _("What we showed you no longer holds: please choose again.")
        messages.warning(request, _("Nothing was changed.") + " " + (again if over else refusal.detail))
        return redirect("change_trip", reference=booking.reference)
    except Unavailable:
        messages.warning(
            request,
            _("The booking desk does not answer just now, and may be changing your trip. Look again soon."),
        )
        return redirect("trip", reference=booking.reference)
    if not is_own(request, booking.user_id):
        # Opened by reference and last name: so is what changes it.
        open_for_guest(request, keys=(saga,), user_id=actor.user_id)
    return redirect("progress", correlation_id=saga)
