"""`manage.py audit_sagas`: reconcile the saga log with seats, payments and miles in a running system."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django_sagas.clock import iso, utc_now

from flight import saga_audit
from flight.saga_audit_reads import Owners

DRIFTED, UNVERIFIED = 1, 2


def moment(text: str) -> datetime:
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is not an ISO 8601 time") from error
    return given if given.tzinfo else given.replace(tzinfo=UTC)


class Command(BaseCommand):
    """Exit code 0 when everything agrees, 1 on drift, 2 when something could not be read."""

    help = "Compare ended sagas with what seats, payments and miles say; report, and repair nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since", type=moment, help="sagas accepted since this time (default: a day ago)"
        )
        parser.add_argument("--limit", type=int, default=100_000, help="at most so many (default 100000)")
        parser.add_argument("--settled", type=float, default=10.0, help="seconds ended at least (default 10)")

    def handle(self, *args: Any, since: datetime | None, limit: int, settled: float, **options: Any) -> None:
        now, audited = utc_now(), saga_audit.Audited()
        since = since or now - timedelta(days=1)
        age = timedelta(seconds=settled)
        for drifts in saga_audit.run(
            since=since, most=limit, settled=age, owners=Owners(), now=now, audited=audited
        ):
            for drift in drifts:
                self.stdout.write(f"DRIFT {drift}")
            self._progress(audited)
        for drift in saga_audit.lost(since=since, owners=Owners(), now=now, audited=audited):
            self.stdout.write(f"LOST {drift}")
        self._list_settled_by_hand()
        for drift in saga_audit.review_settlements(owners=Owners(), now=now, audited=audited):
            self.stdout.write(f"STILL OPEN {drift}")
        saga_audit.remember(audited, since=since, began=now, now=utc_now())
        self._conclude(audited)

    def _progress(self, audited: saga_audit.Audited) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{audited.checked} sagas, {audited.drifted} drifted", ending="")
            self.stderr.flush()

    def _list_settled_by_hand(self) -> None:
        for each in saga_audit.settled_by_hand():
            why = f"{each.reason} ({each.evidence})"
            self.stdout.write(
                f"BY HAND {each.correlation_id} by {each.actor} at {iso(each.created_at)}: {why}"
            )

    def _conclude(self, audited: saga_audit.Audited) -> None:
        for why, number in audited.unverified.items():
            self.stdout.write(f"UNVERIFIED {number} sagas: {why}")
        self.stdout.write(
            f"{audited.checked} sagas checked, {audited.drifted} drifted, "
            f"{sum(audited.unverified.values())} unverified, {audited.moved} changed meanwhile"
        )
        if audited.drifted or audited.unverified:
            raise SystemExit(DRIFTED if audited.drifted else UNVERIFIED)
