"""Give an account the trips of a guest, or of an account that is lost, such as after a restore."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from ui.account import claims
from ui.management.account_command import AccountCommand
from ui.models import User


class Command(AccountCommand):
    help = "Give an account the trips that were booked under the id of a guest or of a lost account."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("id", help="guest-... or u-..., as the booking's saga names its traveller")

    def handle(self, *args: Any, **options: Any) -> None:
        self.given = options["id"]
        super().handle(*args, **options)

    def act(self, user: User, name: str, reason: str) -> None:
        if User.objects.filter(traveller_id=self.given).exists():
            raise CommandError(f"{self.given} is another account's: its trips stay there.")
        if not claims.claim(self.given, user):
            raise CommandError(f"The trips of {self.given} are in another account.")
        self.record(user, f"give-trips {self.given}", reason)
        self.stdout.write(f"The trips of {self.given} are in the account of {user.username}.")
