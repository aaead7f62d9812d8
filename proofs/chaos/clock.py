"""The run's clock: its zero is when the load and the faults begin."""

import time
from datetime import UTC, datetime


class Clock:
    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        self._began, self.began_at = time.monotonic(), datetime.now(UTC)

    def __call__(self) -> float:
        return time.monotonic() - self._began

    def of(self, moment: datetime) -> float:
        """A time of a database on this machine, on this clock."""
        return (moment - self.began_at).total_seconds()
