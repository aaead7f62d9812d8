"""This process's orchestrator, its participants, and how many sagas may be under way."""

import threading
import time
from functools import cache

from django.conf import settings
from service_kit.problems import too_many, try_again

from flight import saga_log
from flight.saga_orchestrator_complete import BookingOrchestrator

COUNT_SECONDS = 1.0
RETRY_SECONDS = 5


@cache
def orchestrator() -> BookingOrchestrator:
    return BookingOrchestrator()


class Admission:
    """Refuses new sagas while too many are under way; they are counted at most once a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted_at = float("-inf")
        self._running = 0

    def check(self) -> None:
        """Raise 503 before anything is written."""
        if self._is_time_to_count():  # Outside the lock: a slow database must not line up all who ask.
            self._running = saga_log.count_running()
        if self._running >= settings.SAGA_MAX_RUNNING:
            raise try_again("Too many bookings are under way.", code="OVERLOADED")

    @staticmethod
    def check_caller(*, user_id: str, address: str) -> None:
        """Raise 429 while the caller holds too much open. Nobody is limited in demo mode."""
        if settings.DEMO_MODE:
            return
        of_user, of_address = saga_log.count_running_of(user_id=user_id, address=address)
        most = settings.SAGA_MAX_RUNNING_OF_ADDRESS if address else of_address + 1
        if of_user >= settings.SAGA_MAX_RUNNING_OF_USER or of_address >= most:
            raise too_many(RETRY_SECONDS)

    def _is_time_to_count(self) -> bool:
        with self._lock:
            if time.monotonic() - self._counted_at < COUNT_SECONDS:
                return False
            self._counted_at = time.monotonic()
            return True


admission = Admission()
