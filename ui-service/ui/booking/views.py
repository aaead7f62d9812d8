"""From a chosen flight to the payment: seats and passengers."""

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from service_kit.cards import looks_like_card

from ui import patience
from ui.backend_client import Json
from ui.booking import drafts
from ui.booking.drafts import Filled, Selection
from ui.booking.forms import ContactForm, PassengerForm
from ui.forms import MAX_PASSENGERS, number
from ui.identity import actor_of, for_guests, owners_of
from ui.models import Draft
from ui.search import selectors as search_selectors
from ui.view_models import cabins, travel


def address(view: str, chosen: Selection, **more: Any) -> str:
    extra = "".join(f"&{name}={value}" for name, value in more.items())
    return f"{reverse(view)}?{chosen.query}{extra}"


def legs(chosen: Selection, told: list[Json] | None = None) -> list[dict[str, Any]]:
    """The chosen flights from the backend, or from stored JSON in `told`, with the fare of each."""
    told = told or patience.at_once(*(partial(search_selectors.flight_told, each) for each in chosen.flights))
    flights = [travel.flight_from(each) for each in told]
    return [
        {
            "flight": flight,
            "name": name,
            "fare": flight.fares.get(chosen.cabin, Decimal(0)),
            "base": flight.fares.get(chosen.cabin, Decimal(0)) * chosen.passengers,
            "seats": chosen.seats_of(n),
            "told": told[n],
        }
        for n, (flight, name) in enumerate(zip(flights, travel.leg_names(flights), strict=True))
    ]


def journey(chosen: Selection, found: list[dict[str, Any]]) -> travel.Journey:
    """All flights of the selection, which are one booking."""
    flights = tuple(leg["flight"] for leg in found)
    return travel.Journey(flights, chosen.cabin, chosen.passengers)


def summary(chosen: Selection, found: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "chosen": chosen,
        "legs": found,
        "cabin_name": cabins.CABIN_NAMES[chosen.cabin],
        "quote": journey(chosen, found).quote,
    }


def _turned_away(request: HttpRequest, chosen: Selection, found: list[dict[str, Any]]) -> HttpResponse | None:
    """To where other flights can be chosen, if these cannot be booked."""
    flights = [leg["flight"] for leg in found]
    if why := travel.why_no_trip(flights):
        ways = travel.ways(flights)
        if len(ways) > 1 and not travel.why_no_trip(ways[0].flights):
            messages.warning(request, why + " " + _("Please choose another return."))
            return redirect(_other_returns(chosen, *ways))
        messages.warning(request, why + " " + _("Please choose other flights."))
        return redirect("search")
    for leg in found:
        if not travel.Journey((leg["flight"],), chosen.cabin, chosen.passengers).bookable:
            which = _("Flight %(number)s cannot be booked any more. Please choose another.")
            only = _("That flight cannot be booked any more. Please choose another.")
            told = which % {"number": leg["flight"].number} if len(found) > 1 else only
            messages.warning(request, told)
            return redirect("search")
    return None


def _other_returns(chosen: Selection, out: travel.Journey, back: travel.Journey) -> str:
    """The search for the way back of the chosen outbound."""
    query: dict[str, Any] = {
        "trip": "return",
        "origin": out.origin.label,
        "destination": out.destination.label,
        "depart": out.departs.date().isoformat(),
        "back": max(out.departs, back.departs).date().isoformat(),
        "passengers": chosen.passengers,
        "cabin": chosen.cabin,
        "outbound": out.ids,
    }
    return f"{reverse('results')}?{urlencode(query, doseq=True)}"


def _chosen(request: HttpRequest) -> tuple[Selection | None, Draft | None]:
    """The selection of the URL and its draft. A selection has its draft's id from the first page on, so that
    repeats and going back use the same draft."""
    chosen = drafts.selection_from(request.GET)
    if chosen is None:
        return None, None
    if not chosen.draft:
        return replace(chosen, draft=drafts.new_id()), None
    return chosen, drafts.find(chosen.draft, owners_of(request))


