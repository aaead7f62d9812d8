"""The charts of the console's list: a bar an hour, which leads to the sagas of that hour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django_sagas.clock import iso

from ui.backend_client import Json

WIDTH, HEIGHT, GAP, LOWEST = 360, 56, 3, 2
KINDS: Mapping[str, tuple[Promise, dict[str, str]]] = {
    "started": (_("Started"), {}),
    "failed": (_("Failed"), {"status": "COMPENSATED"}),
    "stuck": (_("Stuck"), {"attention": "1"}),
}


@dataclass(frozen=True)
class Bar:
    at: datetime
    number: int
    x: float
    y: float
    width: float
    height: float
    query: str
    "of the list that has its sagas"


@dataclass(frozen=True)
class Chart:
    kind: str
    title: Promise
    total: int
    bars: Sequence[Bar]
    width: int = WIDTH
    height: int = HEIGHT


def charts(hours: Sequence[Json]) -> list[Chart]:
    return [_chart(kind, hours) for kind in KINDS] if hours else []


def _chart(kind: str, hours: Sequence[Json]) -> Chart:
    title, _query = KINDS[kind]
    most = max(*(hour[kind] for hour in hours), 1)
    bars = [_bar(kind, place, hour, most, len(hours)) for place, hour in enumerate(hours) if hour[kind]]
    return Chart(kind, title, sum(hour[kind] for hour in hours), bars)


def _bar(kind: str, place: int, hour: Json, most: int, hours: int) -> Bar:
    step = WIDTH / hours
    height = max((HEIGHT - 4) * hour[kind] / most, LOWEST)
    times = {"from": iso(hour["at"]), "to": iso(hour["at"] + timedelta(hours=1))}
    return Bar(
        hour["at"],
        hour[kind],
        x=round(place * step + GAP / 2, 1),
        y=round(HEIGHT - height, 1),
        width=round(step - GAP, 1),
        height=round(height, 1),
        query=urlencode({**KINDS[kind][1], **times}),
    )
