"""Circuit breaker and bulkhead: a silent participant must not take all threads."""

import threading
from dataclasses import dataclass, field


@dataclass
class Breaker:
    """Opens after `limit` unknowns in a row; while open it lets one call through every `probe_seconds`.

    Rejected callers get a retry time, `appointments` of them a second: a thousand sagas that wait for one
    participant must not use all CPU for asking whether it is back.
    """

    limit: int
    probe_seconds: float
    appointments: float = 50.0
    unknowns: int = 0
    next_probe: float = 0.0
    next_appointment: float = 0.0
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

    def turn_away(self, now: float) -> float:
        """Seconds until a rejected caller may retry; retry times are spread evenly."""
        with self.lock:
            self.next_appointment = max(now, self.next_appointment) + 1 / self.appointments
            return self.next_appointment - now

    def record(self, *, answered: bool, now: float) -> bool:
        """Whether this outcome opened the breaker."""
        with self.lock:
            self.unknowns = 0 if answered else self.unknowns + 1
            if answered:
                self.next_appointment = now
            opens = self.unknowns == self.limit
            if opens:
                self.next_probe = now + self.probe_seconds
            return opens


class Slots:
    """Slots for the calls of one participant. A call without a slot waits only while the participant answers
    others: threads must not wait for a silent one."""

    def __init__(self, most: int, patience: float) -> None:
        self._free, self._most, self._patience = most, most, patience
        self._answered_at = 0.0
        self._changed = threading.Condition()

    def enter(self, now: float, *, timeout: float) -> bool:
        """Whether the call got a slot (monotonic seconds)."""
        with self._changed:
            if self._free == self._most:
                self._answered_at = now  # No call is under way, so it is not silent.
            longest = min(timeout, self._answered_at + self._patience - now)
            if not self._changed.wait_for(lambda: self._free > 0, timeout=max(0.0, longest)):
                return False
            self._free -= 1
            return True

    def leave(self, now: float, *, answered: bool) -> None:
        with self._changed:
            self._free += 1
            if answered:
                self._answered_at = now
            self._changed.notify()
