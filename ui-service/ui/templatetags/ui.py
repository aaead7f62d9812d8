"""Template tags and filters: icons, assets, money, times."""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ui import assets
from ui.view_models import route_map
from ui.view_models.cabins import Seat
from ui.view_models.sagas import StepView
from ui.view_models.travel import Flight, day_name, zone_name

register = template.Library()
LONG_DAY = gettext_lazy("l j F Y")
"in the letters of Django's date formats"
MINUS = "\N{MINUS SIGN}"
WORDS = re.compile("[A-Z]+_?(?![a-z])|[A-Z]?[^A-Z_]+_?|_")


@register.simple_tag
def asset(name: str) -> str:
    return assets.address(name)


@register.simple_tag
def icon(name: str, classes: str = "") -> SafeString:
    return format_html(
        '<svg class="icon {}" aria-hidden="true" focusable="false" width="20" height="20">'
        '<use href="{}#{}"/></svg>',
        classes,
        assets.address("ui/icons.svg"),
        name,
    )


@register.simple_tag
def runbook(alarm: str) -> SafeString:
    """A link to the alarm's section, where RUNBOOKS_URL says; else where it stands in the repository."""
    place = f"docs/runbooks.md#{alarm.lower()}"
    name = _("Runbook")
    if not settings.RUNBOOKS_URL:
        return format_html('<span class="small muted">{}: <span class="mono">{}</span></span>', name, place)
    return format_html('<a class="small" href="{}#{}">{}</a>', settings.RUNBOOKS_URL, alarm.lower(), name)


SECTIONS = {
    "search": ("search", "results", "seats", "passengers", "pay"),
    "trips": (
        "trips",
        "find_trip",
        "trip",
        "ticket",
        "cancel_trip",
        "change_trip",
        "confirm_change",
        "progress",
    ),
    "loyalty": ("loyalty",),
    "console": (
        *("console", "console_saga", "console_by_hand", "console_group", "console_audit", "console_people"),
        "faults",
    ),
    "learn": ("learn", "lesson"),
}


@register.simple_tag(takes_context=True)
def nav_link(context: dict[str, Any], name: str, label: str) -> SafeString:
    """A link of the main navigation, marked as current for its page or section."""
    match = getattr(context.get("request"), "resolver_match", None)
    here = match.url_name if match else None
    mark = "page" if here == name else "true" if here in SECTIONS[name] else ""
    current = format_html(' aria-current="{}"', mark) if mark else ""
    return format_html('<a href="{}"{}>{}</a>', reverse(name), current, label)


@register.filter
def money(amount: Any) -> str:
    return "–" if amount in (None, "") else f"${Decimal(str(amount)):,.2f}"


@register.filter
def whole(amount: Any) -> str:
    return f"{int(amount):,}" if amount not in (None, "") else "–"


@register.filter
def dollars(amount: Any) -> str:
    """A price for a list: without cents when there are none."""
    value = Decimal(str(amount))
    return f"${value:,.0f}" if value == value.to_integral_value() else f"${value:,.2f}"


@register.filter
def clock(moment: datetime | None) -> str:
    return moment.strftime("%H:%M") if moment else "–"


@register.filter
def clock_seconds(moment: datetime | None) -> str:
    return moment.strftime("%H:%M:%S") if moment else "–"


