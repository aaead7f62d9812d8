"""This process's orchestrator and participants, and the admission of new sagas."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

from django.conf import settings
from service_kit.problems import too_many, try_again

from flight import saga_log
from flight.saga_log import Held
from flight.saga_orchestrator_complete import BookingOrchestrator

COUNT_SECONDS = 1.0
RETRY_SECONDS = 5


@cache
def orchestrator() -> BookingOrchestrator:
    return BookingOrchestrator()


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
        if self._running >= settings.SAGA_MAX_RUNNING:
            raise try_again("Too many bookings are under way.", code="OVERLOADED")

    def _is_time_to_count(self) -> bool:
        with self._lock:
            if time.monotonic() - self._counted_at < COUNT_SECONDS:
                return False
            self._counted_at = time.monotonic()
            return True


class CallerLimits:
    """Refuses a booking while the open ones of its user or address reach a limit.

    A start is entered before the saga log is read, so that each of several at once counts those entered
    before it: within a process the limits are exact. Each other process may let through what it has not
    committed yet, at most the limit once more.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._starting: dict[str, Held] = {}

    @contextmanager
    def starting(self, correlation_id: str, new: Held) -> Iterator[None]:
        """Held while the saga is made and run here. Raises 429. No limits in demo mode."""
        if settings.DEMO_MODE:
            yield
            return
        with self._lock:
            before = dict(self._starting)
            self._starting[correlation_id] = new
        try:
            # The saga log comes last: it knows what became of a start that both know.
            _check({**before, **saga_log.unfinished_of(user_id=new.user_id, address=new.address)}, new)
            yield
        finally:
            with self._lock:
                del self._starting[correlation_id]


def _check(others: Mapping[str, Held], new: Held) -> None:
    of_user = [held for held in others.values() if held.user_id == new.user_id]
    of_address = [held for held in others.values() if new.address and held.address == new.address]
    for held, sagas, seats in (
        (of_user, settings.SAGA_MAX_RUNNING_OF_USER, settings.SAGA_MAX_SEATS_OF_USER),
        (of_address, settings.SAGA_MAX_RUNNING_OF_ADDRESS, settings.SAGA_MAX_SEATS_OF_ADDRESS),
    ):
        running = sum(one.is_running for one in held)
        if running >= sagas or sum(one.seats for one in held) + new.seats > seats:
            raise too_many(RETRY_SECONDS)


admission = Admission()
caller_limits = CallerLimits()
