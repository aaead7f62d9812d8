"""Log everybody out, such as after this service was restored to an earlier moment."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django_sagas.clock import utc_now
from service_kit.security import audit
from service_kit.security.models import AuditKind

from ui.account import sessions
from ui.management.account_command import ACTOR


class Command(BaseCommand):
    help = "End every session: those that come back with an older back-up may have been ended since."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--reason", required=True, help="kept in the audit trail")

    def handle(self, *args: Any, reason: str, **options: Any) -> None:
        audit.record(
            AuditKind.OPERATOR, actor=ACTOR, action="end-every-session", reason=reason, now=utc_now()
        )
        self.stdout.write(f"{sessions.end_all()} sessions ended.")
