"""`manage.py make_schedule`: the airports, and the flights of the days ahead."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import chain, islice
from typing import Any, TypeVar

from django.core.management.base import BaseCommand
from django_sagas.clock import utc_now
from django_sagas.database import write_transaction

from flight.models import UNRANKED, Airport, Flight
from flight.schedule import timetable
from flight.schedule.airports import Place, places
from flight.schedule.network import BUSIEST
from flight.search.folding import fold

# Rows per transaction: few, so that bookings do not wait long for the writer.
BATCH = 400
PERMANENT_AHEAD = timedelta(days=365)
"while a flight leaves later than that, there is one that is always for sale"
AIRPORT_COLUMNS = [field.attname for field in Airport._meta.concrete_fields if not field.primary_key]

T = TypeVar("T")


class Command(BaseCommand):
    """Idempotent: adds missing flights in batches and never changes existing ones. Safe to run again after
    an interruption."""

    help = "Load the airports and make the schedule up to DAYS ahead; recovery rolls it forward daily."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=60, help="how many days ahead (default 60)")
        parser.add_argument(
            "--today", type=date.fromisoformat, help="YYYY-MM-DD, for tests (default: UTC today)"
        )

    def handle(self, *args: Any, today: date | None, days: int, **options: Any) -> None:
        self.stdout.write(f"airports: {load_airports()} new or changed")
        added = 0
        for added in make_flights(today or utc_now().date(), days):
            if self.stdout.isatty():
                self.stdout.write(f"\rflights: {added} added", ending="")
                self.stdout.flush()
        start = "\r" if self.stdout.isatty() else ""
        self.stdout.write(f"{start}flights: {added} added, {Flight.objects.count()} in all")


def load_airports() -> int:
    """Insert new airports and update changed ones; how many there were of both."""
    known = {airport.iata: airport for airport in Airport.objects.all()}
    wanted = (airport_row(place) for place in places().values())
    changed = [row for row in wanted if _columns(row) != _columns(known.get(row.iata))]
    for batch in batches(iter(changed)):
        with write_transaction():
            Airport.objects.bulk_create(
                batch, update_conflicts=True, unique_fields=["iata"], update_fields=AIRPORT_COLUMNS
            )
    return len(changed)


def _columns(airport: Airport | None) -> list[Any] | None:
    return airport and [getattr(airport, name) for name in AIRPORT_COLUMNS]  # type: ignore[return-value]


def airport_row(place: Place) -> Airport:
    rank = BUSIEST.index(place.iata) + 1 if place.iata in BUSIEST else UNRANKED
    words = fold(f"{place.iata} {place.city} {place.name}")
    return Airport(**vars(place), busy_rank=rank, search_city=fold(place.city), search_words=f" {words} ")


def make_flights(today: date, days: int) -> Iterator[int]:
    """Add the flights that are missing, in the order of creation; how many so far, after each batch."""
    known = set(Flight.objects.filter(departs_on__gte=today).values_list("flight_number", "departs_on"))
    lines = timetable.lines(places())
    order = timetable.creation_order(lines, today, days)
    if not Flight.objects.filter(departs_on__gt=today + PERMANENT_AHEAD).exists():
        order = chain([timetable.always_for_sale(lines, today)], order)
    missing = (
        Flight(**vars(timetable.fly(line, day)))
        for line, day in order
        if (line.flight_number, day) not in known
    )
    added = 0
    for batch in batches(missing):
        with write_transaction():
            # Of two concurrent runs the later one finds the flights of the first and adds nothing.
            Flight.objects.bulk_create(batch, ignore_conflicts=True)
        yield (added := added + len(batch))


def batches(rows: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(rows, BATCH)):
        yield batch
