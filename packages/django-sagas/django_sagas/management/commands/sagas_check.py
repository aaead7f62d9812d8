"""`manage.py sagas_check`: whether this release knows every step that stored sagas may still need."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_sagas.clock import utc_now
from django_sagas.unserved import find_unserved

EVERY_SAGA = 2**62


class Command(BaseCommand):
    """Exit code 0 when this release can serve every saga, 1 when not."""

    help = "Run it before a deploy, with the new release against the live database."

    def handle(self, *args: Any, **options: Any) -> None:
        unserved = find_unserved(now=utc_now(), newest=EVERY_SAGA)
        if unserved:
            raise CommandError(f"{unserved} Do not deploy this release.")
        self.stdout.write("This release knows every step of the sagas that are open or can be cancelled.")
