"""Deadlines of pages, and bulkheads for the other services."""

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
    """All slots of a service and its queue are taken."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """A deadline for all calls inside. It can shorten an outer deadline, never extend it."""
    token = _deadline.set(time.monotonic() + seconds_left(seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def seconds_left(most: float) -> float:
    deadline = _deadline.get()
    return most if deadline is None else min(most, deadline - time.monotonic())


class Bulkhead:
    """The slots of one service, so that a service that hangs does not slow pages of another."""

    def __init__(self, places: int, queue: int) -> None:
        self._places = threading.BoundedSemaphore(places)
        self._admitted = threading.BoundedSemaphore(places + queue)

    @contextmanager
    def place(self, seconds: float) -> Iterator[None]:
        """Raises NoPlaceError: at once if the queue is full, else after `seconds`."""
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
    """Run independent reads concurrently, with this request's correlation id and deadline.

    No shared pool: in one, the reads of a service that hangs would block all others.
    """
    if len(reads) < 2:
        return [read() for read in reads]
    with ThreadPoolExecutor(len(reads), thread_name_prefix="read") as pool:
        return [future.result() for future in [pool.submit(copy_context().run, read) for read in reads]]
