"""Log a person out in every browser, such as after a lost telephone."""

from django.core.management.base import CommandError

from ui.account import sessions
from ui.backend_client import ServiceTrouble
from ui.management.account_command import AccountCommand
from ui.models import User


class Command(AccountCommand):
    help = "End every session of an account, and an operator's or auditor's access headers."

    def act(self, user: User, name: str, reason: str) -> None:
        self.record(user, "end-sessions", reason)
        try:
            number = sessions.end_everywhere(user)
        except ServiceTrouble as trouble:
            raise CommandError(
                f"The sessions have ended, but {trouble.service} was not told of access headers: repeat it."
            ) from trouble
        self.stdout.write(f"{number} sessions ended.")