@require_safe
@for_guests
def seats(request: HttpRequest) -> HttpResponse:
    chosen, draft = _chosen(request)
    if chosen is None:
        return redirect("search")
    if draft is not None and drafts.under_way(draft):
        return redirect("pay", draft=chosen.draft)
    leg = number(request.GET.get("leg", ""), most=len(chosen.flights), default=1) - 1
    unanswered = _unanswered(request, chosen)
    if unanswered is not None and unanswered < leg:
        return redirect(_ask_again(request, chosen, unanswered))
    found = legs(chosen)
    if away := _turned_away(request, chosen, found):
        return away
    last = leg == len(chosen.flights) - 1
    maps = search_selectors.seat_map(chosen.flights[leg])
    mine = found[leg]["seats"] = chosen.seats_with_others(leg, maps)
    context = {
        **summary(chosen, found),
        "leg": leg,
        "next_leg": 0 if last else leg + 2,
        "flight": found[leg]["flight"],
        "name": found[leg]["name"],
        "field": drafts.SEATS[leg],
        "cabins": maps,
        "exits": any(row.exit_row for each in maps if each.cabin == chosen.cabin for row in each.rows),
        "mine": mine,
        "lost": _lost(request, chosen, leg, mine),
        "people": _people(draft, chosen, mine),
        "others": [(drafts.SEATS[n], seats) for n, seats in enumerate(chosen.seats) if n != leg],
        "action": reverse("passengers" if last else "seats"),
        "skip": _next_without_seats(chosen, leg, last),
        "odd": leg in (chosen.leg_with_odd_seats(), unanswered),
    }
    return render(request, "ui/booking/seats.html", context)


def _people(draft: Draft | None, chosen: Selection, mine: tuple[str, ...]) -> list[dict[str, Any]]:
    """Who sits where; by their names, if they were filled in already."""
    known = draft.passengers if draft else []
    names = [each.get("first_name", "") for each in known] + [""] * chosen.passengers
    seats = [*mine, *[""] * chosen.passengers]
    return [{"name": names[n], "seat": seats[n]} for n in range(chosen.passengers)]


def _lost(request: HttpRequest, chosen: Selection, leg: int, mine: tuple[str, ...]) -> list[str]:
    """Chosen seats that are taken, also after a refresh."""
    told = dict.fromkeys([*_told_lost(request), *chosen.seats_of(leg)])
    return [seat for seat in told if seat not in mine]


def _told_lost(request: HttpRequest) -> list[str]:
    return [seat[:4] for seat in request.GET.getlist("lost")[:MAX_PASSENGERS]]


def _unanswered(request: HttpRequest, chosen: Selection) -> int | None:
    """The flight whose map was submitted by Continue without a seat; "Choose for me" is a separate link."""
    leg = number(request.GET.get("choose", ""), most=len(chosen.flights), default=0) - 1
    return leg if leg >= 0 and not chosen.seats_of(leg) else None


def _ask_again(request: HttpRequest, chosen: Selection, leg: int) -> str:
    lost = urlencode([("lost", seat) for seat in _told_lost(request)])
    return f"{address('seats', chosen, leg=leg + 1, choose=leg + 1)}&{lost}".rstrip("&")


def _taken_meanwhile(chosen: Selection) -> int | None:
    """The first flight with a chosen seat that is taken."""
    seated = [leg for leg in range(len(chosen.flights)) if chosen.seats_of(leg)]
    maps = patience.at_once(*(partial(search_selectors.seat_map, chosen.flights[leg]) for leg in seated))
    lost = [
        leg
        for leg, found in zip(seated, maps, strict=True)
        if chosen.free_seats(leg, found) != chosen.seats_of(leg)
    ]
    return lost[0] if lost else None


def _next_without_seats(chosen: Selection, leg: int, last: bool) -> str:
    kept = chosen.without_seats(leg)
    return address("passengers", kept) if last else address("seats", kept, leg=leg + 2)


def _passenger_forms(data: Any, count: int, known: list[dict[str, str]]) -> list[PassengerForm]:
    return [
        PassengerForm(
            data, prefix=f"p{n}", initial=known[n] if n < len(known) else None, use_required_attribute=False
        )
        for n in range(count)
    ]