@register.filter
def stamp(moment: datetime | None) -> str:
    """Date and time to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "–"


@register.filter
def day(moment: Any) -> str:
    return day_name(moment) if moment else "–"


@register.filter
def long_day(moment: Any) -> str:
    return date_format(moment, str(LONG_DAY)) if moment else "–"


@register.filter
def duration(minutes: Any) -> str:
    hours, rest = divmod(int(minutes or 0), 60)
    if hours:
        return _("%(hours)s h %(minutes)s min") % {"hours": hours, "minutes": f"{rest:02d}"}
    return _("%(minutes)s min") % {"minutes": rest}


@register.filter
def span(length: timedelta | None) -> str:
    """A duration in a readable unit."""
    if length is None:
        return "–"
    seconds = length.total_seconds()
    if seconds < 1:
        return _("%(number)s ms") % {"number": f"{seconds * 1000:.0f}"}
    if seconds < 60:
        return _("%(number)s s") % {"number": f"{seconds:.1f}"}
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return _("%(minutes)s min %(seconds)s s") % {"minutes": minutes, "seconds": rest}
    return duration(minutes)


@register.filter
def due_in(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "–"
    return _("in %(time)s") % {"time": span(moment - now)} if moment > now else _("now")


@register.filter
def lookup(mapping: dict[Any, Any], key: Any) -> Any:
    return mapping.get(key, "")


@register.filter
def lookup_at(items: Sequence[Any], place: int) -> Any:
    return items[place]


@register.filter
def lane(names: Sequence[str], place: int) -> str:
    """The name of a lane of the stage; the first has the place 1."""
    return names[place - 1]


@register.filter
def zone(moment: datetime) -> str:
    return zone_name(moment)


@register.filter
def booking_steps(numbers: str) -> list[tuple[int, str]]:
    names = (_("Flight"), _("Seats"), _("Passengers"), _("Payment"))
    return list(zip(map(int, numbers), names, strict=True))


@register.filter
def minus(left: Any, right: Any) -> Any:
    return left - right


@register.filter
def signed(number: Any) -> str:
    return f"{int(number):+,}".replace("-", MINUS)


ENTRY_WORDS = {
    "AWARD": gettext_lazy("Earned"),
    "ADJUSTED": gettext_lazy("Trip changed"),
    "REVERSAL": gettext_lazy("Taken back"),
}


@register.filter
def entry_word(kind: str) -> str:
    """A traveller's word for a ledger entry."""
    return str(ENTRY_WORDS.get(kind, kind.lower().capitalize()))


@register.filter
def breakable(name: str) -> SafeString:
    """A name such as AuthorizePayment or PAYMENT_DECLINED with a possible line break between its words."""
    return format_html_join(mark_safe("<wbr>"), "{}", ((word,) for word in WORDS.findall(name)))


STATUS_PILLS = {
    "PENDING": "",
    "RUNNING": "brand",
    "COMPENSATING": "undo",
    "COMPLETED": "good",
    "COMPENSATED": "bad",
}


@register.filter
def status_pill(status: str) -> SafeString:
    return format_html('<span class="pill {}">{}</span>', STATUS_PILLS.get(status, ""), status.lower())


@register.filter
def until(later: datetime | None, earlier: datetime | None) -> timedelta | None:
    return later - earlier if later and earlier else None


@register.filter
def step_bar(steps: Sequence[StepView]) -> SafeString:
    """The four steps as four small marks, cached per combination of states."""
    return _step_bar(tuple((step.name, step.mood, step.status.lower()) for step in steps))


@lru_cache(maxsize=1024)
def _step_bar(steps: tuple[tuple[str, str, str], ...]) -> SafeString:
    mark = '<span class="mini {1}" role="img" aria-label="{0} {2}" title="{0}: {2}"></span>'
    return format_html_join("", mark, steps)


TIMES = "\N{MULTIPLICATION SIGN}"
CHECKED = mark_safe(" checked")
FREE = (
    '<label class="seat"><input type="checkbox" id="{0}-{1}" name="{0}" value="{1}" aria-label="{2}"{3}>'
    '<span aria-hidden="true" title="{2}">{4}</span></label>'
)
TAKEN = '<span class="seat taken{}" role="img" aria-label="{}, {}">{}</span>'


@register.inclusion_tag("ui/parts/map.html")
def trip_map(flights: Sequence[Flight]) -> dict[str, Any]:
    """The way of a trip; nothing where the coordinates are not known."""
    return {"map": route_map.of_ways([[flight.origin, flight.destination] for flight in flights])}


# A tag, because a template for each of 300 seats takes longer than the rest of the page.
@register.simple_tag
def seat_box(seat: Seat, field: str, mine: Sequence[str]) -> SafeString:
    letter = seat.number[-1:]
    if seat.status != "free":
        held = seat.status == "held"
        words, mark = (_("being booked by somebody"), "…") if held else (_("taken"), TIMES)
        return format_html(TAKEN, " held" if held else "", seat.label, words, mark)
    return format_html(FREE, field, seat.number, seat.label, CHECKED if seat.number in mine else "", letter)


MOOD_PILLS = {"done": "good", "bad": "bad", "now": "brand", "warn": "warn", "undone": "undo"}


@register.filter
def mood_pill(mood: str) -> str:
    return MOOD_PILLS.get(mood, "")
