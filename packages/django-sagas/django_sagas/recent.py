"""What operators see may be some seconds old, where it costs much to read."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

T = TypeVar("T")
FRESH = timedelta(seconds=10)


class Recent(Generic[T]):
    """What `read` said at most FRESH ago."""

    def __init__(self, read: Callable[[datetime], T]) -> None:
        self._read, self._lock = read, threading.Lock()
        self._found: tuple[datetime, T] | None = None

    def __call__(self, now: datetime) -> T:
        with self._lock:
            if self._found is None or not timedelta(0) <= now - self._found[0] < FRESH:
                self._found = now, self._read(now)
            return self._found[1]
