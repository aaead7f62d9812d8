"""How all sagas stand, in numbers. Every query reads open sagas only, or counts along an index."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.apps import apps
from django.db.models import Count, Min, Q, QuerySet

from django_sagas import settlements
from django_sagas.clock import iso, iso_or_none
from django_sagas.conf import conf
from django_sagas.definitions import SAGAS
from django_sagas.models import RecoveryHeartbeat, SagaRow
from django_sagas.recent import Recent
from django_sagas.state import OPEN, SagaStatus

WINDOW = timedelta(days=1)
NEWEST = 10_000
"The failure rate is of the sagas begun in the window, of at most so many of the newest."
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
COMMIT_TIME = timedelta(minutes=1)
SHOWN = 5
ALIVE = timedelta(seconds=10)
JOBS = ("procrastinate", "ProcrastinateJob")
ASKED_FOR = ("CANCELLED_BY_USER", "CANCELLED_BY_OPERATOR")


def compensated_sagas() -> QuerySet[SagaRow]:
    return SagaRow.objects.filter(status=SagaStatus.COMPENSATED)


class GrowingCount:
    """How many rows there are of what only grows: what was counted once is not counted again."""

    def __init__(self, sagas: QuerySet[SagaRow], moment: str) -> None:
        self._sagas, self._moment, self._lock = sagas, moment, threading.Lock()
        self._until, self._before = BEGINNING, 0

    def __call__(self, now: datetime) -> int:
        """A commit may come later than the time on its row, but not by more than COMMIT_TIME."""
        until = now - COMMIT_TIME
        with self._lock:
            if until < self._until:  # A clock was put back.
                self._until, self._before = BEGINNING, 0
            later = self._sagas.filter(**{f"{self._moment}__gte": self._until})
            settled = Count(self._moment, filter=Q(**{f"{self._moment}__lt": until}))
            found = later.aggregate(settled=settled, every=Count("*"))
            self._before += found["settled"]
            self._until = until
            return self._before + int(found["every"] - found["settled"])


@dataclass(frozen=True)
class Totals:
    """What is not counted anew each time. No saga is ever deleted, and none that is compensated becomes
    anything else."""

    begun: GrowingCount = field(default_factory=lambda: GrowingCount(SagaRow.objects.all(), "created_at"))
    compensated: GrowingCount = field(
        default_factory=lambda: GrowingCount(compensated_sagas(), "finished_at")
    )
    failures: Recent[dict[str, Any]] = field(default_factory=lambda: Recent(lambda now: _failures(now)))


totals = Totals()


def overview(now: datetime, *, counted: Totals = totals) -> dict[str, Any]:
    groups = open_groups()
    return {
        "counts": counts(groups, counted.begun(now), counted.compensated(now)),
        "needs_attention": sum(group["stuck"] for group in groups),
        "oldest_open": _oldest(min(group["oldest"] for group in groups)) if groups else None,
        "failures": counted.failures(now),
        "incidents": _incidents(),
        "next_tries": _next_tries(),
        "settled_by_hand": settlements.still_open(),
        "engine": _engine(now),
        "definitions": _definitions(groups),
    }


def open_groups() -> list[dict[str, Any]]:
    """Open sagas by status and definition: how many, how many of them stuck, the oldest, the first due."""
    groups = SagaRow.objects.open().values("status", "name", "version")
    stuck = Count("pk", filter=~Q(attention=""))
    found = groups.annotate(number=Count("*"), stuck=stuck, oldest=Min("created_at"), first_due=Min("due_at"))
    return [dict(group) for group in found]


def counts(groups: list[dict[str, Any]], begun: int, compensated: int) -> dict[str, int]:
    """Open sagas and compensated ones are counted; the others are complete."""
    found = dict.fromkeys(SagaStatus.values, 0)
    for group in groups:
        found[group["status"]] += group["number"]
    still_open = sum(found[status] for status in OPEN)
    # The three are not read in one snapshot: a saga that ends in between must not make it negative.
    completed = max(begun - still_open - compensated, 0)
    return found | {"COMPENSATED": compensated, "COMPLETED": completed}


def _oldest(created_at: datetime) -> dict[str, Any] | None:
    saga = SagaRow.objects.open().filter(created_at=created_at).values("correlation_id").first()
    return {**saga, "created_at": iso(created_at)} if saga else None


def _failures(now: datetime) -> dict[str, Any]:
    """How many of the newest sagas have ended, and how many of these without being asked to.

    Sagas that only go forward cannot fail; they would hide how many of the others do.
    """
    can_fail = [name for name, saga in SAGAS.items() if any(step.compensation for step in saga.known_steps())]
    times = SagaRow.objects.order_by("-created_at").values_list("created_at", flat=True)
    since = max([now - WINDOW, *times[NEWEST - 1 : NEWEST]])
    begun = SagaRow.objects.filter(created_at__gte=since, name__in=can_fail)
    # The index of compensated sagas begins with the time at which they ended.
    undone = compensated_sagas().filter(finished_at__gte=since, created_at__gte=since)
    return {
        "since": iso(since),
        "ended": begun.count() - begun.open().count(),
        "failed": undone.exclude(reason__in=ASKED_FOR).count(),
    }


def _incidents() -> list[dict[str, Any]]:
    stuck = SagaRow.objects.open().exclude(attention="")
    reasons = stuck.values_list("attention").annotate(number=Count("*")).order_by("-number", "attention")
    ids = stuck.order_by("due_at").values_list("pk", flat=True)
    return [
        {"reason": reason, "count": number, "sagas": list(ids.filter(attention=reason)[:SHOWN])}
        for reason, number in reasons[:SHOWN]
    ]


def _next_tries() -> list[dict[str, Any]]:
    waiting = SagaRow.objects.open().filter(owner="").order_by("due_at")
    rows = waiting.values("correlation_id", "status", "due_at")[:SHOWN]
    return [{**row, "due_at": iso_or_none(row["due_at"])} for row in rows]


def _engine(now: datetime) -> dict[str, Any]:
    """Which engine this process submits to, who serves, and how many jobs wait where there is a queue."""
    alive = RecoveryHeartbeat.objects.filter(beat_at__range=(now - ALIVE, now + ALIVE)).order_by("owner")
    return {
        "name": conf.SAGA_ENGINE,
        "workers": [{"name": each.owner, "beat_at": iso(each.beat_at)} for each in alive],
        "jobs_waiting": _jobs_waiting() if conf.SAGA_ENGINE == "procrastinate" else None,
    }


def _jobs_waiting() -> int:
    jobs: type[Any] = apps.get_model(*JOBS)
    waiting: int = jobs.objects.filter(queue_name="sagas", status="todo").count()
    return waiting


def _definitions(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Definitions that open sagas run by, and those that new sagas get."""
    found = dict.fromkeys([(saga.name, saga.version) for saga in SAGAS.values()], 0)
    for group in groups:
        key = (group["name"], group["version"])
        found[key] = found.get(key, 0) + group["number"]
    return [
        {"name": name, "version": version, "open": found[name, version]} for name, version in sorted(found)
    ]
