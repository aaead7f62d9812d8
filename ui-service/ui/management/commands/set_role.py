"""Make an account an operator or an auditor, or a traveller again."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ui.account import roles
from ui.models import User

ACTOR = "command line"


class Command(BaseCommand):
    help = "Give an account a role; the change stands in the audit trail."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("role", choices=User.Role.values)
        parser.add_argument("--reason", required=True, help="kept in the audit trail")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            user = roles.set_role(
                username=options["username"], role=options["role"], actor=ACTOR, reason=options["reason"]
            )
        except roles.RoleError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{user.username} is {user.role} now.")
