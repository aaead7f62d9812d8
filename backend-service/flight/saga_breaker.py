"""What keeps a silent participant from taking all threads and time: a breaker, and slots for its calls."""

import threading
from dataclasses import dataclass, field


@dataclass
class Breaker:
    """Opens after `limit` unknowns in a row; while open it lets one call through every `probe_seconds`.

    Who is turned away is given an appointment, `appointments` of them a second: a thousand sagas that all
    wait for one participant must not spend the whole machine on asking whether it is back.
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
        """In how many seconds whoever was not let through may come again, each after the one before."""
        with self.lock:
            self.next_appointment = max(now, self.next_appointment) + 1 / self.appointments
            return self.next_appointment - now

    def record(self, *, answered: bool, now: float) -> bool:
        """Whether this outcome opened it."""
        with self.lock:
            self.unknowns = 0 if answered else self.unknowns + 1
            if answered:
                self.next_appointment = now
            opens = self.unknowns == self.limit
            if opens:
                self.next_probe = now + self.probe_seconds
            return opens


class Slots:
    """Places for the calls of one participant. Who finds none waits, but only while others are answered:
    a thread that waits for a participant which has fallen silent is missing for all the others."""

    def __init__(self, most: int, patience: float) -> None:
        self._free, self._most, self._patience = most, most, patience
        self._answered_at = 0.0
        self._changed = threading.Condition()

    def enter(self, now: float, *, timeout: float) -> bool:
        """Whether there is a place (monotonic seconds)."""
        with self._changed:
            if self._free == self._most:
                self._answered_at = now  # Nobody is inside: it has not been silent towards anyone.
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
