"""`manage.py audit_sagas`: reconcile the saga log with the owners of its effects in a running system."""

import signal
import threading
from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand

from django_sagas import settlements
from django_sagas.audit import auditor
from django_sagas.audit.auditor import Audited
from django_sagas.clock import iso, utc_now

DRIFTED, UNVERIFIED = 1, 2
A_DAY = timedelta(days=1)


def moment(text: str) -> datetime:
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is not an ISO 8601 time") from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)


class Command(BaseCommand):
    """Exit code 0 when everything agrees, 1 on drift, 2 when something could not be read."""

    help = "Compare ended sagas with their log and with what their owners say; report, and repair nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since", type=moment, help="sagas that ended since this time (default: a day ago)"
        )
        parser.add_argument("--limit", type=int, default=100_000, help="at most so many (default 100000)")
        parser.add_argument("--settled", type=float, default=10.0, help="seconds ended at least (default 10)")
        parser.add_argument("--every", type=float, help="run again after so many seconds, until SIGTERM")

    def handle(self, *args: Any, every: float | None = None, **options: Any) -> None:
        if every is None:
            code = self._run(**options)
            if code:
                raise SystemExit(code)
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while not stop.is_set():
            self._run(**options)
            stop.wait(every)

    def _run(self, *, since: datetime | None, limit: int, settled: float, **_: Any) -> int:
        now, audited = utc_now(), Audited()
        since, before = since or now - A_DAY, now - timedelta(seconds=settled)
        for page in auditor.run(since=since, before=before, most=limit, now=now, audited=audited):
            for finding in page:
                self.stdout.write(f"DRIFT {finding}")
            self._progress(audited)
        for finding in auditor.lost(since=since, now=now, audited=audited):
            self.stdout.write(f"LOST {finding}")
        self._list_settled_by_hand()
        for finding in auditor.review_settlements(now=now, audited=audited):
            self.stdout.write(f"STILL OPEN {finding}")
        auditor.remember(audited, since=since, began=now, now=utc_now())
        return self._conclude(audited)

    def _progress(self, audited: Audited) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{audited.checked} sagas, {audited.drifted} drifted", ending="")
            self.stderr.flush()

    def _list_settled_by_hand(self) -> None:
        for each in settlements.every():
            why = f"{each.reason} ({each.evidence})"
            self.stdout.write(
                f"BY HAND {each.correlation_id} by {each.actor} at {iso(each.settled_at)}: {why}"
            )

    def _conclude(self, audited: Audited) -> int:
        for why, number in audited.unverified.items():
            self.stdout.write(f"UNVERIFIED {number} sagas: {why}")
        unverified = sum(audited.unverified.values())
        self.stdout.write(
            f"{audited.checked} sagas checked, {audited.drifted} drifted, "
            f"{unverified} unverified, {audited.moved} changed meanwhile"
        )
        if audited.drifted:
            return DRIFTED
        return UNVERIFIED if unverified else 0
