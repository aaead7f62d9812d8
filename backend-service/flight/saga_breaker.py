"""A breaker per participant: after many unknowns in a row, one probe at a time instead of a queue."""

import threading
from dataclasses import dataclass, field


@dataclass
class Breaker:
    """Opens after `limit` unknowns in a row; while open it lets one call through every `probe_seconds`."""

    limit: int
    probe_seconds: float
    unknowns: int = 0
    next_probe: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_open(self) -> bool:
        return self.unknowns >= self.limit

    def admit(self, now: float) -> bool:
        """Whether a call may go out now (monotonic seconds)."""
        with self.lock:
            if not self.is_open:
                return True
            if now < self.next_probe:
                return False
            self.next_probe = now + self.probe_seconds
            return True

    def record(self, *, answered: bool, now: float) -> bool:
        """Whether this outcome opened it."""
        with self.lock:
            self.unknowns = 0 if answered else self.unknowns + 1
            opens = self.unknowns == self.limit
            if opens:
                self.next_probe = now + self.probe_seconds
            return opens
