"""The course of a run: the moments that it passes, and the crash points that strike at them."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from django_sagas.state import SagaStatus
from django_sagas.testing.commits import ANY, Statement
from django_sagas.testing.points import CommitMade, Crash, CrashPoint, Moment, Trouble
from django_sagas.testing.story import Story
from django_sagas.testing.traffic import ParticipantDied, Traffic

CLAIM_AND_OUTCOME = 2
"commits"


class Died(BaseException):
    """The process is gone. Not an Exception: nothing may handle it."""


@dataclass
class Course:
    """In one process or over several. `breaks` has its findings, `tale` tells what happened."""

    before_commits: ClassVar[Collection[Trouble]] = (Crash.DIES_BEFORE_COMMIT,)
    "what strikes after a commit's last statement"

    story: Story
    points: Sequence[CrashPoint] = ()
    moments: list[Moment] = field(default_factory=list, init=False)
    tale: list[str] = field(default_factory=list, init=False)
    breaks: list[str] = field(default_factory=list, init=False)
    struck: list[CrashPoint] = field(default_factory=list, init=False)
    passed: int = field(default=0, init=False)
    "moments before the last point struck"
    is_dead: bool = field(default=False, init=False)
    traffic: Traffic = field(init=False)

    def __post_init__(self) -> None:
        self.not_reached = list(self.points)

    def following(self) -> list[Moment]:
        """The moments after the last point struck: where a second one can strike."""
        return self.moments[self.passed :]

    def before_commit(self, number: int, statement: Statement) -> None:
        for point in self.not_reached:
            here = point.number == number and point.crash in self.before_commits
            if here and point.last in (statement, ANY):
                self.die_at(Crash.DIES_BEFORE_COMMIT, number)
                return

    def after_commit(self, number: int, last: Statement, tables: Collection[str]) -> None:
        written = ", ".join(tables)
        self.moments.append(CommitMade(number, last, f"writes {written}", self.traffic.serving))
        self.tell(f"commit {number}: {written}")
        self.die_at(Crash.DIES_AFTER_COMMIT, number)

    def strikes(self, crash: Trouble, number: int) -> bool:
        """Whether the run has this crash point; it is used up and told."""
        point = next((one for one in self.not_reached if (one.crash, one.number) == (crash, number)), None)
        if point is None:
            return False
        self.not_reached.remove(point)
        self.struck.append(point)
        self.passed = len(self.moments)
        self.tell(f"!!! {point.wording}")
        return True

    @contextmanager
    def dying_after_commits(self, number: int) -> Iterator[None]:
        """A process that is to die once it has made so many commits."""
        made = sum(isinstance(moment, CommitMade) for moment in self.moments)
        point = CrashPoint(
            Crash.DIES_AFTER_COMMIT, made + number, what="its outcome", who="the other process"
        )
        self.not_reached.append(point)
        yield
        if point in self.not_reached:
            self.not_reached.remove(point)

    def die_at(self, crash: Trouble, number: int) -> None:
        if self.strikes(crash, number):
            self.is_dead = True
            raise self.death

    @property
    def death(self) -> BaseException:
        return ParticipantDied() if self.traffic.serving else Died()

    def ends(self, *, cancelled: bool) -> list[str]:
        """The states in which its saga may end; `cancelled`: somebody has cancelled it in time."""
        compensated = SagaStatus.COMPENSATED.value
        if cancelled:
            return [compensated]
        if any(point.crash == Crash.HOLDS_BACK for point in self.struck):
            # With a second fault another process may try once more, and find the participant in order.
            return [compensated] if len(self.struck) == 1 else [compensated, self.story.ends]
        return [self.story.ends]

    def finding(self, what: str) -> None:
        if what not in self.breaks:
            self.breaks.append(what)

    def tell(self, line: str) -> None:
        self.tale.append(line)
