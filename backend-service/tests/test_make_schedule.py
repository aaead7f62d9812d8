from datetime import UTC, date, datetime, time, timedelta
from io import StringIO

import pytest
from django.conf import LazySettings
from django.core.management import call_command
from django_sagas.recovery import Recovery
from service_kit.testing.calls import at_once

from flight.management.commands.make_schedule import BATCH, airport_row, load_airports, make_flights
from flight.models import UNRANKED, Airport, Flight
from flight.schedule.airports import places
from flight.schedule.network import BUSIEST
from flight.schedule.roller import roll
from flight.schedule.timetable import PERMANENT_DAYS, lines

TODAY = date(2026, 11, 23)
LINES = len(lines(places()))
FAR = TODAY + timedelta(days=PERMANENT_DAYS)

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
    assert list(make_flights(TODAY, 1))[-1] == LINES * 2 + 1 == Flight.objects.count()
    assert list(make_flights(TODAY, 1)) == []
    assert list(make_flights(date(2026, 11, 24), 1))[-1] == LINES
    days = set(Flight.objects.exclude(departs_on=FAR).values_list("departs_on", flat=True))
    assert days == {TODAY, date(2026, 11, 24), date(2026, 11, 25)}


def test_interrupted_run_is_completed_by_the_next(served_airports: None) -> None:
    run = make_flights(TODAY, 0)
    assert next(run) == BATCH == Flight.objects.count()
    del run
    assert list(make_flights(TODAY, 0))[-1] == LINES + 1 - BATCH
    assert Flight.objects.count() == LINES + 1


def test_existing_flight_is_left_as_it_is(served_airports: None) -> None:
    list(make_flights(TODAY, 0))
    Flight.objects.filter(flight_number="ZZ101").update(economy_fare=1)
    list(make_flights(TODAY, 0))
    assert Flight.objects.get(flight_number="ZZ101", departs_on=TODAY).economy_fare == 1


def test_command_says_what_it_added() -> None:
    output = StringIO()
    call_command("make_schedule", days=0, today=TODAY, stdout=output)
    assert output.getvalue().splitlines() == [
        f"airports: {len(places())} new or changed",
        f"flights: {LINES + 1} added, {LINES + 1} in all",
    ]


@pytest.mark.parametrize("days", [0, 30, 90, 3000])
def test_the_first_flight_is_for_sale_whenever_one_comes_back(served_airports: None, days: int) -> None:
    list(make_flights(TODAY, 1))
    first = Flight.objects.order_by("id")[0]
    assert (first.origin_id, first.destination_id) == ("DFW", "ORD")
    later = TODAY + timedelta(days=days)
    assert first.is_on_sale(noon(later))
    list(make_flights(later, 0))
    assert Flight.objects.filter(departs_on__gt=later + timedelta(days=365)).count() == 1


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


@pytest.fixture
def two_days_ahead(settings: LazySettings, served_airports: None) -> None:
    settings.SCHEDULE_DAYS = 2
    list(make_flights(TODAY, 2))


def test_the_schedule_rolls_by_a_day_when_a_day_has_begun(two_days_ahead: None) -> None:
    assert roll(noon(TODAY)) == 0
    tomorrow = noon(TODAY + timedelta(days=1))
    assert [roll(tomorrow) for _ in range(3)] == [LINES, 0, 0]
    assert Flight.objects.filter(departs_on=TODAY + timedelta(days=3)).count() == LINES
    assert list(make_flights(TODAY + timedelta(days=1), 2)) == [], "the command finds nothing missing"


def test_a_schedule_that_stood_still_catches_up_from_today_a_day_at_a_time(two_days_ahead: None) -> None:
    later = noon(TODAY + timedelta(days=90))
    assert [roll(later) for _ in range(4)] == [LINES, LINES, LINES, 0]
    days = Flight.objects.filter(departs_on__gte=later.date()).exclude(departs_on=FAR)
    assert days.values("departs_on").distinct().count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_processes_that_roll_at_once_one_adds_the_day(two_days_ahead: None) -> None:
    tomorrow = noon(TODAY + timedelta(days=1))
    assert sorted(at_once(lambda: roll(tomorrow), lambda: roll(tomorrow))) == [0, LINES]


def test_a_database_without_a_schedule_stays_without(settings: LazySettings) -> None:
    settings.SCHEDULE_DAYS = 60
    assert roll(noon(TODAY)) == 0


@pytest.mark.django_db(transaction=True)
def test_every_recovery_rolls_the_schedule(two_days_ahead: None) -> None:
    class Driver:
        owner, now = "one", staticmethod(lambda: noon(TODAY + timedelta(days=1)))

    Recovery(Driver(), threads=1).keep_house()  # type: ignore[arg-type]
    assert Flight.objects.filter(departs_on=TODAY + timedelta(days=3)).count() == LINES
