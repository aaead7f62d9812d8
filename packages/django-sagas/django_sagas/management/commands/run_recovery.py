"""The recovery process: `manage.py run_recovery`."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from django_sagas import unserved
from django_sagas.clock import utc_now
from django_sagas.engines import engine


class Command(BaseCommand):
    help = "Advance the sagas that are due, until SIGTERM or SIGINT."
    # System checks load all URLs and views: a sixth of the start, while sagas wait. `migrate` has run them.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        unserved.refuse_to_start(now=utc_now())
        self.begin()
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        engine().serve(stop)

    def begin(self) -> None:
        """What a project does at the start of the process, such as serving metrics."""
