"""How long a page waits for the other services, and how many calls may wait for each of them."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from functools import lru_cache
from typing import Any

PLACES, QUEUE = 16, 32
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class NoPlaceError(Exception):
    """As many calls of a service are under way, and as many wait, as may be."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All calls made inside end by then. It may shorten the time that is left, and never extends it."""
    token = _deadline.set(time.monotonic() + seconds_left(seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left(most: float) -> float:
    deadline = _deadline.get()
    return most if deadline is None else min(most, deadline - time.monotonic())


class Bulkhead:
    """The places of one service, so that one that hangs does not slow the pages of another."""

    def __init__(self, places: int, queue: int) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._admitted = threading.BoundedSemaphore(places + queue)

    @contextmanager
    def place(self, seconds: float) -> Iterator[None]:
        """Raises NoPlaceError: at once where too many wait already, else after `seconds`."""
        if not self._admitted.acquire(blocking=False):
            raise NoPlaceError
        try:
            if not self._places.acquire(timeout=max(seconds, 0)):
                raise NoPlaceError
            try:
                yield
            finally:
                self._places.release()
        finally:
            self._admitted.release()


@lru_cache
def bulkhead(service: str) -> Bulkhead:
    return Bulkhead(PLACES, QUEUE)


def at_once(*reads: Callable[[], Any]) -> list[Any]:
    """Independent reads side by side, each with this request's correlation id and deadline.

    They share no pool: in one, the reads of a service that hangs would keep all others waiting.
    """
    if len(reads) < 2:
        return [read() for read in reads]
    with ThreadPoolExecutor(len(reads), thread_name_prefix="read") as pool:
        return [future.result() for future in [pool.submit(copy_context().run, read) for read in reads]]
