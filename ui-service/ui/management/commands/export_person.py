"""Write all that the four services store of a person, as JSON."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ui.account import people
from ui.backend_client import Actor, ServiceTrouble
from ui.models import User

AUDITOR = Actor("export_person", User.Role.AUDITOR)


class Command(BaseCommand):
    help = "All that is stored of a person, as JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="account name or traveller id")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        user = people.find(name)
        if user is None:
            raise CommandError(f"There is no account {name}.")
        try:
            found = people.export(user, actor=AUDITOR)
        except ServiceTrouble as trouble:
            raise CommandError(f"{trouble.service}: {trouble.detail}") from trouble
        self.stdout.write(people.as_text(found))
