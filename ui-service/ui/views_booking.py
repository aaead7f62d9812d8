"""From a chosen flight to a paid booking: seats, passengers, payment."""

from dataclasses import replace
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from ui import drafts, patience, selectors, services, travel
from ui.backend_client import Rejected, ServiceTrouble, TooMany, Unavailable
from ui.drafts import Draft, Selection
from ui.forms import DEMO_CARDS, FAILURES, MAX_PASSENGERS, ContactForm, PassengerForm, PaymentForm
from ui.identity import booking_actor, owner_of
from ui.sagas import SagaView

MOST_EARLIER = 4


def address(view: str, chosen: Selection, **more: Any) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{reverse(view)}?{chosen.query}{extra}"


def legs(chosen: Selection) -> list[dict[str, Any]]:
    """The chosen flights with what each booking costs."""
    reads = [partial(selectors.flight, flight_id) for flight_id in chosen.flights]
    offers = [travel.Offer(found, chosen.cabin, chosen.passengers) for found in patience.at_once(*reads)]
    return [
        {"flight": offer.flight, "offer": offer, "quote": offer.quote, "seats": chosen.seats_of(number)}
        for number, offer in enumerate(offers)
    ]


def summary(chosen: Selection, found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "chosen": chosen,
        "legs": found,
        "cabin_name": travel.CABIN_NAMES[chosen.cabin],
        "total": sum(leg["quote"].total for leg in found),
        "miles": sum(leg["quote"].miles for leg in found),
    }


def _turned_away(request: HttpRequest, chosen: Selection, found: list[dict[str, Any]]) -> HttpResponse | None:
    """To where another flight can be chosen, if these cannot be booked."""
    flights = [leg["flight"] for leg in found]
    if chosen.is_return and (why := travel.why_no_return(*flights)):
        messages.warning(request, f"{why} Please choose another return.")
        return redirect(_other_returns(chosen, *flights))
    if not all(leg["offer"].bookable for leg in found):
        messages.warning(request, "That flight cannot be booked any more. Please choose another.")
        return redirect("search")
    return None


def _other_returns(chosen: Selection, out: travel.Flight, back: travel.Flight) -> str:
    """The search for the way back of the chosen outbound."""
    query: dict[str, str | int] = {
        "trip": "return",
        "origin": out.origin.label,
        "destination": out.destination.label,
        "depart": out.departs.date().isoformat(),
        "back": max(out.departs, back.departs).date().isoformat(),
        "passengers": chosen.passengers,
        "cabin": chosen.cabin,
        "outbound": out.id,
    }
    return f"{reverse('results')}?{urlencode(query)}"


@require_safe
def seats(request: HttpRequest) -> HttpResponse:
    chosen = drafts.selection_from(request.GET)
    if chosen is None:
        return redirect("search")
    leg = 1 if request.GET.get("leg") == "2" and chosen.is_return else 0
    found = legs(chosen)
    if away := _turned_away(request, chosen, found):
        return away
    last = leg == len(chosen.flights) - 1
    maps = selectors.seat_map(chosen.flights[leg])
    context = {
        **summary(chosen, found),
        "leg": leg,
        "flight": found[leg]["flight"],
        "field": drafts.SEATS[leg],
        "cabins": maps,
        "exits": any(row.exit_row for each in maps if each.cabin == chosen.cabin for row in each.rows),
        "mine": chosen.seats_of(leg),
        "others": [(drafts.SEATS[n], seats) for n, seats in enumerate(chosen.seats) if n != leg],
        "action": reverse("passengers" if last else "seats"),
        "skip": _next_without_seats(chosen, leg, last),
        "odd": chosen.leg_with_odd_seats() == leg,
    }
    return render(request, "ui/booking/seats.html", context)


def _next_without_seats(chosen: Selection, leg: int, last: bool) -> str:
    kept = chosen.without_seats(leg)
    return address("passengers", kept) if last else address("seats", kept, leg=2)


def _passenger_forms(data: Any, count: int, known: list[dict[str, str]]) -> list[PassengerForm]:
    return [
        PassengerForm(
            data, prefix=f"p{n}", initial=known[n] if n < len(known) else None, use_required_attribute=False
        )
        for n in range(count)
    ]


@require_http_methods(["GET", "HEAD", "POST"])
def passengers(request: HttpRequest) -> HttpResponse:
    """Who flies. Adding and removing people keeps what was typed; a wrong field says so beside itself."""
    chosen = drafts.selection_from(request.GET)
    if chosen is None:
        return redirect("search")
    if (odd := chosen.leg_with_odd_seats()) is not None:
        return redirect(address("seats", chosen, leg=odd + 1))
    draft = drafts.load(request.session, chosen.draft)
    if request.method == "POST":
        return _passengers_posted(request, chosen)
    known, contact = (draft.passengers, draft.contact) if draft else ([], _own_contact(request))
    forms = _passenger_forms(None, chosen.passengers, known)
    return _passengers_page(
        request, chosen, forms, ContactForm(initial=contact, use_required_attribute=False)
    )


def _own_contact(request: HttpRequest) -> dict[str, str]:
    email = getattr(request.user, "email", "")
    return {"email": email} if email else {}


