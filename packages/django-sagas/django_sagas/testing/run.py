"""One run of a story: a process starts the saga, is struck at its crash points, and others recover it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from traceback import extract_tb
from typing import Protocol

from django.db import connections
from django.db.models import Min
from django.utils.module_loading import import_string

from django_sagas import saga_log
from django_sagas.clock import utc_now
from django_sagas.conf import conf
from django_sagas.definitions import Saga
from django_sagas.events import SagaEvent, event_dispatcher
from django_sagas.models import SagaRow
from django_sagas.orchestrator import Orchestrator
from django_sagas.recovery import Recovery
from django_sagas.state import SagaState, SagaStatus
from django_sagas.testing import rules
from django_sagas.testing.commits import Commits
from django_sagas.testing.course import CLAIM_AND_OUTCOME, Course, Died
from django_sagas.testing.participants import Participant
from django_sagas.testing.points import DEATHS, CallMade, CommitMade
from django_sagas.testing.story import Ending, Story
from django_sagas.testing.traffic import Traffic

PATIENCE = 25
"recoveries until every saga must have ended"
TICK = timedelta(milliseconds=1)
CANCELLED = "CANCELLED_BY_OPERATOR"


class Subject(Protocol):
    """What a run needs of a CrashTest."""

    @property
    def saga(self) -> type[Saga]: ...
    def begin(self, story: Story, orchestrator: Orchestrator) -> object: ...
    def participant(self, name: str, story: Story) -> Participant: ...
    def always(self) -> None: ...
    def invariants(self, ending: Ending) -> None: ...


class Clock:
    """Every look is a millisecond later, so that no two moments are the same."""

    def __init__(self) -> None:
        self.at = utc_now()

    def __call__(self) -> datetime:
        self.at += TICK
        return self.at


@dataclass
class Run(Course):
    """Of a story, in this process and on the test database."""

    subject: Subject = field(kw_only=True)
    databases: Collection[str] = field(default=("default",), kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.clock = Clock()
        self._commits = Commits(self)
        self.traffic = Traffic(self, lambda name: self.subject.participant(name, self.story))

    def play(self) -> "Run":
        with self._commits.watched(self.databases):
            self._process(lambda: self.subject.begin(self.story, self._orchestrator("the first process")))
            self.settle()
            if self.story.cancelled:
                self._cancel_once_complete()
            # What has not ended is a finding; a late call might hide it.
            if not SagaRow.objects.open().exists():
                self.traffic.deliver_late()
            self.settle()
        self._judge()
        return self

    # Processes

    def _orchestrator(self, owner: str) -> Orchestrator:
        made: Callable[..., Orchestrator] = import_string(conf.SAGA_ORCHESTRATOR)
        return made(self.traffic, owner, now=self.clock, jitter=lambda: 1.0, publisher=self._published)

    def _process(self, work: Callable[[], object]) -> None:
        """Run it as a process that may die; an error ends it as it would end a request."""
        try:
            work()
        except Died:
            assert self.is_dead
        except Exception as error:
            self.raised(error)
        if self.is_dead:
            self.is_dead = False
            for alias in self.databases:
                connections[alias].close()
        self._check(self.subject.always)
        for finding in rules.secrets_kept():
            self.finding(finding)

    def settle(self) -> None:
        """Other processes recover what is due, until every saga has ended."""
        for number in range(1, PATIENCE + 1):
            due = SagaRow.objects.open().aggregate(at=Min("due_at"))["at"]
            if due is None:
                return
            if due > self.clock.at:
                self.tell(f"{(due - self.clock.at).total_seconds():.1f} s later, a process recovers the saga")
                self.clock.at = due
            recovery = Recovery(self._orchestrator(f"recovery {number}"), threads=8)
            self._process(recovery.run_due)

    def overtake(self) -> None:
        due = SagaRow.objects.open().aggregate(at=Min("due_at"))["at"]
        if due is not None:
            self.clock.at = max(self.clock.at, due)
            recovery = Recovery(self._orchestrator("overtaking"), threads=8)
            with self.dying_after_commits(CLAIM_AND_OUTCOME):
                self._process(recovery.run_due)

    def wait(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    def cancel(self) -> None:
        """By another process, while the saga is running."""
        self._process(partial(self._cancel, completed=False))

    def _cancel_once_complete(self) -> None:
        """Again where the process that was to cancel died before it was durable."""
        for _ in range(PATIENCE):
            saga = self._main()
            if saga is None or saga.status != SagaStatus.COMPLETED or not saga.can_go_back:
                return
            self.tell("the complete saga is cancelled")
            self._process(partial(self._cancel, completed=True))
            self.settle()

    def _cancel(self, *, completed: bool) -> None:
        saga = self._main()
        assert saga is not None, "it is cancelled only after its first commit"
        operator = self._orchestrator("operator")
        taken = operator.cancel(saga.correlation_id, completed=completed, reason=CANCELLED)
        if taken is None:
            self.tell("it cannot be cancelled now")
        else:
            operator.advance(taken)

    # Crash points

    def statement(self) -> None:
        """A process that has died writes and sends nothing, whatever it catches."""
        if self.is_dead:
            raise self.death

    def _published(self, events: Sequence[SagaEvent]) -> None:
        """Called right after a commit of the saga log: its events name it."""
        label = "; ".join(_title(event) for event in events)
        newest = self.moments[-1] if self.moments else None
        if isinstance(newest, CommitMade):
            newest.label = label
        self.tell(f"    {label}")
        event_dispatcher.publish(*events)

    # Findings

    def _judge(self) -> None:
        saga = self._main()
        self.breaks += rules.broken(self.traffic.participants)
        for finding in self._ended_otherwise(saga):
            self.finding(finding)
        calls = [made.call for made in self.moments if isinstance(made, CallMade)]
        ending = Ending(self.story, saga, self.traffic.participants, calls)
        self._check(lambda: self.subject.invariants(ending))

    def _main(self) -> SagaState | None:
        sagas = saga_log.states(SagaRow.objects.filter(name=self.subject.saga.name).order_by("created_at"))
        return sagas[0] if sagas else None

    def _ended_otherwise(self, saga: SagaState | None) -> Iterator[str]:
        if saga is None:
            if not any(point.crash in DEATHS for point in self.struck):
                yield "The saga was never stored."
        elif saga.is_terminal and saga.status not in (ends := self.ends(cancelled=saga.reason == CANCELLED)):
            because = ", ".join(filter(None, (saga.failed_step, saga.error_code, saga.error)))
            yield f"It ended {saga.status}, not {' or '.join(ends)}. {because}".rstrip()

    def _check(self, invariants: Callable[[], None]) -> None:
        try:
            invariants()
        except Exception as error:
            self.finding(described(error))

    def raised(self, error: Exception) -> None:
        self.finding(f"It raised {described(error)}")


def described(error: Exception) -> str:
    """What it says, and the line that raised it."""
    kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
    frames = [frame for frame in extract_tb(error.__traceback__) if "site-packages" not in frame.filename]
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    said = str(error) or (f"{frames[-1].line}" if frames else "")
    return f"{kind}{said}{where}"


def _title(event: SagaEvent) -> str:
    name = event.data.get("compensation") or event.data.get("step") or ""
    what = event.event_type.removeprefix("SAGA_").lower().replace("_", " ")
    return f"{what} {name}".rstrip()
