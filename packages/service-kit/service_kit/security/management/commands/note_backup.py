"""Tell the metrics of this service that its database has been backed up."""

from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_sagas.clock import utc_now

from service_kit.security import backups


class Command(BaseCommand):
    help = "Note that a back-up of this service's database was made; BackupOld is alarmed 25 hours later."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at", help="when, as ISO 8601 with a zone; default: now")

    def handle(self, *args: Any, at: str | None, **options: Any) -> None:
        try:
            made_at = datetime.fromisoformat(at) if at else utc_now()
        except ValueError as error:
            raise CommandError(f"--at: {error}") from error
        if made_at.tzinfo is None or made_at > utc_now():
            raise CommandError("--at needs a zone, and a moment that has been.")
        backups.note(made_at)
