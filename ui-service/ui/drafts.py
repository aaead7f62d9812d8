"""An unfinished booking: what was chosen lives in the URL, who flies in the session. Never a card."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.contrib.sessions.backends.base import SessionBase
from django.http import QueryDict

from ui.forms import MAX_PASSENGERS, number
from ui.travel import CABIN_NAMES

DRAFTS, SAGAS = "drafts", "sagas"
KEPT = 10
MAX_FLIGHT = 10**9 - 1
SEATS = ("seats1", "seats2")


@dataclass(frozen=True)
class Selection:
    """The flights (one, or out and back), the cabin, how many fly, and the seats of each flight."""

    flights: tuple[int, ...]
    cabin: str = "economy"
    passengers: int = 1
    seats: tuple[tuple[str, ...], ...] = ()
    draft: str = ""

    @property
    def is_return(self) -> bool:
        return len(self.flights) > 1

    def seats_of(self, leg: int) -> tuple[str, ...]:
        return self.seats[leg] if leg < len(self.seats) else ()

    def leg_with_odd_seats(self) -> int | None:
        """The first flight for which some but not all seats are chosen."""
        odd = [leg for leg, seats in enumerate(self.seats) if seats and len(seats) != self.passengers]
        return odd[0] if odd else None

    def without_seats(self, leg: int) -> "Selection":
        return replace(self, seats=tuple(() if n == leg else seats for n, seats in enumerate(self.seats)))

    @property
    def query(self) -> str:
        pairs: list[tuple[str, Any]] = [("flight", flight) for flight in self.flights]
        pairs += [("cabin", self.cabin), ("passengers", self.passengers)]
        pairs += [(SEATS[leg], seat) for leg, seats in enumerate(self.seats) for seat in seats]
        return urlencode(pairs + ([("draft", self.draft)] if self.draft else []))


def selection_from(query: QueryDict) -> Selection | None:
    """None if the address names no flight."""
    flights = tuple(number(each, most=MAX_FLIGHT, default=0) for each in query.getlist("flight"))[:2]
    if not flights or 0 in flights:
        return None
    return Selection(
        flights=flights,
        cabin=query.get("cabin", "") if query.get("cabin", "") in CABIN_NAMES else "economy",
        passengers=number(query.get("passengers", ""), most=MAX_PASSENGERS, default=1),
        seats=tuple(
            tuple(dict.fromkeys(seat[:4] for seat in query.getlist(name)))[:MAX_PASSENGERS]
            for name, _ in zip(SEATS, flights, strict=False)
        ),
        draft=query.get("draft", "")[:32],
    )


@dataclass(frozen=True)
class Draft:
    selection: Selection
    passengers: list[dict[str, str]]
    contact: dict[str, str]
    prices: list[str] = field(default_factory=list)
    "what each flight's booking cost when it was last shown, charges included"

    @property
    def total(self) -> Decimal:
        return sum(map(Decimal, self.prices), Decimal(0))


def new_id() -> str:
    return secrets.token_hex(8)


def save(session: SessionBase, draft: Draft) -> str:
    """Keep a draft under its own id; the newest few are kept."""
    key = draft.selection.draft or new_id()
    stored = {**asdict(replace(draft, selection=replace(draft.selection, draft=key)))}
    others = {name: value for name, value in session.get(DRAFTS, {}).items() if name != key}
    session[DRAFTS] = dict([*others.items(), (key, stored)][-KEPT:])
    return key


def load(session: SessionBase, key: str) -> Draft | None:
    stored: Mapping[str, Any] | None = session.get(DRAFTS, {}).get(key)
    if stored is None:
        return None
    chosen = dict(stored["selection"])
    chosen["flights"] = tuple(chosen["flights"])
    chosen["seats"] = tuple(tuple(seats) for seats in chosen["seats"])
    return Draft(Selection(**chosen), stored["passengers"], stored["contact"], stored["prices"])


def remember_saga(session: SessionBase, correlation_id: str, draft: str) -> None:
    """So that a failed booking can offer its next step with everything filled in."""
    known = {**session.get(SAGAS, {}), correlation_id: draft}
    session[SAGAS] = dict(list(known.items())[-4 * KEPT :])


def unpaid(session: SessionBase) -> list[Draft]:
    """What was filled in up to the payment and never sent, newest first."""
    sent = set(session.get(SAGAS, {}).values())
    found = [load(session, key) for key in reversed(session.get(DRAFTS, {})) if key not in sent]
    return [draft for draft in found if draft and draft.prices]


def sagas_of(session: SessionBase, key: str) -> list[str]:
    """What was started from a draft, oldest first."""
    return [correlation_id for correlation_id, draft in session.get(SAGAS, {}).items() if draft == key]


def only_leg(session: SessionBase, draft: Draft, leg: int) -> Draft:
    """One flight of a return trip as a booking of its own, beside the whole trip and with its own changes."""
    chosen, key = draft.selection, f"{draft.selection.draft}-{leg + 1}"
    if known := load(session, key):
        return known
    flight, seats = chosen.flights[leg], chosen.seats_of(leg)
    alone = replace(chosen, flights=(flight,), seats=(seats,), draft=key)
    made = replace(draft, selection=alone, prices=draft.prices[leg : leg + 1])
    save(session, made)
    return made


def of_saga(session: SessionBase, correlation_id: str) -> Draft | None:
    return load(session, session.get(SAGAS, {}).get(correlation_id, ""))
