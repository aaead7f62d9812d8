"""Which runs a story gets, and the report of what broke."""

import random
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from django_sagas.testing.course import Course
from django_sagas.testing.participants import ProjectViews
from django_sagas.testing.points import Crash, CrashPoint, Trouble, points_of
from django_sagas.testing.run import Run, Subject
from django_sagas.testing.snapshot import Snapshot
from django_sagas.testing.story import Story

AnyCourse = TypeVar("AnyCourse", bound=Course)


@dataclass(frozen=True)
class Wanted:
    every_point: bool = False
    pairs: int = 0
    seed: int = 1
    only: Sequence[str] = ()

    @classmethod
    def by(cls, config: pytest.Config) -> "Wanted":
        pairs = config.getoption("saga_crash_pairs")
        only = config.getoption("saga_crash_only").rpartition(": ")[2]
        return cls(
            config.getoption("saga_crash") or pairs > 0,
            pairs,
            config.getoption("saga_crash_seed"),
            [name.strip() for name in only.split(",") if name.strip()],
        )


def named(run: Course) -> str:
    """Its crash points, as --saga-crash-only takes them."""
    return ", ".join(map(str, run.points))


@dataclass
class Report:
    """What was run for one story, and what broke."""

    saga: str
    story: str
    only: bool = False
    "one run, asked for by its name"
    points: int = 0
    pairs: int = 0
    not_reached: list[str] = field(default_factory=list)
    failed: list[Course] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, Any]:
        return {"points": self.points, "pairs": self.pairs, "not_reached": self.not_reached}

    def note(self, run: Course) -> None:
        self.points += len(run.points) == 1
        self.pairs += len(run.points) > 1
        if run.not_reached:
            self.not_reached.append(f"{self.story}: {named(run)}")
        if run.breaks:
            self.failed.append(run)

    @property
    def shortest(self) -> Course:
        return min(self.failed, key=lambda run: (len(run.points), len(run.tale)))

    def text(self, nodeid: str) -> str:
        """With the command that runs it again."""
        # A parameter's brackets would have to be quoted, and the ID names the story.
        test, run = nodeid.partition("[")[0], self.shortest
        again = f'Once more: pytest "{test}" --saga-crash-only "{self.story}: {named(run)}"'
        return "\n".join([*self.lines(), *(["", again] if run.points else []), *self._others()])

    def lines(self) -> list[str]:
        """The shortest story that breaks it."""
        run = self.shortest
        broke = [f"  * {finding}".replace("\n", "\n    ") for finding in run.breaks]
        return [self._headline(), "", *(f"    {line}" for line in run.tale), "", "What broke:", *broke]

    def _others(self) -> list[str]:
        others = [named(one) for one in self.failed if one is not self.shortest]
        return ["", f"It breaks too with: {'; '.join(others)}"] if others else []

    def _headline(self) -> str:
        run, where = self.shortest, f'{self.saga}, story "{self.story}"'
        if not run.points:
            return f"{where}: it breaks without any fault."
        what = "; then ".join(point.wording for point in run.points)
        if self.only:
            return f"{where}: it breaks when {what}."
        tried = f"{self.points} crash points" + (f" and {self.pairs} pairs of them" if self.pairs else "")
        return f"{where}: {len(self.failed)} of {tried} break it. The shortest story: {what}."


def pairs_of(
    singles: Iterable[AnyCourse], most: int | None, seed: int, among: Collection[Trouble] = tuple(Crash)
) -> list[tuple[AnyCourse, CrashPoint]]:
    """A run with one crash point, and another one that it passes after it; `most` are chosen by the seed."""
    # While its participant is away a call is lost, whatever else is to happen to it.
    reach = [run for run in singles if run.points[0].crash != Crash.GOES_AWAY]
    after = ((run, points_of(run.following())) for run in reach)
    every = [(run, second) for run, seconds in after for second in seconds if second.crash in among]
    if most is None or most >= len(every):
        return every
    return random.Random(seed).sample(every, most)  # noqa: S311  it guards nothing


@dataclass
class Explorer:
    """Runs a story without a fault, then with each crash point, then with pairs; the shortest story first."""

    test: Subject
    story: Story
    wanted: Wanted = field(default_factory=Wanted)
    databases: Collection[str] = ("default",)

    def __post_init__(self) -> None:
        self._before = Snapshot(self.databases)

    def explore(self) -> Report:
        self._refuse_idle_refusals()
        report = Report(self.test.saga.name, self.story.name, only=bool(self.wanted.only))
        clean = self.run()
        report.note(clean)
        if report.failed or not (self.wanted.every_point or self.wanted.only):
            return report
        # Caches are filled now: the statements of this run are those of every later one.
        clean = self.run()
        if self.wanted.only:
            report.note(self.run(*self._named(clean)))
            return report
        singles = [self._noted(report, point) for point in points_of(clean.moments)]
        if not report.failed:
            for first, second in pairs_of(singles, self.wanted.pairs, self.wanted.seed):
                self._noted(report, *first.points, second)
        return report

    def _refuse_idle_refusals(self) -> None:
        """Only a fake refuses because its story says so."""
        remote = (step for step in self.test.saga.steps if not step.stored.step.is_local)
        made = {step.name: self.test.participant(step.participant, self.story) for step in remote}
        fakes = {name for name, participant in made.items() if not isinstance(participant, ProjectViews)}
        if idle := ", ".join(sorted(self.story.refuses.keys() - fakes)):
            pytest.fail(
                f"{idle} is at no fake participant: let the story's data make it refuse.", pytrace=False
            )

    def _noted(self, report: Report, *points: CrashPoint) -> Run:
        run = self.run(*points)
        report.note(run)
        return run

    def run(self, *points: CrashPoint) -> Run:
        try:
            return Run(self.story, points, subject=self.test, databases=self.databases).play()
        finally:
            self._before.restore()

    def _named(self, clean: Run) -> list[CrashPoint]:
        """The points of --saga-crash-only; each is found in the run with those before it."""
        found: list[CrashPoint] = []
        moments = clean.moments
        for name in self.wanted.only:
            point = next((one for one in points_of(moments) if str(one) == name), None)
            if point is None:
                known = ", ".join(map(str, points_of(moments)))
                pytest.fail(f"{self.story.name} has no crash point {name}; it has {known}.", pytrace=False)
            found.append(point)
            moments = self.run(*found).following()
        return found
