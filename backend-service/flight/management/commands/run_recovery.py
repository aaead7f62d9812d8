"""The recovery process: `manage.py run_recovery`."""

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django_sagas.clock import utc_now
from service_kit import metrics, startup

from flight import saga_unknown_steps
from flight.saga_engine import engine


class Command(BaseCommand):
    help = "Advance the sagas that are due, until SIGTERM or SIGINT."
    # System checks load all URLs and views: a sixth of the start, while sagas wait. `migrate` has run them.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        startup.announce()
        saga_unknown_steps.refuse_to_start(now=utc_now())
        if settings.METRICS_PORT:
            metrics.serve(settings.METRICS_PORT, settings.METRICS_ADDRESS)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        engine().serve(stop)
