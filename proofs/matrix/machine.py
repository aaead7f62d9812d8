"""Sagas in any order of events that Hypothesis can think of, against a model of where each may end.

Several sagas are under way at once. Their orchestrators die, hang and come back, calls are lost, doubled
and replayed long after, the clock moves, people cancel. The model knows nothing of how the suite works: a
saga ends as its story says, or is compensated when somebody cancelled it or when its time was up.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import ClassVar

from django_sagas.outcomes import AlreadyCompensated, Done, Refused
from django_sagas.testing import Story
from django_sagas.testing.commits import ANY
from django_sagas.testing.points import AT_ACTIONS, AT_CALLS, AT_COMMITS, Crash, CrashPoint
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from proofs.matrix import faults
from proofs.matrix.case import NOTHING, TERMINAL, Case
from proofs.matrix.faults import Fault
from proofs.matrix.rig import Rig
from proofs.matrix.stories import SETTLE, STORIES

COMPENSATED = "COMPENSATED"
FORWARD_DEADLINE = timedelta(seconds=60)
MARGIN = timedelta(seconds=20)
"less than that before the deadline, and a retry may or may not come in time"
COMMITS, CALLS = 8, 4
"that a job may make; those of the participants are among them"
LATER = (Crash.REPEATS_LATE, Crash.IS_OVERTAKEN, *AT_ACTIONS)
"left to the rules below"
FAULTS: list[CrashPoint | None] = [
    None,
    *(
        CrashPoint(fault, number, ANY)
        for fault in (*AT_COMMITS, *faults.IN_A_PROCESS, Fault.PAUSES_AFTER_COMMIT)
        for number in range(1, COMMITS + 1)
    ),
    *(
        CrashPoint(fault, number)
        for fault in (*AT_CALLS, *faults.AT_CALLS)
        if fault not in LATER
        for number in range(1, CALLS + 1)
    ),
]


def _before_anything(fault: CrashPoint | None) -> bool:
    return fault is not None and fault.crash in Case.before_commits and fault.number == 1


@dataclass
class Expected:
    """What the model knows of one saga."""

    case: Case
    ends: set[str]
    began: datetime
    ended: bool = False

    def may_be_compensated(self) -> None:
        if not self.ended and NOTHING not in self.ends:
            self.ends.add(COMPENSATED)

    def look(self, now: datetime) -> None:
        """What it says of itself now has to be allowed."""
        if now - self.began > FORWARD_DEADLINE - MARGIN:
            self.may_be_compensated()
        status = self.case.status
        if status in (*TERMINAL, NOTHING):
            assert status in self.ends, f"{status} instead of {self.ends}: {self.case.correlation_id}"
            self.ended = True


class Sagas(RuleBasedStateMachine):
    """One order of events."""

    rig: ClassVar[Rig]
    numbers: ClassVar[Iterator[int]] = count(1)
    ended: ClassVar[Callable[[int], object]] = staticmethod(lambda sagas: None)
    "told how many sagas an order of events had"

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime.now(UTC)
        self.sagas: list[Expected] = []

    @rule(story=st.sampled_from([one for one in STORIES if not one.cancelled]), fault=st.sampled_from(FAULTS))
    def book(self, story: Story, fault: CrashPoint | None) -> None:
        case = Case(story, rig=self.rig, number=next(self.numbers), now=self.now)
        ends = {NOTHING} if _before_anything(fault) else {story.ends}
        saga = Expected(case, ends, self.now)
        self.sagas.append(saga)
        self._step(saga, "start", fault)

    @precondition(lambda self: self.sagas)
    @rule(data=st.data(), fault=st.sampled_from(FAULTS))
    def recover(self, data: st.DataObject, fault: CrashPoint | None) -> None:
        self._step(self._any(data), "recover", fault)

    @precondition(lambda self: self.sagas)
    @rule(data=st.data(), fault=st.sampled_from(FAULTS))
    def settle(self, data: st.DataObject, fault: CrashPoint | None) -> None:
        """Recovery runs the settlement of a booking that has one."""
        self._step(self._any(data), SETTLE, fault)

    @precondition(lambda self: self.sagas)
    @rule(data=st.data(), verb=st.sampled_from(["cancel", "cancel booking"]), fault=st.sampled_from(FAULTS))
    def cancel(self, data: st.DataObject, verb: str, fault: CrashPoint | None) -> None:
        saga = self._any(data)
        if NOTHING not in saga.ends:
            saga.ends.add(COMPENSATED)
            saga.ended = False
        self._step(saga, verb, fault)

    @precondition(lambda self: any(saga.case.wire.delivered for saga in self.sagas))
    @rule(data=st.data())
    def replay_an_old_call(self, data: st.DataObject) -> None:
        """It may find its step done, refused or undone; it never fails, and never does it again."""
        wires = [saga.case.wire for saga in self.sagas if saga.case.wire.delivered]
        wire = data.draw(st.sampled_from(wires))
        outcome = wire.deliver(data.draw(st.sampled_from(wire.delivered)))
        assert isinstance(outcome, (Done, Refused, AlreadyCompensated)), outcome

    @rule(seconds=st.integers(1, 90))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def teardown(self) -> None:
        for saga in self.sagas:
            saga.case.now = self.now
            saga.case.settle()
            self.now = max(self.now, saga.case.now)
            saga.look(self.now)
            assert saga.ended, f"still {saga.case.status}: {saga.case.correlation_id}"
            assert saga.case.breaks == []
        type(self).ended(len(self.sagas))

    def _any(self, data: st.DataObject) -> Expected:
        return data.draw(st.sampled_from(self.sagas))

    def _step(self, saga: Expected, verb: str, fault: CrashPoint | None) -> None:
        saga.case.now = self.now
        saga.case.step(verb, fault)
        self.now = max(self.now, saga.case.now)
        saga.look(self.now)


def play(at: Rig, *, orders: int, events: int, number: int, ended: Callable[[int], object]) -> None:
    """So many orders of events, which the number fixes. Raises what a saga that ends wrongly makes of it."""
    machine = type("Sagas", (Sagas,), {"rig": at, "ended": staticmethod(ended)})
    chosen = settings(
        max_examples=orders,
        stateful_step_count=events,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(number)(machine), settings=chosen)
