"""The sagas of the last day by the hour of their start: how many there were, failed, and are stuck."""

import threading
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django_sagas.clock import iso
from django_sagas.definitions import finishing
from django_sagas.models import SagaRow
from django_sagas.overview import ASKED_FOR, COMMIT_TIME, compensated_sagas
from django_sagas.recent import Recent

HOUR = timedelta(hours=1)
HOURS = 24


class Started:
    """Counts an hour that is over once: it does not change."""

    def __init__(self) -> None:
        self._lock, self._known = threading.Lock(), dict[datetime, int]()

    def __call__(self, hours: list[datetime], now: datetime) -> dict[datetime, int]:
        with self._lock:
            known = {hour: self._known[hour] for hour in hours if hour in self._known}
        found = known | {hour: _started(hour) for hour in hours if hour not in known}
        with self._lock:
            self._known = {hour: found[hour] for hour in hours if hour + HOUR < now - COMMIT_TIME}
        return found


def history(now: datetime, *, counted: Started) -> list[dict[str, Any]]:
    """Oldest hour first."""
    newest = _hour(now)
    hours = [newest - HOUR * back for back in reversed(range(HOURS))]
    begun, failed, stuck = counted(hours, now), _failed(hours[0]), _stuck()
    return [
        {"at": iso(hour), "started": begun[hour], "failed": failed[hour], "stuck": stuck[hour]}
        for hour in hours
    ]


def reader() -> Recent[list[dict[str, Any]]]:
    """The hour under way may have very many sagas."""
    return Recent(partial(history, counted=Started()))


recent = reader()


def _started(hour: datetime) -> int:
    begun = SagaRow.objects.filter(created_at__gte=hour, created_at__lt=hour + HOUR)
    return begun.exclude(name__in=finishing()).count()


def _failed(since: datetime) -> Counter[datetime]:
    # The index of compensated sagas begins with the time at which they ended.
    undone = compensated_sagas().filter(finished_at__gte=since, created_at__gte=since)
    return _by_hour(undone.exclude(reason__in=ASKED_FOR).values_list("created_at", flat=True))


def _stuck() -> Counter[datetime]:
    return _by_hour(SagaRow.objects.open().exclude(attention="").values_list("created_at", flat=True))


def _by_hour(times: Iterable[datetime]) -> Counter[datetime]:
    return Counter(map(_hour, times))


def _hour(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
