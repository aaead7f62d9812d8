"""Drafts of bookings: the choice is in the URL, the passengers in a row. Never card data."""

import json
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import QueryDict
from django_sagas import json_text
from django_sagas.clock import utc_now
from django_sagas.database import write_transaction

from ui.backend_client import Json
from ui.forms import MAX_FLIGHT, MAX_PASSENGERS, number
from ui.models import Attempt, Draft
from ui.view_models.cabins import CABIN_NAMES, CabinMap, nearest_seat
from ui.view_models.travel import MAX_FLIGHTS

SEATS = tuple(f"seats{n}" for n in range(1, MAX_FLIGHTS + 1))
DRAFT_ID = re.compile("[0-9a-f]{32}")
MOST_SWEPT = 100


@dataclass(frozen=True)
class Selection:
    """The flights in the order flown, the cabin, the number of passengers, and the seats per flight."""

    flights: tuple[int, ...]
    cabin: str = "economy"
    passengers: int = 1
    seats: tuple[tuple[str, ...], ...] = ()
    draft: str = ""

    def seats_of(self, leg: int) -> tuple[str, ...]:
        return self.seats[leg] if leg < len(self.seats) else ()

    def leg_with_odd_seats(self) -> int | None:
        """The first flight for which some but not all seats are chosen."""
        odd = [leg for leg, seats in enumerate(self.seats) if seats and len(seats) != self.passengers]
        return odd[0] if odd else None

    def free_seats(self, leg: int, maps: Iterable[CabinMap]) -> tuple[str, ...]:
        """The chosen seats that are free in the cabin."""
        free = {seat.number for each in maps if each.cabin == self.cabin for seat in each.free}
        return tuple(seat for seat in self.seats_of(leg) if seat in free)

    def seats_with_others(self, leg: int, maps: Sequence[CabinMap]) -> tuple[str, ...]:
        """The chosen seats, and in the place of one that is taken the nearest free one, if any is left."""
        free = {seat.number for each in maps if each.cabin == self.cabin for seat in each.free}
        seats = list(self.seats_of(leg))
        for place, seat in enumerate(seats):
            if seat not in free:
                seats[place] = nearest_seat(seat, free.difference(seats))
        return tuple(filter(None, seats))

    def without_seats(self, leg: int) -> "Selection":
        return replace(self, seats=tuple(() if n == leg else seats for n, seats in enumerate(self.seats)))

    @property
    def query(self) -> str:
        pairs: list[tuple[str, Any]] = [("flight", flight) for flight in self.flights]
        pairs += [("cabin", self.cabin), ("passengers", self.passengers)]
        pairs += [(SEATS[leg], seat) for leg, seats in enumerate(self.seats) for seat in seats]
        return urlencode(pairs + ([("draft", self.draft)] if self.draft else []))


def selection_from(query: QueryDict) -> Selection | None:
    """None if the URL names no flight."""
    asked = query.getlist("flight")[:MAX_FLIGHTS]
    flights = tuple(number(each, most=MAX_FLIGHT, default=0) for each in asked)
    if not flights or 0 in flights:
        return None
    draft = query.get("draft", "")
    return Selection(
        flights=flights,
        cabin=query.get("cabin", "") if query.get("cabin", "") in CABIN_NAMES else "economy",
        passengers=number(query.get("passengers", ""), most=MAX_PASSENGERS, default=1),
        seats=tuple(
            tuple(dict.fromkeys(seat[:4] for seat in query.getlist(name)))[:MAX_PASSENGERS]
            for name in SEATS[: len(flights)]
        ),
        draft=draft if DRAFT_ID.fullmatch(draft) else "",
    )


def new_id() -> str:
    return secrets.token_hex(16)


def find(draft_id: str, owners: Sequence[str]) -> Draft | None:
    """The draft, if the browser is one of its possible owners."""
    return Draft.objects.filter(id=draft_id, owner_id__in=owners).first()


def selection_of(draft: Draft) -> Selection:
    return Selection(
        flights=tuple(each["flight"] for each in draft.flights),
        cabin=draft.cabin,
        passengers=draft.count,
        seats=tuple(tuple(each["seats"]) for each in draft.flights),
        draft=draft.id,
    )


def live_attempt(draft: Draft) -> Attempt | None:
    """The attempt that is or may become a booking."""
    return draft.attempts.exclude(state=Attempt.State.FAILED).first()


