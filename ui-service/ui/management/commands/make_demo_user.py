"""Create the demo login, or reset it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ui.models import User

USERNAME, PASSWORD, TRAVELLER_ID = "demo", "demo-pass-2026", "demo"


class Command(BaseCommand):
    help = "Make the demo login (demo mode only); safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO_MODE:
            raise CommandError("The demo user has a public password and exists in demo mode only.")
        user, made = User.objects.get_or_create(
            username=USERNAME,
            defaults={"traveller_id": TRAVELLER_ID, "email": "demo@example.com", "role": User.Role.OPERATOR},
        )
        if made or not user.check_password(PASSWORD):
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
        self.stdout.write(f"Demo login: {USERNAME} / {PASSWORD}")
