"""The recovery process: `manage.py run_recovery`."""

import signal
import threading
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand
from service_kit import metrics, startup

from flight import saga_log
from flight.saga_engine import engine
from flight.saga_orchestrator_complete import DEFINITION

log = structlog.get_logger("saga.recovery")


def warn_of_gone_definitions() -> None:
    """Name the open sagas that run by a version of the step table that this release does not have."""
    for correlation_id, definition in saga_log.open_with_other_definition(DEFINITION):
        log.error("saga_definition_gone", correlation_id=correlation_id, definition=definition)


class Command(BaseCommand):
    help = "Advance the sagas that are due, until SIGTERM or SIGINT."
    # They load every URL and view, a sixth of the start, for which sagas wait; `migrate` has run them.
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        startup.announce()
        warn_of_gone_definitions()
        if settings.METRICS_PORT:
            metrics.serve(settings.METRICS_PORT, settings.METRICS_ADDRESS)
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        engine().serve(stop)
