"""Rolls the schedule forward: adds a day of flights each day."""

from datetime import date, datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import Max
from django_sagas.database import write_transaction

from flight.models import Flight
from flight.schedule import timetable
from flight.schedule.airports import places

log = structlog.get_logger("schedule")


def roll(now: datetime) -> int:
    """Add the next missing day, one day a call; how many flights it was.

    A database without a schedule stays empty: `make_schedule` makes the first.
    """
    today, horizon = now.date(), now.date() + timedelta(days=settings.SCHEDULE_DAYS)
    known = Flight.objects.filter(departs_on__lte=horizon)
    last: date | None = known.aggregate(last=Max("departs_on"))["last"]
    if last is None or not settings.SCHEDULE_DAYS:
        return 0
    day = max(last + timedelta(days=1), today)
    return _add(day) if day <= horizon else 0


def _add(day: date) -> int:
    first, *others = [timetable.fly(line, day) for line in timetable.lines(places())]
    with write_transaction():
        # Of two processes that add a day, one makes its first flight; the other finds it there.
        number_and_day = {"flight_number": first.flight_number, "departs_on": first.departs_on}
        _, is_ours = Flight.objects.get_or_create(**number_and_day, defaults=vars(first))
        if not is_ours:
            return 0
        Flight.objects.bulk_create([Flight(**vars(each)) for each in others], ignore_conflicts=True)
    log.info("schedule_rolled", day=day.isoformat(), flights=len(others) + 1)
    return len(others) + 1
