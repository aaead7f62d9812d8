"""Delete what is kept for some time only. For a daily job; safe to repeat and to interrupt."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import OperationalError, connection
from django.utils.module_loading import import_string
from django_sagas.clock import utc_now

from service_kit.security import throttle


class Command(BaseCommand):
    help = "Delete counters of past limits, and what the service's SWEEPS name."

    def handle(self, *args: Any, **options: Any) -> None:
        now = utc_now()
        self.stdout.write(f"{throttle.forget(now)} counters of limits")
        for name in getattr(settings, "SWEEPS", ()):
            for what, number in import_string(name)(now).items():
                self.stdout.write(f"{number} {what}")
        if connection.vendor == "sqlite":
            self._compact()

    def _compact(self) -> None:
        """Deleted text stays in free pages and in the log until both are written anew."""
        try:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM")
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                (busy, *_) = cursor.fetchone()
        except OperationalError as error:
            busy = str(error)
        self.stdout.write(
            "The file is busy: what was deleted may still be in it." if busy else "The file is compact."
        )
