"""Metrics read from the saga log at each scrape: the same in every process."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import Error as DatabaseError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from service_kit.clock import utc_now
from service_kit.database import db_time, fetch_all, fetch_one, from_db_time
from service_kit.metrics import FROM_ROWS

from flight import saga_overview, saga_recovery, saga_settlements
from flight.saga_orchestrator_complete import STEPS
from flight.saga_overview import COMPENSATED, Count, Grown
from flight.saga_state import EARLIER_STEPS
from flight.saga_watchdog import latest_due

# Each reads the partial index of open sagas only; finished sagas cost nothing.
OPEN = "SELECT status, COUNT(*) FROM flight_saga WHERE due_at IS NOT NULL GROUP BY status"
STUCK = "SELECT COUNT(*) FROM flight_saga WHERE due_at IS NOT NULL AND attention <> ''"
OLDEST = "SELECT MIN(created_at), MIN(due_at) FROM flight_saga WHERE due_at IS NOT NULL"
UNCLAIMED = "SELECT COUNT(*) FROM flight_saga WHERE due_at IS NOT NULL AND (due_at < %s OR due_at > %s)"
AUDIT = "SELECT checked, drifted, unverified, ended_at FROM flight_audit_run ORDER BY id DESC LIMIT 1"


class SagaCollector(Collector):
    def __init__(self, grown: Grown = saga_overview.grown) -> None:
        self._grown = grown
        # A cancellation is no failure.
        names = dict.fromkeys((*EARLIER_STEPS, *(step.name for step in STEPS), ""))
        self._failed = {name: Count(f"{COMPENSATED} AND failed_step = '{name}'") for name in names}

    def describe(self) -> Iterator[Metric]:
        """Empty: registering must not read the database."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        try:
            yield from self._open()
            yield from self._ages()
            yield from self._audit()
            yield from self._since_the_beginning()
        except DatabaseError:
            yield GaugeMetricFamily("saga_log_readable", "0 while the saga log cannot be read.", value=0)
            return
        yield GaugeMetricFamily("saga_log_readable", "0 while the saga log cannot be read.", value=1)

    def _open(self) -> Iterator[Metric]:
        by_status = GaugeMetricFamily("sagas_open", "Sagas that have not ended.", labels=["status"])
        counted = dict.fromkeys(("PENDING", "RUNNING", "COMPENSATING"), 0) | dict(fetch_all(OPEN))
        for status, count in counted.items():
            by_status.add_metric([status], count)
        yield by_status
        stuck = fetch_one(STUCK)
        yield GaugeMetricFamily(
            "sagas_needing_attention",
            "Open sagas that a person should look at.",
            value=stuck[0] if stuck else 0,
        )
        yield GaugeMetricFamily(
            "sagas_settled_by_hand_open",
            "Compensations settled by hand whose owners do not agree, or were not asked by the auditor yet.",
            value=saga_settlements.count_open(),
        )
        now = utc_now()
        late = now - timedelta(seconds=settings.SAGA_UNCLAIMED_SECONDS)
        unclaimed = fetch_one(UNCLAIMED, (db_time(late), db_time(latest_due(now))))
        yield GaugeMetricFamily(
            "sagas_unclaimed",
            "Sagas due for longer than SAGA_UNCLAIMED_SECONDS; needs nobody alive to say so.",
            value=unclaimed[0] if unclaimed else 0,
        )

    def _ages(self) -> Iterator[Metric]:
        created, due = fetch_one(OLDEST) or (None, None)
        beat = saga_recovery.last_beat(utc_now())
        for name, text, moment in (
            ("saga_oldest_open_seconds", "Age of the oldest open saga.", created),
            ("saga_overdue_seconds", "How long the most overdue saga has waited to be claimed.", due),
            ("saga_recovery_heartbeat_seconds", "Since recovery last gave a sign of life.", beat),
        ):
            yield GaugeMetricFamily(name, text, value=_seconds_since(moment))

    def _audit(self) -> Iterator[Metric]:
        """Of the auditor's newest run; nothing before its first."""
        checked, drifted, unverified, ended_at = fetch_one(AUDIT) or (0, 0, 0, None)
        if ended_at is None:
            return
        for name, text, value in (
            ("saga_audit_checked", "Ended sagas that the auditor's newest run compared.", checked),
            ("saga_audit_drifted", "Of these, sagas whose effects are not what the log says.", drifted),
            ("saga_audit_unverified", "Sagas of which an owner could not be asked.", unverified),
            ("saga_audit_age_seconds", "Since the auditor's newest run.", _seconds_since(ended_at)),
        ):
            yield GaugeMetricFamily(name, text, value=value)

    def _since_the_beginning(self) -> Iterator[Metric]:
        now = utc_now()
        rows, begun = fetch_all(saga_overview.OPEN_SAGAS), self._grown.begun(now)
        yield CounterMetricFamily("sagas_started", "Sagas accepted.", value=begun)
        # No counter: a booking that is cancelled after its saga was complete is complete no more.
        ended = GaugeMetricFamily("sagas_ended", "Sagas as they ended.", labels=["status", "failed_step"])
        for name, failed in self._failed.items():
            ended.add_metric(["COMPENSATED", name], failed(now))
        complete = saga_overview.counts(rows, begun, self._grown.compensated(now))["COMPLETED"]
        ended.add_metric(["COMPLETED", ""], complete)
        yield ended
        held = GaugeMetricFamily("seats_held", "Seats reserved and not confirmed yet.", labels=["by"])
        seats = saga_overview.seats_held()
        held.add_metric(["saga"], seats["by_sagas"])
        held.add_metric(["direct_call"], seats["by_direct_calls"])
        yield held


def _seconds_since(moment: object) -> float:
    """0 where there is nothing to wait for."""
    if moment is None:
        return 0.0
    seconds: float = (utc_now() - from_db_time(moment)).total_seconds()
    return max(0.0, seconds)


def register() -> None:
    FROM_ROWS.register(SagaCollector())
