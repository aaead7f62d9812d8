"""Runs the cases on several rigs side by side, and lets the checker read what they leave."""

import random
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from proofs.matrix.case import Case
from proofs.matrix.faults import Kind, kills, singles
from proofs.matrix.machine import play
from proofs.matrix.rig import Rig, rig
from proofs.matrix.stories import Story
from saga_checker.books import Books, Told
from saga_checker.invariants import check

SAID_EVERY = 2.0
EVENTS = 30


Plot = tuple[Any, ...]
"a story and the faults that meet it"
Found = tuple[list[str], dict[str, list[str]]]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Wanted:
    stories: Sequence[Story]
    database: str
    singles: int | None
    pairs: int | None
    "how many are drawn by the seed; None for all"
    seed: int
    rigs: int
    orders: int
    "of events, which Hypothesis thinks of"


@dataclass
class Tally:
    """What has been run, and what went wrong."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    singles: int = 0
    pairs: int = 0
    wrong: list[str] = field(default_factory=list)
    orders: int = 0
    in_orders: int = 0
    "sagas that had a part in them"
    sagas: dict[str, str] = field(default_factory=dict)
    "by correlation id, what the saga went through"

    def note(self, case: Case, ended: str) -> None:
        title = f"{case.story.name}; {' then '.join(map(str, case.faults)) or 'nothing'}"
        with self.lock:
            self.singles += len(case.faults) == 1
            self.pairs += len(case.faults) > 1
            self.sagas[case.correlation_id] = title
            if ended != case.expected:
                wrong = f"{ended or 'nothing'} instead of {case.expected or 'nothing'}"
                self.wrong.append(f"{case.correlation_id}: {wrong}: {title}")


@dataclass
class Matrix:
    wanted: Wanted
    rigs: Sequence[Rig]
    tally: Tally = field(default_factory=Tally)
    _numbers: Iterator[int] = field(default_factory=count)

    def play(self) -> None:
        """The singles, then a kill at every point of the recovery after each kill."""
        stories = self._explore("stories", [(story,) for story in self.wanted.stories])
        singly = [(story, fault) for (story,), found in stories for fault in singles(*found)]
        self._play("single faults", self._chosen(singly, self.wanted.singles))
        if self.wanted.pairs == 0:
            return
        killed = [(story, fault) for story, fault in singly if fault.kind is Kind.KILL]
        recoveries = self._explore("what recoveries pass", self._chosen(killed, self.wanted.pairs))
        doubly = [(*first, fault) for first, found in recoveries for fault in kills(*found)]
        self._play("pairs of kills", self._chosen(doubly, self.wanted.pairs))

    def play_orders(self) -> None:
        """Events in any order; they stop at the first that ends wrongly."""
        began = time.monotonic()

        def ended(sagas: int) -> None:
            self.tally.orders += 1
            self.tally.in_orders += sagas
            _say(f"\rorders of events: {self.tally.orders:,}, {time.monotonic() - began:.0f} s ")

        try:
            play(self.rigs[0], orders=self.wanted.orders, events=EVENTS, number=self.wanted.seed, ended=ended)
        except AssertionError as error:
            self.tally.wrong.append(str(error))
        _say("\n")

    def _chosen(self, all_of_them: list[Plot], most: int | None) -> list[Plot]:
        if most is None or most >= len(all_of_them):
            return all_of_them
        return random.Random(self.wanted.seed).sample(all_of_them, most)

    def _explore(self, title: str, plots: Sequence[Plot]) -> list[tuple[Plot, Found]]:
        """What is passed by the run that comes after each of these."""
        return list(self._watched(title, plots, lambda case: case.explore()))

    def _play(self, title: str, plots: Sequence[Plot]) -> None:
        for _ in self._watched(title, plots, lambda case: self.tally.note(case, case.run())):
            pass

    def _watched(
        self, title: str, plots: Sequence[Plot], work: Callable[[Case], Result]
    ) -> Iterator[tuple[Plot, Result]]:
        began, said = time.monotonic(), 0.0
        for done, result in enumerate(self._each(plots, work), start=1):
            yield result
            if time.monotonic() - said > SAID_EVERY or done == len(plots):
                said = time.monotonic()
                part = f"{done:,} of {len(plots):,}, {said - began:.0f} s"
                _say(f"\r{title}: {part}, {len(self.tally.wrong)} ended wrongly ")
        _say("\n")

    def _each(self, plots: Sequence[Plot], work: Callable[[Case], Result]) -> Iterator[tuple[Plot, Result]]:
        """A case of each plot, on whichever rig is free."""
        free: SimpleQueue[Rig] = SimpleQueue()
        for each in self.rigs:
            free.put(each)

        def done(plot: Plot) -> tuple[Plot, Result]:
            at = free.get()
            try:
                story, *faults = plot
                return plot, work(Case(at, story, next(self._numbers), faults))
            finally:
                free.put(at)

        with ThreadPoolExecutor(len(self.rigs)) as pool:
            try:
                yield from pool.map(done, plots)
            finally:
                pool.shutdown(cancel_futures=True)


def run(wanted: Wanted, folder: Path) -> int:
    with ExitStack() as stack:
        _say(f"Making {wanted.rigs} rigs on {wanted.database}, seed {wanted.seed}\n")
        places = [folder / str(number) for number in range(wanted.rigs)]
        rigs = [stack.enter_context(rig(place, database=wanted.database)) for place in places]
        matrix = Matrix(wanted, rigs)
        matrix.play()
        if wanted.orders:
            matrix.play_orders()
        broken = [line for each in rigs for line in violations(each, matrix.tally)]
    for line in [*matrix.tally.wrong, *broken]:
        _say(f"{line}\n")
    tally = matrix.tally
    _say(
        f"{tally.singles:,} single faults and {tally.pairs:,} pairs of kills, {len(tally.sagas):,} sagas;"
        f" {tally.orders:,} orders of events with {tally.in_orders:,} sagas: "
        f"{len(tally.wrong)} ended wrongly, {len(broken)} violations\n"
    )
    return 1 if tally.wrong or broken else 0


def violations(at: Rig, tally: Tally) -> Iterator[str]:
    with Books(at.databases, Told(direct_calls=False)) as books:
        for result in check(books, snapshot=False):
            for found in result.findings.violations:
                yield f"{result.invariant}: {found}: {tally.sagas.get(found.correlation_id, '')}"


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
