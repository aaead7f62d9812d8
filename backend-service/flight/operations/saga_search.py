"""Sagas by what an operator is told on the telephone: a ticket, a flight, a name or a mail address.

Tickets and flights are found by their indexes. Names and mails have none, because each index would cost every
booking a write: they are looked for in what is open and in the newest sagas.
"""

import re
from datetime import date, datetime, timedelta
from typing import Any

from django_sagas import json_text
from django_sagas.models import SagaRow

from flight.models import LIVE, Flight, Seat, Ticket
from flight.search.folding import fold

NEWEST = 3_000
"sagas in which names and mails are looked for"
MOST = 200
TICKET = re.compile(r"\d{3}-\d{10}")
FLIGHT = re.compile(r"([A-Z]{2}\d{1,4})(?:\s+(\d{4}-\d{2}-\d{2}))?")
AHEAD = timedelta(days=14)
"of the flights of a number without a day"


def find(text: str, *, now: datetime) -> list[str]:
    """The ids of at most MOST sagas."""
    text = text.strip()
    if TICKET.fullmatch(text):
        return list(Ticket.objects.filter(pk=text).values_list("booking__correlation_id", flat=True))
    if flight := FLIGHT.fullmatch(text.upper()):
        return _on_flight(flight[1], flight[2], now)
    return _of_person(text)


def _on_flight(number: str, day: str | None, now: datetime) -> list[str]:
    flights = Flight.objects.filter(flight_number=number)
    if day:
        try:
            flights = flights.filter(departs_on=date.fromisoformat(day))
        except ValueError:
            return []
    else:
        today = now.date()
        flights = flights.filter(departs_on__range=(today - timedelta(days=1), today + AHEAD))
    seats = Seat.objects.filter(flight__in=flights.values("pk"), state__in=LIVE)
    return list(seats.values_list("correlation_id", flat=True).distinct()[:MOST])


def _of_person(text: str) -> list[str]:
    words = set(fold(text).split())
    # The first condition thins out what has to be read; accents are compared after it.
    plain = [word for word in re.split(r"[\s@.]+", text) if word.isascii() and word.isalnum()]
    newest = SagaRow.objects.order_by("-created_at", "-correlation_id").values("pk")[:NEWEST]
    found: list[str] = []
    for sagas in (SagaRow.objects.open(), SagaRow.objects.filter(pk__in=newest)):
        for word in plain:
            sagas = sagas.filter(data__icontains=word)
        rows = sagas.values_list("pk", "data")[: 2 * MOST]
        found += [pk for pk, data in rows if words <= _people(json_text.load_stored(data))]
    return list(dict.fromkeys(found))[:MOST] if words else []


def _people(data: dict[str, Any]) -> set[str]:
    """The words of the names and of the mail address of a booking's saga."""
    request = data.get("request") or {}
    people = request.get("passengers") or []
    names = [str(value) for each in people if isinstance(each, dict) for value in each.values()]
    return set(fold(" ".join([*names, str(request.get("email") or "")])).split())
