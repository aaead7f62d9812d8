"""Reads that change slowly, kept for all pages of a process."""

import time
from collections.abc import Callable
from typing import Generic, TypeVar

from ui.backend_client import optional

T = TypeVar("T")
PAUSE_SECONDS = 5.0
"before a service that did not answer is asked again"


class Kept(Generic[T]):
    """A read whose answer is kept for some seconds, and for longer while its service does not answer."""

    def __init__(self, read: Callable[[], T], *, seconds: float) -> None:
        self._read, self._seconds = read, seconds
        self.forget()

    def forget(self) -> None:
        self._answer: T | None = None
        self._until = 0.0

    def get(self) -> T | None:
        """None if there never was an answer. While one request asks, the others get what is kept."""
        now = time.monotonic()
        if now >= self._until:
            self._until = now + PAUSE_SECONDS
            answer = optional(self._read, otherwise=None)
            if answer is not None:
                self._answer, self._until = answer, now + self._seconds
        return self._answer