def _passengers_posted(request: HttpRequest, chosen: Selection) -> HttpResponse:
    forms = _passenger_forms(request.POST, chosen.passengers, [])
    contact = ContactForm(request.POST, use_required_attribute=False)
    if "add" in request.POST or "remove" in request.POST:
        return _change_count(request, chosen, forms, contact)
    if not all([*(form.is_valid() for form in forms), contact.is_valid()]):
        return _passengers_page(request, chosen, forms, contact, status=422)
    found = legs(chosen)
    if away := _turned_away(request, chosen, found):
        return away
    people = [form.cleaned_data for form in forms]
    prices = [str(leg["quote"].total) for leg in found]
    key = drafts.save(request.session, Draft(chosen, people, contact.cleaned_data, prices))
    return redirect("pay", draft=key)


def _change_count(
    request: HttpRequest, chosen: Selection, forms: list[PassengerForm], contact: ContactForm
) -> HttpResponse:
    """One passenger more or fewer, everything typed kept. Seats are chosen again: they were for others."""
    names = ("first_name", "last_name", "gender")
    typed = [{name: form[name].value() or "" for name in names} for form in forms]
    leaves = request.POST.get("remove", "")
    if leaves.isascii() and leaves.isdigit() and int(leaves) < len(typed) > 1:
        del typed[int(leaves)]
    elif "add" in request.POST and len(typed) < MAX_PASSENGERS:
        typed.append({})
    kept = {name: contact[name].value() or "" for name in ("email", "mobile")}
    changed = replace(chosen, passengers=len(typed), seats=())
    key = drafts.save(request.session, Draft(changed, typed, kept))
    return redirect(address("passengers", replace(changed, draft=key)))


def _passengers_page(
    request: HttpRequest,
    chosen: Selection,
    forms: list[PassengerForm],
    contact: ContactForm,
    status: int = 200,
) -> HttpResponse:
    found = legs(chosen)
    if away := _turned_away(request, chosen, found):
        return away
    wrong = sum(len(form.errors) for form in [*forms, contact])
    context = {
        **summary(chosen, found),
        "forms": forms,
        "contact": contact,
        "wrong": wrong,
        "most": MAX_PASSENGERS,
        "back": address("seats", chosen),
    }
    return render(request, "ui/booking/passengers.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, draft: str) -> HttpResponse:
    kept = drafts.load(request.session, draft)
    if kept is None or not kept.prices:
        messages.info(request, "That booking is not open in this browser any more. Please search again.")
        return redirect("search")
    if request.method == "POST":
        form = PaymentForm(request.POST)
        if form.is_valid():
            return _start(request, kept, form)
        return _pay_page(request, kept, form, status=422)
    form = PaymentForm(initial={"key": drafts.new_id(), "card_token": "tok_ok" if settings.DEMO_MODE else ""})
    return _pay_page(request, kept, form)


def _start(request: HttpRequest, kept: Draft, form: PaymentForm) -> HttpResponse:
    """Start each flight's booking. The key came with the form, so a second click starts nothing more."""
    actor, started, wait = booking_actor(request), [], 0
    failures = form.failures(demo_mode=settings.DEMO_MODE)
    try:
        for leg in range(len(kept.selection.flights)):
            token, key = form.cleaned_data["card_token"], form.cleaned_data["key"]
            started.append(
                services.start_booking(
                    actor=actor, draft=kept, leg=leg, card_token=token, key=key, failures=failures
                )
            )
            drafts.remember_saga(request.session, started[-1], kept.selection.draft)
    except Rejected as refusal:
        form.add_error(None, _refused(refusal))
    except TooMany as refusal:
        form.add_error(None, refusal.detail)
        wait = refusal.wait
    except Unavailable:
        form.add_error(
            None, "The booking desk cannot answer just now. Try again: you will not be charged twice."
        )
    if form.errors and not started:
        response = _pay_page(request, kept, form, status=429 if wait else 422)
        if wait:
            response["Retry-After"] = str(wait)
        return response
    if form.errors:
        messages.warning(request, "Your outbound flight is on its way, but the return could not be started.")
    also = f"?and={started[1]}" if len(started) > 1 else ""
    return redirect(reverse("progress", args=[started[0]]) + also)


def _refused(refusal: Rejected) -> str:
    if refusal.status == 422:
        return "This was already sent with another card or choice. Look under My trips before paying again."
    return "; ".join(refusal.errors.values()) or refusal.detail


def _earlier(request: HttpRequest, kept: Draft) -> SagaView | None:
    """A booking with these details that was made or is under way, so that nobody pays twice unawares."""
    ids = drafts.sagas_of(request.session, kept.selection.draft)[-MOST_EARLIER:]
    try:
        found = patience.at_once(
            *(partial(selectors.saga, each, actor=owner_of(request, each)) for each in ids)
        )
    except ServiceTrouble:
        return None
    return next((saga for saga in found if saga.status in ("PENDING", "RUNNING", "COMPLETED")), None)


def _pay_page(request: HttpRequest, kept: Draft, form: PaymentForm, status: int = 200) -> HttpResponse:
    found = legs(kept.selection)
    prices = [str(leg["quote"].total) for leg in found]
    changed = prices != kept.prices
    if changed:
        drafts.save(request.session, replace(kept, prices=prices))
    context = {
        **summary(kept.selection, found),
        "draft": kept,
        "form": form,
        "earlier": _earlier(request, kept),
        "key": form["key"].value() or drafts.new_id(),
        "card": form["card_token"].value(),
        "cards": DEMO_CARDS,
        "failures": [(name, label, text, name in request.POST) for name, label, text in FAILURES],
        "price_changed": changed,
        "simulated": not settings.DEMO_MODE and selectors.payments_are_simulated(),
        "back": address("passengers", kept.selection),
        "seats_again": address("seats", kept.selection),
    }
    return render(request, "ui/booking/pay.html", context, status=status)
