"""One saga through its faults: run, recover until it has ended, and say where it ended."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar
from uuid import uuid4

from django_sagas.testing.commits import ALONE, Statement
from django_sagas.testing.course import CLAIM_AND_OUTCOME, Course, Died
from django_sagas.testing.points import CallMade, CommitMade, Crash, CrashPoint, Trouble
from django_sagas.testing.traffic import ParticipantDied

from proofs.matrix.faults import CANCELS, OF_THE_ORCHESTRATOR, Fault
from proofs.matrix.rig import Answer, Rig
from proofs.matrix.stories import SETTLE, booking
from proofs.matrix.wire import Wire

PAST_THE_LEASE = timedelta(seconds=12)
FLIGHTS = 100
"On a fresh database these depart in a week or later; those after them may be closed for sale."
PATIENCE = 30
"recoveries until a saga must have ended"
TERMINAL = ("COMPLETED", "COMPENSATED")
NOTHING, UNTOLD = "", "?"
"there is no such saga; its process died"


class Raised(Exception):
    """An error that the process is to raise."""


@dataclass
class Case(Course):
    """The crash test's course, over processes that are really killed."""

    before_commits: ClassVar[Collection[Trouble]] = (Crash.DIES_BEFORE_COMMIT, Fault.FAILS_BEFORE_COMMIT)

    rig: Rig = field(kw_only=True)
    number: int = field(kw_only=True)
    "chooses flight and traveller"
    correlation_id: str = field(default_factory=lambda: str(uuid4()), kw_only=True)
    now: datetime = field(default_factory=lambda: datetime.now(UTC), kw_only=True)
    status: str = field(default=UNTOLD, init=False)
    steps: Mapping[str, str] = field(default_factory=dict, init=False)
    wire: Wire = field(init=False)
    settlement: str = field(default=UNTOLD, init=False)
    _under_way: list[str] = field(default_factory=list, init=False)
    "what orchestrators do; all but the last one pause"
    _may_pause: bool = field(default=True, init=False)
    _is_stored: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.traffic = self.wire = Wire(self)

    def play(self) -> "Case":
        self.step("start")
        self._is_stored = bool(self.moments)
        if self.story.cancelled:
            self._cancel_once_complete()
        self.settle()
        if self.is_settled:
            self.traffic.deliver_late()
            self._judge()
        else:
            self.finding(f"It is still {self.status}, its settlement {self.settlement}.")
        return self

    @property
    def has_ended(self) -> bool:
        return self.status in (*TERMINAL, NOTHING)

    @property
    def is_settled(self) -> bool:
        return self.has_ended and self.settlement in (*TERMINAL, NOTHING)

    def settle(self) -> None:
        """Other orchestrators go on until all has ended, the settlement too, or their patience has."""
        for _ in range(PATIENCE):
            if self.is_settled:
                return
            self.now += PAST_THE_LEASE
            self.step(SETTLE if self.has_ended else "recover")

    def recover(self) -> None:
        """Others go on with the booking alone."""
        for _ in range(PATIENCE):
            if self.has_ended:
                return
            self.now += PAST_THE_LEASE
            self.step("recover")

    def step(self, verb: str, fault: CrashPoint | None = None) -> None:
        """An orchestrator does that; the fault's number counts from here on."""
        if fault:
            self.not_reached = [replace(fault, number=fault.number + self._passed(fault))]
        zygote = self.rig.second if self._under_way else self.rig.first
        self._under_way.append(verb)
        self.status = self.settlement = UNTOLD
        self.tell(f"{self.now:%H:%M:%S} {verb}")
        ran = zygote.run(self._job(verb), answer=self.answer)
        self._under_way.pop()
        if ran.killed:
            self.is_dead = False
        self.status, self.steps = ran.said.get("saga", UNTOLD), ran.said.get("steps", {})
        self.settlement = ran.said.get("settlement", UNTOLD)
        if fault:
            self.not_reached = []

    def _passed(self, fault: CrashPoint) -> int:
        kind = CommitMade if "commit" in fault.crash.value else CallMade
        return sum(isinstance(moment, kind) for moment in self.moments)

    def _job(self, verb: str) -> Answer:
        return {
            "do": verb,
            "correlation_id": self.correlation_id,
            "owner": f"{verb} at {self.now:%H:%M:%S}",
            "now": self.now.isoformat(),
            "booking": booking(
                self.story, flight_id=1 + self.number % FLIGHTS, user_id=f"user-{self.number % 7}"
            ),
        }

    def answer(self, message: Answer) -> Answer:
        """What a process is to do where it stands, and when: time passes while it pauses or waits."""
        return self._does(message) | {"now": self.now.isoformat()}

    def _does(self, message: Answer) -> Answer:
        try:
            if "call" in message:
                return self.wire.carry(message["call"], message["sender"])
            number = 1 + sum(isinstance(moment, CommitMade) for moment in self.moments)
            sql, times = message["statement"]
            if "tables" in message:
                self.after_commit(number, (sql, times), message["tables"])
            else:
                self.before_commit(number, (sql, times))
        except (Died, ParticipantDied):
            return {"do": "die"}
        except Raised as error:
            return {"do": str(error)}
        return {}

    # What happens there

    def after_commit(self, number: int, last: Statement, tables: Collection[str]) -> None:
        # A participant has one process here: while it stands still it serves nobody else.
        self._may_pause = last != ALONE and not self.traffic.serving
        super().after_commit(number, last, tables)

    def die_at(self, crash: Trouble, number: int) -> None:
        """Wherever a process can die, something else can happen to it."""
        super().die_at(crash, number)
        for fault, happens in INSTEAD[crash]:
            if (self._may_pause or fault not in OF_THE_ORCHESTRATOR) and self.strikes(fault, number):
                happens(self)

    def error(self) -> None:
        raise Raised("error")

    def bug(self) -> None:
        raise Raised("bug")

    def overtake(self) -> None:
        self.now += PAST_THE_LEASE
        with self.dying_after_commits(CLAIM_AND_OUTCOME):
            self.step(SETTLE if SETTLE in self._under_way else "recover")

    def cancel(self) -> None:
        """By others, whether it is running or complete."""
        self.now += PAST_THE_LEASE
        self.step("cancel")
        self.step("cancel booking")

    def _cancel_once_complete(self) -> None:
        """Again where the process that was to cancel died before it was durable."""
        for _ in range(PATIENCE):
            self.recover()
            if self.status != "COMPLETED":
                return
            self.step("cancel booking")

    def statement(self) -> None:
        """A process that was killed runs none."""

    def wait(self, seconds: float) -> None:
        # The process's own clock is some milliseconds ahead.
        self.now += timedelta(seconds=seconds + 1)

    def raised(self, error: Exception) -> None:
        self.finding(f"It raised {error!r}")

    def _judge(self) -> None:
        if self.status == NOTHING:
            if self._is_stored:
                self.finding("It was stored, and there is no such saga.")
            return
        ends = self.ends(cancelled=any(point.crash in CANCELS for point in self.struck))
        if self.status not in ends:
            self.finding(f"It ended {self.status}, not {' or '.join(ends)}.")
        if self.settlement not in ("COMPLETED", NOTHING):
            self.finding(f"Its settlement ended {self.settlement}.")


INSTEAD: Mapping[Trouble, list[tuple[Fault, Callable[[Case], None]]]] = {
    Crash.DIES_BEFORE_COMMIT: [(Fault.FAILS_BEFORE_COMMIT, Case.error)],
    Crash.DIES_AFTER_COMMIT: [
        (Fault.FAILS_AFTER_COMMIT, Case.error),
        (Fault.PAUSES_AFTER_COMMIT, Case.settle),
        (Fault.CANCELS_AFTER_COMMIT, Case.cancel),
    ],
    Crash.DIES_BEFORE_CALL: [(Fault.FAILS_BEFORE_CALL, Case.error), (Fault.RAISES_BEFORE_CALL, Case.bug)],
    Crash.DIES_AFTER_CALL: [(Fault.FAILS_AFTER_CALL, Case.error), (Fault.RAISES_AFTER_CALL, Case.bug)],
}
