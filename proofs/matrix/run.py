"""Runs the cases on several rigs side by side, and lets the checker read what they leave."""

import random
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from queue import SimpleQueue

from django_sagas.testing import Story
from django_sagas.testing.explorer import Report, pairs_of
from django_sagas.testing.points import DEATHS, CrashPoint

from proofs.matrix.case import Case
from proofs.matrix.faults import singles
from proofs.matrix.machine import play
from proofs.matrix.rig import Rig, rig
from proofs.spec import records, tlc
from saga_checker.books import Books, Told
from saga_checker.invariants import check

SAID_EVERY = 2.0
EVENTS = 30
COURSES = 1_000
"of each rig that are held against the specification at most; the rarest first"


Plot = tuple[Story, tuple[CrashPoint, ...]]
"a story and what happens to it"


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

    reports: dict[str, Report] = field(default_factory=dict)
    "by story"
    orders: int = 0
    in_orders: int = 0
    "sagas that had a part in them"
    wrong_orders: list[str] = field(default_factory=list)
    sagas: dict[str, str] = field(default_factory=dict)
    "by correlation id, what the saga went through"
    recorded: int = 0
    "sagas, settlements among them, whose records were held against the specification"
    courses: int = 0
    "different ones among them"

    def note(self, case: Case) -> None:
        self.reports.setdefault(case.story.name, Report("book-trip", case.story.name)).note(case)
        went = "; then ".join(point.wording for point in case.points) or "nothing goes wrong"
        self.sagas[case.correlation_id] = f'story "{case.story.name}": {went}'

    @property
    def singles(self) -> int:
        return sum(report.points for report in self.reports.values())

    @property
    def pairs(self) -> int:
        return sum(report.pairs for report in self.reports.values())

    @property
    def not_reached(self) -> list[str]:
        return [name for report in self.reports.values() for name in report.not_reached]

    @property
    def wrong(self) -> int:
        return sum(len(report.failed) for report in self.reports.values()) + len(self.wrong_orders)

    @property
    def modelled(self) -> str:
        if why_not := tlc.why_not():
            return f"SKIPPED: no record is held against the specification, because {why_not}."
        return f"{self.recorded:,} records of sagas, {self.courses:,} courses held against the specification"

    def lines(self) -> Iterator[str]:
        """Of each story that broke the shortest telling, and the other sagas."""
        for report in self.reports.values():
            if report.failed:
                yield from report.lines()
                for cid in _correlation_ids(report):
                    yield f"{cid}: {self.sagas[cid]}"
        yield from self.wrong_orders
        yield from (f"not reached: {name}" for name in self.not_reached)


def _correlation_ids(report: Report) -> list[str]:
    return [case.correlation_id for case in report.failed if isinstance(case, Case)]


@dataclass
class Matrix:
    wanted: Wanted
    rigs: Sequence[Rig]
    tally: Tally = field(default_factory=Tally)
    _numbers: Iterator[int] = field(default_factory=count)

    def play(self) -> None:
        """The singles, then a death at every point of the recovery after each death that was played."""
        clean = self._play("stories", [(story, ()) for story in self.wanted.stories])
        singly: list[Plot] = [(case.story, (point,)) for case in clean for point in singles(case.moments)]
        played = self._play("single faults", self._chosen(singly, self.wanted.singles))
        if self.wanted.pairs == 0:
            return
        died = [case for case in played if case.points[0].crash in DEATHS]
        doubly = pairs_of(died, self.wanted.pairs, self.wanted.seed, among=DEATHS)
        self._play("pairs of kills", [(case.story, (*case.points, second)) for case, second in doubly])

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
            self.tally.wrong_orders.append(str(error))
        _say("\n")

    def _chosen(self, every: list[Plot], most: int | None) -> list[Plot]:
        if most is None or most >= len(every):
            return every
        return random.Random(self.wanted.seed).sample(every, most)

    def _play(self, title: str, plots: Sequence[Plot]) -> list[Case]:
        began, said, played = time.monotonic(), 0.0, []
        for case in self._each(plots):
            self.tally.note(case)
            played.append(case)
            if time.monotonic() - said > SAID_EVERY or len(played) == len(plots):
                said = time.monotonic()
                part = f"{len(played):,} of {len(plots):,}, {said - began:.0f} s"
                _say(f"\r{title}: {part}, {self.tally.wrong} ended wrongly ")
        _say("\n")
        return played

    def _each(self, plots: Sequence[Plot]) -> Iterator[Case]:
        """A case of each plot, on whichever rig is free."""
        free: SimpleQueue[Rig] = SimpleQueue()
        for each in self.rigs:
            free.put(each)

        def played(plot: Plot) -> Case:
            at = free.get()
            try:
                return Case(*plot, rig=at, number=next(self._numbers)).play()
            finally:
                free.put(at)

        with ThreadPoolExecutor(len(self.rigs)) as pool:
            try:
                yield from pool.map(played, plots)
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
        _say(f"{matrix.tally.modelled}\n")
    tally = matrix.tally
    for line in [*tally.lines(), *broken]:
        _say(f"{line}\n")
    _say(
        f"{tally.singles:,} single faults and {tally.pairs:,} pairs of kills, {len(tally.sagas):,} sagas;"
        f" {tally.orders:,} orders of events with {tally.in_orders:,} sagas: "
        f"{tally.wrong} ended wrongly, {len(tally.not_reached)} not reached, {len(broken)} violations\n"
    )
    return 1 if tally.wrong or tally.not_reached or broken else 0


def violations(at: Rig, tally: Tally) -> Iterator[str]:
    with Books(at.databases, Told(direct_calls=False)) as books:
        for result in check(books, snapshot=False):
            for found in result.findings.violations:
                yield f"{result.invariant}: {found}: {tally.sagas.get(found.correlation_id, '')}"
        modelled = records.check(books, size=COURSES)
    if modelled is None:
        return
    tally.recorded, tally.courses = tally.recorded + modelled.sagas, tally.courses + modelled.courses
    for trace in modelled.refused:
        cid = trace.correlation_id
        yield f"no behaviour of the specification leaves this record: {cid}: {tally.sagas.get(cid, '')}"


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
