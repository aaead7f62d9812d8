"""Rolls the orchestrators from one release to another and back, one process after the other, under load."""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from proofs.chaos.plan import CALLERS
from proofs.chaos.releases import Release, position
from proofs.chaos.standing import AWAY, open_bookings
from scripts.suite import StartError, Suite

TRIES = 4
TO_UNDO = ("DONE", "STARTED", "UNKNOWN", "UNDOING")


@dataclass
class Deployed:
    restarts: int = 0
    positions: Counter[str] = field(default_factory=Counter)
    "where open bookings were when an orchestrator was restarted"
    crossed: int = 0
    "bookings that were open when every orchestrator had come to a release with other steps"
    failed: list[str] = field(default_factory=list)


class Deployer:
    def __init__(self, suite: Suite, releases: Sequence[Release], every: float, saga_log: str) -> None:
        self._suite, self._every, self._saga_log = suite, every, saga_log
        self._first, second = releases
        self._turns = cycle((second, self._first))
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._deploy_all, name="deployer", daemon=True)
        self.deployed = Deployed()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Every orchestrator is at the first release again."""
        self._end.set()
        self._thread.join()
        self._deploy(self._first)

    def _deploy_all(self) -> None:
        while not self._end.wait(self._every):
            self._deploy(next(self._turns))

    def _deploy(self, release: Release) -> None:
        """The recovery first: for a while each release runs sagas of the other."""
        for name in reversed(CALLERS):
            self._note_positions()
            self._suite.stop_one(name)
            self._suite.put(release.run(self._suite.service(name)))
            if not self._starts(name):
                self.deployed.failed.append(f"{name} of version {release.version} did not start")
            self.deployed.restarts += 1
        with suppress(*AWAY):
            found = open_bookings(self._saga_log)
            self.deployed.crossed += sum(version != release.version for version, _, _ in found)

    def _starts(self, name: str) -> bool:
        """It may take some tries, while its database cannot be written."""
        for _ in range(TRIES):
            with suppress(StartError):
                self._suite.start_one(name)
                return True
        return False

    def _note_positions(self) -> None:
        with suppress(*AWAY):
            self.deployed.positions.update(
                position(version, name)
                for version, status, steps in open_bookings(self._saga_log)
                if (name := at_work(status, json.loads(steps)))
            )


def at_work(status: str, steps: Sequence[dict[str, Any]]) -> str:
    """The step that an open saga is at, or the compensation; empty if everything is done or undone."""
    if status == "COMPENSATING":
        return next((step["compensation"] for step in reversed(steps) if step["status"] in TO_UNDO), "")
    return next((step["name"] for step in steps if step["status"] != "DONE"), "")