@require_http_methods(["GET", "HEAD", "POST"])
@for_guests
def passengers(request: HttpRequest) -> HttpResponse:
    """Passengers. Adding and removing some keeps the input; errors are shown beside their fields."""
    chosen, draft = _chosen(request)
    if chosen is None:
        return redirect("search")
    if draft is not None and drafts.under_way(draft):
        return redirect("pay", draft=chosen.draft)
    if (odd := chosen.leg_with_odd_seats()) is not None:
        return redirect(address("seats", chosen, leg=odd + 1))
    if (unanswered := _unanswered(request, chosen)) is not None:
        return redirect(_ask_again(request, chosen, unanswered))
    if request.method == "POST":
        return _passengers_posted(request, chosen)
    if (lost := _taken_meanwhile(chosen)) is not None:
        return redirect(address("seats", chosen, leg=lost + 1))
    known, contact = (draft.passengers, draft.contact) if draft else ([], _own_contact(request))
    forms = _passenger_forms(None, chosen.passengers, known)
    return _passengers_page(
        request, chosen, forms, ContactForm(initial=contact, use_required_attribute=False)
    )


@for_guests
def passengers_again(request: HttpRequest) -> HttpResponse:
    """The form for a browser without our cookies, with its input and a new token."""
    chosen, _ = _chosen(request)
    if chosen is None:
        return redirect("search")
    forms = _passenger_forms(request.POST, chosen.passengers, [])
    contact = ContactForm(request.POST, use_required_attribute=False)
    return _passengers_page(request, chosen, forms, contact, status=403, expired=True)


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
    if _taken_meanwhile(chosen) is not None:
        return _kept(request, Filled(chosen, *_typed(forms, contact)))
    found = legs(chosen)
    if away := _turned_away(request, chosen, found):
        return away
    people = [form.cleaned_data for form in forms]
    price, shown = journey(chosen, found).quote.total, [leg["told"] for leg in found]
    return _kept(request, Filled(chosen, people, contact.cleaned_data, price, shown))


def _kept(request: HttpRequest, filled: Filled) -> HttpResponse:
    """To the payment, or back to the passengers where there is more to fill in."""
    try:
        key = drafts.save(filled, owner_id=actor_of(request).user_id, owners=owners_of(request))
    except drafts.Fixed:
        messages.info(request, _("This trip is booked or under way already."))
        return redirect("pay", draft=filled.selection.draft)
    if filled.price is not None:
        return redirect("pay", draft=key)
    return redirect(address("passengers", replace(filled.selection, draft=key)))


def _typed(forms: list[PassengerForm], contact: ContactForm) -> tuple[list[dict[str, str]], dict[str, str]]:
    """The input of the passenger and contact fields, valid or not."""
    people = [{name: form[name].value() or "" for name in form.fields} for form in forms]
    return people, {name: contact[name].value() or "" for name in contact.fields}


def _change_count(
    request: HttpRequest, chosen: Selection, forms: list[PassengerForm], contact: ContactForm
) -> HttpResponse:
    """One passenger more or fewer, with the input kept. Seats have to be chosen again."""
    typed, kept = _typed(forms, contact)
    leaves = request.POST.get("remove", "")
    if leaves.isascii() and leaves.isdigit() and int(leaves) < len(typed) > 1:
        del typed[int(leaves)]
    elif "add" in request.POST and len(typed) < MAX_PASSENGERS:
        typed.append({})
    typed = [{name: "" if looks_like_card(text) else text for name, text in one.items()} for one in typed]
    kept["email"] = "" if looks_like_card(kept["email"]) else kept["email"]
    return _kept(request, Filled(replace(chosen, passengers=len(typed), seats=()), typed, kept))


def _passengers_page(
    request: HttpRequest,
    chosen: Selection,
    forms: list[PassengerForm],
    contact: ContactForm,
    status: int = 200,
    *,
    expired: bool = False,
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
        "expired": expired,
        "most": MAX_PASSENGERS,
        "action": address("passengers", chosen),
        "back": address("seats", chosen),
    }
    return render(request, "ui/booking/passengers.html", context, status=status)
