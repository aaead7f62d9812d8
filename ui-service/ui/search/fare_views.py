"""Prices by day: the strip above the results, and the calendar of the search form. Both are fragments."""

from calendar import Calendar
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django_sagas.clock import utc_now

from ui import patience
from ui.backend_client import ServiceTrouble
from ui.forms import MAX_PASSENGERS, number
from ui.search import selectors
from ui.search.forms import CABINS
from ui.search.views import MOST_PRICE, day_of, on_day
from ui.view_models.cabins import CABIN_NAMES, EVERYWHERE
from ui.view_models.places import UnclearPlace

MONTHS = 2
# The timetable ends before.
MOST_MONTHS = 18


@require_safe
def fare_strip(request: HttpRequest) -> HttpResponse:
    """The days around with their lowest prices: a fragment, loaded after the results."""
    kept = request.GET.copy()
    names = ("from", "to", "field", "plus")
    origin, destination, field, plus = (kept.pop(name, [""])[-1] for name in names)
    day = day_of(kept, "day")
    kept.pop("day", None)
    first, cabin = utc_now().date(), kept.get("cabin", "")
    passengers = number(kept.get("passengers", ""), most=MAX_PASSENGERS, default=1)
    if field == "back" and (depart := day_of(kept, "depart")):
        first = max(first, depart)
    if day is None:
        return HttpResponse(status=204)
    try:
        days = selectors.fare_strip(
            origin=origin,
            destination=destination,
            day=day,
            cabin=cabin,
            passengers=passengers,
            first=first,
            chosen_fare=Decimal(number(plus, most=MOST_PRICE * 10, default=0)) / 100,
        )
    except ServiceTrouble:
        return HttpResponse(status=204)
    shown = [(each, on_day(kept, "back" if field == "back" else "depart", each.day)) for each in days]
    none = _("no flights")
    if cabin not in ("", EVERYWHERE):
        none = _("no %(cabin)s") % {"cabin": CABIN_NAMES.get(cabin, cabin)}
    return render(request, "ui/search/strip.html", {"days": shown, "day": day, "none": none})


@dataclass(frozen=True)
class CalendarDay:
    """A day with the lowest fare of each direction, in cents for one passenger; None on a day without."""

    day: date
    there: int | None
    back: int | None


@require_safe
def fare_calendar(request: HttpRequest) -> HttpResponse:
    """Two months; with two places in the address, the lowest fares of both directions."""
    today = utc_now().date()
    month = _month(request.GET.get("month", ""), today)
    first, last = max(today, month), _later(month, MONTHS) - timedelta(days=1)
    passengers = number(request.GET.get("passengers", ""), most=MAX_PASSENGERS, default=1)
    fares = _fares_of(request.GET.dict(), first, last)
    there, back = fares or (None, None)
    context = {
        "months": [_weeks(_later(month, offset), first, there, back) for offset in range(MONTHS)],
        "earlier": _later(month, -1) if month > today else None,
        "later": _later(month, 1) if month < _later(today, MOST_MONTHS) else None,
        "passengers": passengers,
        "charges": int(there.charges * 100) if there else 0,
        "priced": there is not None,
    }
    return render(request, "ui/search/calendar.html", context)


def _fares_of(
    query: dict[str, str], first: date, last: date
) -> tuple[selectors.Fares, selectors.Fares] | None:
    """Of both directions; None where a place is not clear yet, or the backend does not answer."""
    cabin = query.get("cabin", "")
    try:
        ends = [selectors.airport_code(query.get(name, "")) for name in ("origin", "destination")]
        days: dict[str, Any] = {
            "first": first,
            "last": last,
            "cabin": cabin if cabin in dict(CABINS) else EVERYWHERE,
        }
        there, back = patience.at_once(
            *(
                partial(selectors.fares, origin=origin, destination=destination, **days)
                for origin, destination in (ends, ends[::-1])
            )
        )
    except (UnclearPlace, ServiceTrouble):
        return None
    else:
        return there, back


def _month(text: str, today: date) -> date:
    """The first day of the month in the address, at the earliest of this one."""
    this = today.replace(day=1)
    try:
        asked = date.fromisoformat(f"{text[:7]}-01")
    except ValueError:
        return this
    return min(max(asked, this), _later(this, MOST_MONTHS))


def _later(month: date, months: int) -> date:
    """The first day of a month so many months later."""
    years, index = divmod(month.year * 12 + month.month - 1 + months, 12)
    return date(years, index + 1, 1)


def _weeks(
    month: date, first: date, there: selectors.Fares | None, back: selectors.Fares | None
) -> dict[str, Any]:
    """Weeks from Monday on; None outside of the month."""

    def shown(day: date) -> CalendarDay | None:
        return None if day.month != month.month else CalendarDay(day, _cents(there, day), _cents(back, day))

    weeks = Calendar().monthdatescalendar(month.year, month.month)
    return {"month": month, "weeks": [[shown(day) for day in week] for week in weeks], "first": first}


def _cents(fares: selectors.Fares | None, day: date) -> int | None:
    fare = fares.lowest.get(day) if fares else None
    return None if fare is None else int(fare * 100)
