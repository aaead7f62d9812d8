"""Rolls the schedule forward: adds a day of flights each day."""

from datetime import date, datetime, timedelta

import structlog
from django.conf import settings
from service_kit.database import db_time, execute, fetch_one, write_transaction

from flight import schedule
from flight.airports import places
from flight.models import Flight

log = structlog.get_logger("schedule")
COLUMNS = [field.attname for field in Flight._meta.concrete_fields if not field.primary_key]
# Of two processes that add a day, the second finds its first flight and does nothing.
CLAIM = f"""
    INSERT INTO flight_flight ({", ".join(COLUMNS)}) VALUES ({", ".join(["%s"] * len(COLUMNS))})
    ON CONFLICT (flight_number, departs_on) DO NOTHING"""  # noqa: S608  constants of this file
LAST_DAY = "SELECT MAX(departs_on) FROM flight_flight WHERE departs_on <= %s"


def roll(now: datetime) -> int:
    """Add the next missing day, one day a call; how many flights it was.

    A database without a schedule stays empty: `make_schedule` makes the first.
    """
    today, horizon = now.date(), now.date() + timedelta(days=settings.SCHEDULE_DAYS)
    (last,) = fetch_one(LAST_DAY, (horizon.isoformat(),)) or (None,)
    if last is None or not settings.SCHEDULE_DAYS:
        return 0
    day = max(date.fromisoformat(str(last)) + timedelta(days=1), today)
    return _add(day) if day <= horizon else 0


def _add(day: date) -> int:
    first, *others = [schedule.fly(line, day) for line in schedule.timetable(places())]
    with write_transaction():
        if not execute(CLAIM, [_stored(getattr(first, name)) for name in COLUMNS]):
            return 0
        Flight.objects.bulk_create([Flight(**vars(each)) for each in others], ignore_conflicts=True)
    log.info("schedule_rolled", day=day.isoformat(), flights=len(others) + 1)
    return len(others) + 1


def _stored(value: object) -> object:
    if isinstance(value, datetime):
        return db_time(value)
    return value.isoformat() if isinstance(value, date) else value