def under_way(draft: Draft) -> str:
    """The saga of its booking, made or under way: it is then shown instead of edited. Empty without one."""
    live = live_attempt(draft)
    return (live.correlation_id or "") if live else ""


class Fixed(Exception):
    """What is booked or under way cannot be edited."""


@dataclass(frozen=True)
class Filled:
    """The input and the selection. `price` and `shown`: the total and each flight as the payment page shows
    them, if it is next."""

    selection: Selection
    passengers: list[dict[str, str]]
    contact: dict[str, str]
    price: Decimal | None = None
    shown: Sequence[Json] = ()

    @property
    def legs(self) -> list[dict[str, Any]]:
        chosen = self.selection
        return [
            {
                "flight": flight,
                "seats": list(chosen.seats_of(n)),
                "shown": self.shown[n] if self.shown else None,
            }
            for n, flight in enumerate(chosen.flights)
        ]


def save(filled: Filled, *, owner_id: str, owners: Sequence[str]) -> str:
    """Store it under the id of its selection, or under a new one. Raises Fixed.

    A form carries its draft's id, so that posting it twice keeps one draft.
    """
    wanted = filled.selection.draft or new_id()
    with write_transaction():
        _sweep()
        draft = _insert(wanted, filled, owner_id)
        if draft.owner_id not in owners:
            draft = _insert(new_id(), filled, owner_id)
        if under_way(draft):
            raise Fixed
        changes = {
            "legs": json_text.dumps(filled.legs),
            "price": filled.price,
            "people": json.dumps({"passengers": filled.passengers, "contact": filled.contact}),
            "cabin": filled.selection.cabin,
            "count": filled.selection.passengers,
        }
        same = all(getattr(draft, name) == value for name, value in changes.items())
        version = draft.version if same else new_id()
        Draft.objects.filter(id=draft.id).update(**changes, version=version, changed_at=utc_now())
    return draft.id


def _insert(draft_id: str, filled: Filled, owner_id: str) -> Draft:
    """The locked row, created if missing: two concurrent posts of one form make one."""
    now, chosen = utc_now(), filled.selection
    made = Draft(
        id=draft_id, owner_id=owner_id, version=new_id(), cabin=chosen.cabin, count=chosen.passengers,
        legs="[]", people="", created_at=now, changed_at=now,
    )  # fmt: skip
    Draft.objects.bulk_create([made], ignore_conflicts=True)
    return Draft.objects.select_for_update().get(id=draft_id)


def reprice(draft: Draft, *, price: Decimal, shown: Sequence[Json]) -> Draft:
    """Store a new price and what is shown of the flights unless the draft has changed; the current draft."""
    legs = [{**each, "shown": told} for each, told in zip(draft.flights, shown, strict=True)]
    changes = {"legs": json_text.dumps(legs), "price": price, "version": new_id(), "changed_at": utc_now()}
    Draft.objects.filter(id=draft.id, version=draft.version).update(**changes)
    return Draft.objects.get(id=draft.id)


def _sweep() -> None:
    """Delete old drafts, some at a time."""
    before = utc_now() - timedelta(days=settings.DRAFT_DAYS)
    old = Draft.objects.filter(changed_at__lt=before).order_by("changed_at").values_list("id", flat=True)
    if ids := list(old[:MOST_SWEPT]):
        Draft.objects.filter(id__in=ids).delete()


def unpaid(owners: Sequence[str], *, most: int) -> list[Draft]:
    """Drafts that are ready for payment and were never sent, newest first."""
    found = Draft.objects.filter(owner_id__in=owners, attempts__isnull=True).order_by("-changed_at")
    return [draft for draft in found[: 5 * most] if draft.is_priced][:most]


def unanswered(owners: Sequence[str], *, most: int) -> list[Attempt]:
    """Attempts that were sent and never answered, newest first."""
    found = Attempt.objects.filter(draft__owner_id__in=owners, state=Attempt.State.SENT)
    return list(found.select_related("draft").order_by("-created_at")[:most])


def attempts_of(owners: Sequence[str], correlation_ids: Sequence[str]) -> dict[str, Attempt]:
    """Attempts of these owners' drafts, by correlation id."""
    found = Attempt.objects.filter(correlation_id__in=correlation_ids, draft__owner_id__in=owners)
    return {str(attempt.correlation_id): attempt for attempt in found.select_related("draft")}


def tried_again(attempt: Attempt) -> bool:
    return Attempt.objects.filter(draft_id=attempt.draft_id, id__gt=attempt.id).exists()
