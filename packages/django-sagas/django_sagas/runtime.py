"""This process's orchestrator, and the admission of new sagas."""

import threading
import time
from functools import cache

from django.utils.module_loading import import_string

from django_sagas import saga_log
from django_sagas.conf import conf
from django_sagas.orchestrator import Orchestrator
from django_sagas.problems import try_again

COUNT_SECONDS = 1.0


@cache
def orchestrator() -> Orchestrator:
    made: Orchestrator = import_string(conf.SAGA_ORCHESTRATOR)()
    return made


class Admission:
    """Refuses new sagas while too many are open; counts them at most once a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted_at = float("-inf")
        self._running = 0

    def check(self) -> None:
        """Raise 503 before anything is written."""
        if self._is_time_to_count():  # Outside the lock: a slow database must not queue all requests.
            self._running = saga_log.count_running()
        if self._running >= conf.SAGA_MAX_RUNNING:
            raise try_again("Too many sagas are under way.", code="OVERLOADED")

    def _is_time_to_count(self) -> bool:
        with self._lock:
            if time.monotonic() - self._counted_at < COUNT_SECONDS:
                return False
            self._counted_at = time.monotonic()
            return True


admission = Admission()
