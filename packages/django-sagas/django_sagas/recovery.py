"""Recovery: finds the sagas that are due, claims them and advances several at a time.

Runs everything that no request runs: accepted sagas, retries, and sagas whose owner died. Any process
may do it; the claim decides which.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from pathlib import Path

import structlog
from django.db import Error as DatabaseError
from django.db import close_old_connections
from django.db.models import Max
from django.utils.module_loading import import_string

from django_sagas import saga_log, watchdog
from django_sagas.conf import conf
from django_sagas.models import RecoveryHeartbeat
from django_sagas.orchestrator import Orchestrator

log = structlog.get_logger("saga.recovery")
HEARTBEAT_SECONDS = 2.0
WATCH_SECONDS = 10.0
FORGET_AFTER = timedelta(hours=1)


def last_beat(now: datetime) -> datetime | None:
    """The newest heartbeat; None without one."""
    # A heartbeat in the future was written before a clock was put back, perhaps by a dead process.
    beats = RecoveryHeartbeat.objects.filter(beat_at__lte=now + timedelta(seconds=HEARTBEAT_SECONDS))
    beat: datetime | None = beats.aggregate(last=Max("beat_at"))["last"]
    return beat


class Periodic:
    """Runs an action at most once per interval."""

    def __init__(
        self, seconds: float, action: Callable[[datetime], object], now: Callable[[], datetime]
    ) -> None:
        self._seconds, self._action, self._now = seconds, action, now
        self._last = float("-inf")

    def __call__(self) -> None:
        if time.monotonic() - self._last >= self._seconds:
            self._last = time.monotonic()
            self._action(self._now())


class Recovery:
    def __init__(self, orchestrator: Orchestrator, *, threads: int) -> None:
        self._orchestrator, self._threads = orchestrator, threads
        self.owner, self.now = orchestrator.owner, orchestrator.now
        self._busy: set[Future[None]] = set()
        self._periodic = (
            Periodic(HEARTBEAT_SECONDS, self.beat, self.now),
            Periodic(HEARTBEAT_SECONDS, watchdog.bring_forward, self.now),
            Periodic(WATCH_SECONDS, watchdog.mark_unclaimed, self.now),
            *(Periodic(seconds, import_string(work), self.now) for work, seconds in conf.SAGA_HOUSEKEEPING),
        )

    def serve(self, stop: threading.Event) -> None:
        """Run until told to stop; then finish the calls under way and release the leases."""
        log.info("recovery_started", owner=self.owner, threads=self._threads)
        with ThreadPoolExecutor(self._threads, "saga-recovery") as pool:
            while not stop.is_set():
                self._round(pool)
                self._rest(stop)
        log.info("recovery_stopped", owner=self.owner)

    def run_due(self) -> int:
        """Advance all due sagas one by one in this thread; how many there were."""
        due = saga_log.due(now=self.now(), most=self._threads)
        for correlation_id in due:
            self.advance(correlation_id)
        return len(due)

    def beat(self, now: datetime) -> None:
        RecoveryHeartbeat.objects.bulk_create(
            [RecoveryHeartbeat(owner=self.owner, beat_at=now)],
            update_conflicts=True,
            unique_fields=["owner"],
            update_fields=["beat_at"],
        )
        RecoveryHeartbeat.objects.filter(beat_at__lt=now - FORGET_AFTER).delete()
        if conf.SAGA_HEARTBEAT_FILE:
            # For a health check of this process: the table holds the heartbeats of all.
            Path(conf.SAGA_HEARTBEAT_FILE).touch()

    def keep_house(self) -> None:
        """Periodic work, with any engine."""
        attempt(close_old_connections)
        for periodic in self._periodic:
            attempt(periodic)

    def _round(self, pool: ThreadPoolExecutor) -> None:
        self.keep_house()
        attempt(lambda: self._claim_due(pool))

    def _rest(self, stop: threading.Event) -> None:
        """Wait until the next poll, or until a thread is free if all are busy: more may be due."""
        if len(self._busy) >= self._threads:
            wait(self._busy, conf.SAGA_RECOVERY_POLL, FIRST_COMPLETED)
        else:
            stop.wait(conf.SAGA_RECOVERY_POLL)

    def _claim_due(self, pool: ThreadPoolExecutor) -> None:
        self._busy = {future for future in self._busy if not future.done()}
        free = self._threads - len(self._busy)
        due = saga_log.due(now=self.now(), most=free) if free else []
        self._busy.update(pool.submit(self.advance, correlation_id) for correlation_id in due)

    def advance(self, correlation_id: str) -> None:
        """Claim this saga if it is due and advance it; no effect if another process claimed it first."""
        structlog.contextvars.bind_contextvars(correlation_id=correlation_id)
        attempt(close_old_connections)
        attempt(lambda: self._claim_and_advance(correlation_id))
        attempt(close_old_connections)  # An idle thread must not keep a pooled connection.
        structlog.contextvars.clear_contextvars()

    def _claim_and_advance(self, correlation_id: str) -> None:
        saga = self._orchestrator.claim(correlation_id)
        if saga is not None:
            log.info("saga_claimed", epoch=saga.epoch, status=saga.status.value, claims=saga.claims)
            self._orchestrator.advance(saga)


def attempt(work: Callable[[], object]) -> None:
    """Run it. Errors are logged and do not stop the rest; a later round retries."""
    try:
        work()
    except DatabaseError as error:
        log.warning("recovery_waits_for_database", error=repr(error))
    except Exception:  # The failure of one saga must not stop the recovery of others.
        log.exception("recovery_failed")
