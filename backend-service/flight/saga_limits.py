"""Limits of one caller: how many bookings may be under way, and how many seats they may hold."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django_sagas import json_text
from django_sagas.database import fetch_all
from django_sagas.state import SagaStatus
from service_kit.problems import too_many

from flight.saga_booking import BookingRequest, segments

RETRY_SECONDS = 5
# Plain SQL: every booking outside demo mode asks it. Uses the partial index of open sagas; quotes within
# the texts of `data` are escaped.
UNFINISHED_OF = """
    SELECT correlation_id, status, subject, data FROM sagas_saga
    WHERE due_at IS NOT NULL AND name = 'book-trip' AND (subject = %s OR data LIKE %s)"""


@dataclass(frozen=True)
class Held:
    """What an unfinished saga counts for against the limits of its caller."""

    user_id: str
    address: str
    seats: int
    is_running: bool = True


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
            _check({**before, **unfinished_of(user_id=new.user_id, address=new.address)}, new)
            yield
        finally:
            with self._lock:
                del self._starting[correlation_id]


def unfinished_of(*, user_id: str, address: str) -> dict[str, Held]:
    """The unfinished sagas of the user or from the address, by correlation id."""
    found = fetch_all(UNFINISHED_OF, (user_id, f'%"address":"{address}"%'))
    return {cid: _held(status, user, stored) for cid, status, user, stored in found}


def _held(status: str, user_id: str, stored: str) -> Held:
    data = json_text.load_stored(stored)
    request = BookingRequest.from_json(data["request"])
    seats = len(request.passengers) * len(segments(data))
    return Held(user_id, request.address, seats, is_running=status != SagaStatus.COMPENSATING)


def _check(others: Mapping[str, Held], new: Held) -> None:
    of_user = [held for held in others.values() if held.user_id == new.user_id]
    of_address = [held for held in others.values() if new.address and held.address == new.address]
    for held, sagas, seats in (
        (of_user, settings.SAGA_MAX_RUNNING_OF_USER, settings.SAGA_MAX_SEATS_OF_USER),
        (of_address, settings.SAGA_MAX_RUNNING_OF_ADDRESS, settings.SAGA_MAX_SEATS_OF_ADDRESS),
    ):
        running = sum(one.is_running for one in held)
        taken = sum(one.seats for one in held)
        # A trip of many seats is never over the limit by itself.
        if running >= sagas or (taken and taken + new.seats > seats):
            raise too_many(RETRY_SECONDS)


caller_limits = CallerLimits()
