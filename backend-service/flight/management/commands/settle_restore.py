"""Settle what the services disagree about after a restore to different moments."""

import getpass
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_sagas.audit.auditor import Audited
from django_sagas.clock import utc_now
from django_sagas.management.commands.audit_sagas import moment
from django_sagas.operators import Operator

from flight.operations.reconcile import repairs
from flight.operations.repair import Repair

PASSES = 4
"A trip that is cancelled changes what its settlement has to show."


class Command(BaseCommand):
    """Exit code 0 when nothing is left to settle, 1 while something is, 2 if a service could not be asked."""

    help = "Show what settles each disagreement that the auditor finds; with --apply do it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=moment, required=True, help="sagas that ended since this time")
        parser.add_argument("--limit", type=int, default=1_000_000, help="at most so many sagas")
        parser.add_argument("--settled", type=float, default=10.0, help="seconds ended at least (default 10)")
        parser.add_argument("--apply", action="store_true", help="do it; without, only show it")
        parser.add_argument("--reason", default="", help="for the audit trail; required with --apply")
        parser.add_argument("--actor", default=getpass.getuser(), help="your name (default: the login name)")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["apply"] and not options["reason"].strip():
            raise CommandError("--apply needs a --reason: it is kept in the audit trail.")
        by = Operator(options["actor"], options["reason"])
        for _ in range(PASSES if options["apply"] else 1):
            audited, found = Audited(), 0
            before = utc_now() - timedelta(seconds=options["settled"])
            since, most = options["since"], options["limit"]
            for repair in repairs(since=since, before=before, most=most, audited=audited):
                found += 1
                self._settle(repair, by if options["apply"] else None)
            self.stdout.write(f"{audited.checked} sagas checked, {found} to settle")
            if not found:
                break
        for why, number in audited.unverified.items():
            self.stdout.write(f"UNVERIFIED {number} sagas: {why}")
        if found or audited.unverified:
            raise SystemExit(1 if found else 2)

    def _settle(self, repair: Repair, by: Operator | None) -> None:
        why = repair.run(by) if repair.run and by else ""
        self.stdout.write(f"{repair}: {why}" if why else str(repair))
