"""Take a lost second factor away from an account."""

from django.core.management.base import CommandError

from ui import second_factor
from ui.account import sessions
from ui.management.account_command import AccountCommand
from ui.models import User


class Command(AccountCommand):
    help = "Take the second factor away from an account whose owner has lost it, and end its sessions."

    def act(self, user: User, name: str, reason: str) -> None:
        if not second_factor.take_away(user):
            raise CommandError(f"{name} has no second factor.")
        sessions.end(user)
        self.record(user, "take-second-factor", reason)
        self.stdout.write(f"{name} logs in with the password alone until a second factor is set up again.")
