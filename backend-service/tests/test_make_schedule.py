from datetime import date
from io import StringIO

import pytest
from django.core.management import call_command

from flight.airports import places
from flight.management.commands.make_schedule import BATCH, airport_row, load_airports, make_flights
from flight.models import UNRANKED, Airport, Flight
from flight.network import BUSIEST
from flight.schedule import timetable

TODAY = date(2026, 11, 23)
LINES = len(timetable(places()))

pytestmark = pytest.mark.django_db


@pytest.fixture
def served_airports(db: None) -> None:
    Airport.objects.bulk_create(airport_row(places()[code]) for code in BUSIEST)


def test_every_iata_airport_is_loaded_and_the_busiest_are_ranked() -> None:
    assert load_airports() == Airport.objects.count() == len(places())
    ranks = Airport.objects.filter(busy_rank__lt=UNRANKED).order_by("busy_rank").values_list("pk", flat=True)
    assert list(ranks) == BUSIEST
    assert load_airports() == 0


def test_changed_airport_is_brought_up_to_date(served_airports: None) -> None:
    Airport.objects.filter(pk="DFW").update(name="Love Field", time_zone="UTC")
    load_airports()
    dallas = Airport.objects.get(pk="DFW")
    assert (dallas.name, dallas.time_zone) == ("Dallas-Fort Worth International Airport", "America/Chicago")


def test_schedule_rolls_forward_and_never_adds_twice(served_airports: None) -> None:
    assert list(make_flights(TODAY, 1))[-1] == LINES * 2 == Flight.objects.count()
    assert list(make_flights(TODAY, 1)) == []
    assert list(make_flights(date(2026, 11, 24), 1))[-1] == LINES
    days = set(Flight.objects.values_list("departs_on", flat=True))
    assert days == {TODAY, date(2026, 11, 24), date(2026, 11, 25)}


def test_interrupted_run_is_completed_by_the_next(served_airports: None) -> None:
    run = make_flights(TODAY, 0)
    assert next(run) == BATCH == Flight.objects.count()
    del run
    assert list(make_flights(TODAY, 0))[-1] == LINES - BATCH
    assert Flight.objects.count() == LINES


def test_existing_flight_is_left_as_it_is(served_airports: None) -> None:
    list(make_flights(TODAY, 0))
    Flight.objects.filter(flight_number="ZZ101").update(economy_fare=1)
    list(make_flights(TODAY, 0))
    assert Flight.objects.get(flight_number="ZZ101").economy_fare == 1


def test_command_says_what_it_added() -> None:
    output = StringIO()
    call_command("make_schedule", days=0, today=TODAY, stdout=output)
    assert output.getvalue().splitlines() == [
        f"airports: {len(places())} new or changed",
        f"flights: {LINES} added, {LINES} in all",
    ]
