"""A command on one account, with a reason that the audit trail keeps."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_sagas.clock import utc_now
from service_kit.security import audit
from service_kit.security.models import AuditKind

from ui.account import people
from ui.models import User

ACTOR = "command line"


class AccountCommand(BaseCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="account name or traveller id")
        parser.add_argument("--reason", required=True, help="kept in the audit trail: no names in it")

    def handle(self, *args: Any, name: str, reason: str, **options: Any) -> None:
        user = people.find(name)
        if user is None:
            raise CommandError(f"There is no account {name}.")
        self.act(user, name, reason)

    def act(self, user: User, name: str, reason: str) -> None:
        """`name` is the account as it was given. Raises CommandError."""
        raise NotImplementedError  # Each command's own.

    @staticmethod
    def record(user: User, action: str, reason: str) -> None:
        audit.record(
            AuditKind.OPERATOR,
            actor=ACTOR,
            action=action,
            reason=reason,
            evidence=user.traveller_id,
            now=utc_now(),
        )
