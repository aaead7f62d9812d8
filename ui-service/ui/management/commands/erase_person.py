"""Erase a person's names and contacts in all services. Ids, money and ledgers stay."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ui.account import people
from ui.backend_client import Actor, ServiceTrouble
from ui.models import User

OPERATOR = Actor("erase_person", User.Role.OPERATOR)


class Command(BaseCommand):
    help = "Erase a person's names and contacts in all services; safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="account name, traveller id, or the id of a guest")
        parser.add_argument("--reason", required=True, help="kept in the audit trail: no names in it")

    def handle(self, *args: Any, name: str, reason: str, **options: Any) -> None:
        user = people.find(name)
        try:
            if user is not None:
                people.erase(user, actor=OPERATOR, reason=reason)
            elif people.is_guest(name):
                people.erase_guest(name, actor=OPERATOR, reason=reason)
            else:
                raise CommandError(f"There is no account {name}.")
        except ServiceTrouble as trouble:
            raise CommandError(f"{trouble.service}: {trouble.detail}") from trouble
        self.stdout.write("Erased. SQLite's free pages are cleaned by `sweep`.")
