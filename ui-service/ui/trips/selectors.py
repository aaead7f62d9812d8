"""Reads of booked trips."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django_sagas.clock import utc_now

from ui.backend_client import Actor, Json, NotFound, get, post
from ui.selectors import BOOKING_SAGA, NOBODY
from ui.view_models import bookings, sagas

NEWEST = 50


def booking(reference: str, *, actor: Actor) -> bookings.Booking:
    return bookings.booking_from(get("backend", f"/api/bookings/{reference}/", actor=actor))


def cancel_quote(reference: str, *, actor: Actor) -> bookings.CancelQuote:
    """Raises Rejected, with the reason, for a booking that cannot be cancelled."""
    return bookings.cancel_quote_from(get("backend", f"/api/bookings/{reference}/cancel-quote/", actor=actor))


def find_booking(reference: str, surname: str) -> bookings.Booking | None:
    """The booking with that reference and a passenger of that last name, for an anonymous visitor."""
    asked = {"booking_reference": reference, "surname": surname}
    try:
        return bookings.booking_from(post("/api/bookings/find/", actor=NOBODY, body=asked).body)
    except NotFound:
        return None


def bookings_of(actor: Actor, *, before: str = "") -> tuple[list[bookings.Booking], str]:
    """A traveller's bookings, newest first, and the reference after which more follow, or none.

    The first page includes bookings made as a guest.
    """
    if not actor.user_id:
        return [], ""
    found = get("backend", f"/api/tickets/user/{actor.user_id}/", actor=actor, query={"before": before})
    shown = [bookings.booking_from(each) for each in found["results"]]
    more = shown[-1].reference if found.get("next") and shown else ""
    for guest in () if before else actor.also:
        earlier = get("backend", f"/api/tickets/user/{guest}/", actor=actor)["results"]
        shown += [bookings.booking_from(each) for each in earlier]
    return shown, more


@dataclass(frozen=True)
class Trips:
    """One page of a traveller's trips; `more` is the last one if others follow."""

    shown: list[bookings.Booking]
    counts: Mapping[str, int]
    more: str


def trips_of(actor: Actor, *, time: str, after: str) -> Trips:
    """By departure: the soonest first, then past and cancelled ones, the latest first.

    The first page includes trips booked as a guest.
    """
    if not actor.user_id:
        return Trips([], {}, "")
    found, *earlier = [
        get("backend", f"/api/tickets/user/{each}/trips/", actor=actor, query=query)
        for each, query in [
            (actor.user_id, {"time": time, "after": after}),
            *((guest, {"time": time}) for guest in actor.also),
        ]
    ]
    shown = [bookings.booking_from(each) for each in found["results"]]
    more = shown[-1].reference if found["next"] and shown else ""
    if earlier and not after:
        shown += [bookings.booking_from(each) for page in earlier for each in page["results"]]
        shown.sort(key=partial(_by_departure, utc_now()))
    counts = sum((Counter(page["counts"]) for page in (found, *earlier)), Counter[str]())
    return Trips(shown, counts, more)


def _by_departure(now: datetime, trip: bookings.Booking) -> tuple[int, float]:
    when, departs = trip.when(now), trip.flight.departs.timestamp()
    order = ("upcoming", "past", "cancelled").index(when)
    return order, departs if when == "upcoming" else -departs


def newest_sagas(actor: Actor) -> list[sagas.SagaView]:
    """A traveller's newest bookings as sagas, ended ones among them; a settlement is none."""
    if not actor.user_id:
        return []
    found: list[Json] = []
    for each in (actor.user_id, *actor.also):
        query = {"user_id": each, "limit": NEWEST, "definition": BOOKING_SAGA}
        found += get("backend", "/api/saga/", actor=actor, query=query)["results"]
    return list(map(sagas.from_status, found))


def loyalty(actor: Actor, user_id: str = "") -> Json:
    """The miles account of the actor, or of another id of the same person; empty if there is none."""
    user_id = user_id or actor.user_id
    empty: Json = {"user_id": user_id, "balance": 0, "tier": "", "entries": []}
    if not user_id:
        return empty
    try:
        return get("loyalty", f"/api/loyalty/{user_id}/", actor=actor)
    except NotFound:
        return empty


def miles(actor: Actor) -> tuple[Json, int]:
    """The miles account with every entry of the person, and the miles of trips booked as a guest."""
    account, *earlier = [loyalty(actor, each) for each in (actor.user_id, *actor.also)]
    entries = [entry for each in (account, *earlier) for entry in each["entries"]]
    newest_first = sorted(entries, key=lambda entry: str(entry["created_at"]), reverse=True)
    return {**account, "entries": newest_first}, sum(each["balance"] for each in earlier)
