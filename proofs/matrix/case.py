"""One saga through its faults: run, recover until it has ended, and say where it ended."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from proofs.matrix.faults import ORCHESTRATOR, Fault, Kind
from proofs.matrix.rig import Answer, Ran, Rig
from proofs.matrix.stories import SETTLE, Story, booking

PAST_THE_LEASE = timedelta(seconds=12)
FLIGHTS = 100
"On a fresh database these depart in a week or later; those after them may be closed for sale."
PATIENCE = 15
"recoveries until a saga must have ended"
TERMINAL = ("COMPLETED", "COMPENSATED")
NOTHING, UNTOLD = "", "?"
"there is no such saga; its process died"


@dataclass
class Case:
    rig: Rig
    story: Story
    number: int
    "chooses flight and traveller"
    faults: Sequence[Fault] = ()
    "the first meets the story's own run, the second the recovery after it"
    correlation_id: str = field(default_factory=lambda: str(uuid4()))
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    points: list[str] = field(default_factory=list)
    "of the run that the last fault is for, and of the run after it"
    calls: dict[str, list[str]] = field(default_factory=dict)
    "what each call passed in its participant"
    sent: list[Answer] = field(default_factory=list)
    "every call that was delivered"
    answers: list[tuple[str, Answer]] = field(default_factory=list)
    "what came back, by the call's name"
    status: str = UNTOLD
    settlement: str = UNTOLD
    _left: list[Fault] = field(default_factory=list)

    def run(self) -> str:
        """Where the saga ended; empty when it never existed."""
        if self.story.before:
            self.step("start", None)
        faults: Sequence[Fault | None] = self.faults or [None]
        for place, fault in enumerate(faults):
            self.step(self.story.verb if place == 0 else self.recovers, fault)
            self.now += PAST_THE_LEASE
        self.end()
        return self.settlement if self.story.is_settlement else self.status

    def explore(self) -> tuple[list[str], dict[str, list[str]]]:
        """The points of the run that comes after the case's faults."""
        if self.story.before:
            self.step("start", None)
        verb = self.story.verb
        for fault in self.faults:
            self.step(verb, fault)
            self.now += PAST_THE_LEASE
            verb = self.recovers
        self.points, self.calls = [], {}
        self.step(verb, None)
        found = list(self.points), dict(self.calls)
        self.end()
        return found

    @property
    def recovers(self) -> str:
        """What recovery does in this story."""
        return SETTLE if self.story.is_settlement else "recover"

    @property
    def expected(self) -> str:
        if self.story.is_settlement:  # Also of a booking that is cancelled meanwhile.
            return self.story.end
        if any(fault.kind is Kind.CANCEL for fault in self.faults):
            return "COMPENSATED"
        first = self.faults[0] if self.faults else None
        return self.story.before if first and first.before_anything else self.story.end

    def end(self) -> None:
        """Other orchestrators go on until it has ended and its booking is settled, or their patience has."""
        for _ in range(PATIENCE):
            if self.status in (*TERMINAL, NOTHING):
                break
            self.step("recover", None)
            self.now += PAST_THE_LEASE
        for _ in range(PATIENCE):
            if self.settlement in (*TERMINAL, NOTHING):
                return
            self.step(SETTLE, None)
            self.now += PAST_THE_LEASE

    def step(self, verb: str, fault: Fault | None) -> None:
        self._left = [fault] if fault and fault.place != ORCHESTRATOR else []
        ours = fault if fault and fault.place == ORCHESTRATOR else None
        ran = self.rig.first.run(self._job(verb, ours), call=self._call, hang=lambda: self._meanwhile(ours))
        self._note(ran)

    def _job(self, verb: str, fault: Fault | None) -> Answer:
        job: dict[str, Any] = {
            "do": verb,
            "correlation_id": self.correlation_id,
            "owner": f"{verb} at {self.now:%H:%M:%S}",
            "now": self.now.isoformat(),
            "booking": booking(
                self.story, flight_id=1 + self.number % FLIGHTS, user_id=f"user-{self.number % 7}"
            ),
        }
        return job | _as_asked(fault)

    def _note(self, ran: Ran) -> None:
        self.points += ran.points
        self.status = ran.said.get("saga", UNTOLD)
        self.settlement = ran.said.get("settlement", UNTOLD)

    def _meanwhile(self, fault: Fault | None) -> None:
        """What another orchestrator does while the first one hangs."""
        assert fault
        self.now += PAST_THE_LEASE
        verbs = ("cancel", "cancel booking") if fault.kind is Kind.CANCEL else (self.recovers,)
        for verb in verbs:
            self.rig.second.run(self._job(verb, None), call=self.deliver)

    def _call(self, call: Answer) -> Answer:
        fault = next((one for one in self._left if one.place == call["name"]), None)
        if fault is None:
            return self.deliver(call)
        self._left.remove(fault)
        return self._disturb(call, fault)

    def _disturb(self, call: Answer, fault: Fault) -> Answer:
        lost = {"lost": f"{fault}"}
        if fault.kind is Kind.REQUEST_LOST:
            return lost
        answer = self.deliver(call, fault if fault.at else None)
        if fault.kind is Kind.TWICE:
            return self.deliver(call)
        if fault.kind is Kind.UNAVAILABLE:
            return answer | {"status": 503}
        return lost if fault.kind is Kind.REPLY_LOST else answer

    def deliver(self, call: Answer, fault: Fault | None = None) -> Answer:
        ran = self.rig.participants[call["participant"]].run(dict(call) | _as_asked(fault))
        self.calls.setdefault(call["name"], ran.points)
        self.sent.append(call)
        self.answers.append((call["name"], ran.said))
        return {"lost": "the connection was cut"} if ran.killed else ran.said


def _as_asked(fault: Fault | None) -> dict[str, str]:
    if fault is None:
        return {}
    return {"at": fault.at, "fault": "hang" if fault.kind is Kind.CANCEL else fault.kind.value}
