"""Metrics read from the saga log at each scrape: the same in every process."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import product
from typing import Any

from django.db import Error as DatabaseError
from django.db.models import Q
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from django_sagas import overview, recovery, settlements
from django_sagas.clock import utc_now
from django_sagas.conf import conf
from django_sagas.definitions import SAGAS
from django_sagas.models import AuditRun, SagaRow
from django_sagas.overview import GrowingCount, Totals, compensated_sagas, open_groups
from django_sagas.state import OPEN
from django_sagas.watchdog import due_too_late


class SagaCollector(Collector):
    def __init__(self, totals: Totals = overview.totals) -> None:
        self._totals = totals
        # A cancellation is no failure.
        names = dict.fromkeys((*_step_names(), ""))
        self._failed = {
            name: GrowingCount(compensated_sagas().filter(failed_step=name), "finished_at") for name in names
        }

    def describe(self) -> Iterator[Metric]:
        """Empty: registering must not read the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        try:
            groups = open_groups()
            yield from self._open(groups)
            yield from self._ages(groups)
            yield from self._audit()
            yield from self._since_the_beginning(groups)
        except DatabaseError:
            yield GaugeMetricFamily("saga_log_readable", "0 while the saga log cannot be read.", value=0)
            return
        yield GaugeMetricFamily("saga_log_readable", "0 while the saga log cannot be read.", value=1)

    def _open(self, groups: list[dict[str, Any]]) -> Iterator[Metric]:
        still_open = GaugeMetricFamily(
            "sagas_open", "Sagas that have not ended.", labels=["definition", "status"]
        )
        numbers: Counter[tuple[str, str]] = Counter()
        for group in groups:
            numbers[group["name"], group["status"]] += group["number"]
        names = {*SAGAS, *(name for name, _ in numbers)}
        for name, status in product(sorted(names), OPEN):
            still_open.add_metric([name, status.value], numbers[name, status.value])
        yield still_open
        yield GaugeMetricFamily(
            "sagas_needing_attention",
            "Open sagas that a person should look at.",
            value=sum(group["stuck"] for group in groups),
        )
        yield GaugeMetricFamily(
            "sagas_settled_by_hand_open",
            "Compensations settled by hand whose owners do not agree, or were not asked by the auditor yet.",
            value=settlements.count_open(),
        )
        now = utc_now()
        late = now - timedelta(seconds=conf.SAGA_UNCLAIMED_SECONDS)
        unclaimed = SagaRow.objects.open().filter(Q(due_at__lt=late) | due_too_late(now))
        yield GaugeMetricFamily(
            "sagas_unclaimed",
            "Sagas due for longer than SAGA_UNCLAIMED_SECONDS; needs nobody alive to say so.",
            value=unclaimed.count(),
        )

    def _ages(self, groups: list[dict[str, Any]]) -> Iterator[Metric]:
        created = min((group["oldest"] for group in groups), default=None)
        due = min((group["first_due"] for group in groups), default=None)
        beat = recovery.last_beat(utc_now())
        for name, text, moment in (
            ("saga_oldest_open_seconds", "Age of the oldest open saga.", created),
            ("saga_overdue_seconds", "How long the most overdue saga has waited to be claimed.", due),
            ("saga_recovery_heartbeat_seconds", "Since recovery last gave a sign of life.", beat),
        ):
            yield GaugeMetricFamily(name, text, value=_seconds_since(moment))

    def _audit(self) -> Iterator[Metric]:
        """Of the auditor's newest run; nothing before its first."""
        run = AuditRun.objects.order_by("-id").first()
        if run is None:
            return
        for name, text, value in (
            ("saga_audit_checked", "Ended sagas that the auditor's newest run compared.", run.checked),
            ("saga_audit_drifted", "Of these, sagas whose effects are not what the log says.", run.drifted),
            ("saga_audit_unverified", "Sagas of which an owner could not be asked.", run.unverified),
            ("saga_audit_age_seconds", "Since the auditor's newest run.", _seconds_since(run.ended_at)),
        ):
            yield GaugeMetricFamily(name, text, value=value)

    def _since_the_beginning(self, groups: list[dict[str, Any]]) -> Iterator[Metric]:
        now = utc_now()
        begun = self._totals.begun(now)
        yield CounterMetricFamily("sagas_started", "Sagas accepted.", value=begun)
        # No counter: a booking that is cancelled after its saga was complete is complete no more.
        ended = GaugeMetricFamily("sagas_ended", "Sagas as they ended.", labels=["status", "failed_step"])
        for name, failed in self._failed.items():
            ended.add_metric(["COMPENSATED", name], failed(now))
        complete = overview.counts(groups, begun, self._totals.compensated(now))["COMPLETED"]
        ended.add_metric(["COMPLETED", ""], complete)
        yield ended


def _seconds_since(moment: datetime | None) -> float:
    """0 where there is nothing to wait for."""
    if moment is None:
        return 0.0
    return max(0.0, (utc_now() - moment).total_seconds())


def _step_names() -> Iterator[str]:
    """Of every definition, those of before included."""
    for saga in SAGAS.values():
        for step in saga.known_steps():
            yield from (step.name, *step.aliases)
