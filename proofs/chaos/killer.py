"""Kills and pauses processes by the plan."""

import signal
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from proofs.chaos.clock import Clock
from proofs.chaos.plan import CALLERS, VICTIMS, Plan
from proofs.chaos.standing import AWAY, Held, left_by_the_dead
from proofs.chaos.takeovers import Death
from scripts.suite import Suite


@dataclass(frozen=True)
class Struck:
    """What really happened: a process that is away just then cannot be killed."""

    at: float
    victim: str
    signal: signal.Signals


class Killer:
    def __init__(self, suite: Suite, plan: Plan, clock: Clock, saga_log: str) -> None:
        self._suite, self._plan, self._clock, self._saga_log = suite, plan, clock, saga_log
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._strike_all, name="killer", daemon=True)
        self.struck: list[Struck] = []
        self.deaths: list[Death] = []
        self._noted: frozenset[Held] = frozenset()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No process is struck any more, and none stays stopped."""
        self._end.set()
        self._thread.join()
        for victim in VICTIMS:
            self._suite.send(victim, signal.SIGCONT)

    def count(self, number: signal.Signals) -> int:
        return sum(struck.signal is number for struck in self.struck)

    def _strike_all(self) -> None:
        for strike in self._plan.strikes:
            if self._end.wait(max(0.0, strike.at - self._clock())):
                return
            if self._suite.pid(strike.victim) is None:
                continue
            self.struck.append(Struck(self._clock(), strike.victim, strike.signal))
            if strike.signal is not signal.SIGKILL:
                self._suite.send(strike.victim, strike.signal)
            elif strike.victim in CALLERS:
                self._kill_orchestrator(strike.victim)
            else:
                self._suite.kill(strike.victim)

    def _kill_orchestrator(self, victim: str) -> None:
        at = datetime.now(UTC)
        self._suite.kill(victim)
        with suppress(*AWAY):
            left = left_by_the_dead(self._saga_log) - self._noted
            self.deaths.append(Death(at, victim, left))
            self._noted |= left
