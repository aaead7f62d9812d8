"""Compare payments with the provider's books, and settle what they disagree about."""

import getpass
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django_sagas.clock import utc_now

from payment import housekeeping, reconcile
from payment.providers.interface import Unknown
from payment.reconcile import Compared, Repair


class Command(BaseCommand):
    """Exit code 0 when nothing is left to settle, 1 while something is, 2 if the provider does not answer."""

    help = "Show what settles each disagreement between payments and their provider; with --apply do it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=moment, required=True, help="authorised since this time")
        parser.add_argument("--apply", action="store_true", help="do it; without, only show it")
        parser.add_argument("--reason", default="", help="for the audit trail; required with --apply")
        parser.add_argument("--actor", default=getpass.getuser(), help="your name (default: the login name)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["apply"] and not options["reason"].strip():
            raise CommandError("--apply needs a --reason: it is kept in the audit trail.")
        try:
            left = self._run(options)
        except Unknown as error:
            self.stdout.write(f"UNVERIFIED {error}")
            raise SystemExit(2) from error
        if left:
            raise SystemExit(1)

    def _run(self, options: dict[str, Any]) -> int:
        """How many are left."""
        found = self._pass(options)
        return self._pass(options) if found and options["apply"] else found

    def _pass(self, options: dict[str, Any]) -> int:
        now, compared, found = utc_now(), Compared(), 0
        if options["apply"]:
            housekeeping.settle_abandoned(now=now, after=housekeeping.AT_ONCE)
        for repair in list(reconcile.repairs(since=options["since"], now=now, compared=compared)):
            found += 1
            self._settle(repair, options, now)
        self.stdout.write(
            f"{compared.payments} payments and {compared.holds} holds compared, {found} to settle, "
            f"{compared.under_way} with a call under way"
        )
        return found + compared.under_way

    def _settle(self, repair: Repair, options: dict[str, Any], now: datetime) -> None:
        of = {"actor": options["actor"], "reason": options["reason"], "now": now}
        why = reconcile.settle(repair, **of) if options["apply"] else ""
        self.stdout.write(f"{repair}: {why}" if why else str(repair))


def moment(text: str) -> datetime:
    given = datetime.fromisoformat(text)
    return given if given.tzinfo else given.replace(tzinfo=UTC)
