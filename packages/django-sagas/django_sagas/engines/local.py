"""The default engine: a process that polls the saga log."""

import threading
from dataclasses import replace
from datetime import datetime

from django_sagas import saga_log
from django_sagas.conf import conf
from django_sagas.recovery import Recovery
from django_sagas.runtime import orchestrator


class LocalEngine:
    def submit(self, saga_id: str) -> None:
        self.wake(saga_id, orchestrator().now())

    def wake(self, saga_id: str, at: datetime) -> None:
        saga_log.make_due(saga_id, at=at)

    def serve(self, stop: threading.Event) -> None:
        recovery_until(stop).serve(stop)


def recovery_until(stop: threading.Event) -> Recovery:
    """This process's recovery; its orchestrator starts no call after `stop`."""
    driver = replace(orchestrator(), closing=stop.is_set)
    return Recovery(driver, threads=conf.SAGA_RECOVERY_THREADS)
