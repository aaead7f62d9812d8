"""Does to the databases what the plan says, one thing at a time."""

import sqlite3
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import psycopg

from proofs.chaos import postgres_faults, sqlite_faults
from proofs.chaos.clock import Clock
from proofs.chaos.outages import Outage, Trouble
from proofs.chaos.small_disk import SmallDisk
from scripts.postgres import Server

CUT_EVERY = 0.1
FAILED = (OSError, sqlite3.Error, psycopg.Error, subprocess.CalledProcessError)
"A fault that could not be done, for instance because a lock was not to be had."

Pause = Callable[[float], object]


class Spoiled(Protocol):
    """Those of a run, as a vandal sees them."""

    def spoil(self, outage: Outage, pause: Pause) -> None:
        """Return when it is over."""

    def why_not(self, trouble: Trouble) -> str:
        """Why it cannot be done on this machine; empty if it can."""


@dataclass(frozen=True)
class OnPostgres:
    server: Server
    disk: SmallDisk | None
    why_no_disk: str = ""

    def why_not(self, trouble: Trouble) -> str:
        return self.why_no_disk if trouble is Trouble.DISK_FULL else ""

    def spoil(self, outage: Outage, pause: Pause) -> None:
        names, for_a_while = [outage.service], partial(pause, outage.seconds)
        match outage.trouble:
            case Trouble.RESTART:
                self.server.restart()
            case Trouble.CRASH:
                self.server.restart(mode="immediate")
            case Trouble.CUT:
                for _ in range(int(outage.seconds / CUT_EVERY)):
                    postgres_faults.cut(self.server, names)
                    pause(CUT_EVERY)
            case Trouble.EXHAUSTED:
                postgres_faults.exhaust(self.server, names, for_a_while)
            case Trouble.READ_ONLY:
                postgres_faults.read_only(self.server, names, for_a_while)
            case Trouble.MIGRATION:
                postgres_faults.migrate(self.server, names, for_a_while)
            case Trouble.DISK_FULL:
                fill(self.disk, for_a_while)


@dataclass(frozen=True)
class OnSqlite:
    files: Mapping[str, Path]
    disk: SmallDisk | None
    why_no_disk: str = ""

    def why_not(self, trouble: Trouble) -> str:
        if trouble is Trouble.READ_ONLY:
            return sqlite_faults.why_not_read_only()
        return self.why_no_disk if trouble is Trouble.DISK_FULL else ""

    def spoil(self, outage: Outage, pause: Pause) -> None:
        for_a_while = partial(pause, outage.seconds)
        match outage.trouble:
            case Trouble.LOCKED:
                sqlite_faults.lock(self.files[outage.service], for_a_while)
            case Trouble.READ_ONLY:
                sqlite_faults.read_only(self.files[outage.service], for_a_while)
            case Trouble.DISK_FULL:
                fill(self.disk, for_a_while)


def fill(disk: SmallDisk | None, pause: Callable[[], object]) -> None:
    assert disk, "a vandal leaves out what cannot be done"
    try:
        disk.fill()
        pause()
    finally:
        disk.empty()


@dataclass(frozen=True)
class Happened:
    """What really was done to a database, and from when to when on the run's clock."""

    at: float
    until: float
    trouble: Trouble
    service: str


@dataclass
class Vandal:
    databases: Spoiled
    outages: Sequence[Outage]
    clock: Clock
    happened: list[Happened] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._spoil_all, name="vandal", daemon=True)

    @property
    def left_out(self) -> dict[Trouble, str]:
        """What is planned and cannot be done here, with the reason."""
        planned = dict.fromkeys(outage.trouble for outage in self.outages)
        return {trouble: why for trouble in planned if (why := self.databases.why_not(trouble))}

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """All is as it was."""
        self._end.set()
        self.join()

    def join(self) -> None:
        """All of the plan is done."""
        self._thread.join()

    def _spoil_all(self) -> None:
        for outage in self.outages:
            if outage.trouble in self.left_out:
                continue
            if self._end.wait(max(0.0, outage.at - self.clock())):
                return
            began = self.clock()
            try:
                self.databases.spoil(outage, self._end.wait)
            except FAILED as error:
                self.failed.append(f"{outage.trouble} of {outage.service or 'all'}: {error!r}")
            else:
                self.happened.append(Happened(began, self.clock(), outage.trouble, outage.service))
