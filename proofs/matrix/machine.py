"""Sagas in any order of events that Hypothesis can think of, against a model of where each may end.

Several sagas are under way at once. Their orchestrators die, hang and come back, calls are lost, doubled
and replayed long after, the clock moves, people cancel. The model knows nothing of how the suite works: a
saga ends as its story says, or is compensated when somebody cancelled it or when its time was up.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import ClassVar

from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    precondition,
    rule,
    run_state_machine_as_test,
)

from proofs.matrix.case import NOTHING, TERMINAL, Case
from proofs.matrix.faults import ON_THE_WAY, Fault, Kind
from proofs.matrix.rig import Rig
from proofs.matrix.stories import SETTLE, STORIES, Story

COMPENSATED = "COMPENSATED"
FORWARD_DEADLINE = timedelta(seconds=60)
MARGIN = timedelta(seconds=20)
"less than that before the deadline, and a retry may or may not come in time"
CALLS = ("AuthorizePayment", "AwardMiles", "ReverseMiles", "CancelPayment", "CapturePayment")
WITHIN = ("before commit 1", "after commit 1")
POINTS = (
    *(f"{side} commit {number}" for number in range(1, 6) for side in ("before", "after")),
    *(f"{side} call of {name}" for name in CALLS for side in ("before", "after")),
    *(f"{side} write 1" for side in ("before", "after")),
)
KINDS = (Kind.KILL, Kind.ERROR, Kind.HANG)
FAULTS: list[Fault | None] = [
    None,
    *(Fault(kind, at=at) for at in POINTS for kind in KINDS if kind is not Kind.HANG or "before c" not in at),
    *(Fault(Kind.KILL, name, at) for name in CALLS for at in WITHIN),
    *(Fault(kind, name) for name in CALLS for kind in ON_THE_WAY),
]


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

    @rule(
        story=st.sampled_from([story for story in STORIES if not story.before]), fault=st.sampled_from(FAULTS)
    )
    def book(self, story: Story, fault: Fault | None) -> None:
        case = Case(self.rig, story, next(self.numbers), now=self.now)
        ends = {NOTHING} if fault and fault.before_anything else {story.end}
        saga = Expected(case, ends, self.now)
        self.sagas.append(saga)
        self._step(saga, "start", fault)

    @precondition(lambda self: self.sagas)
    @rule(data=st.data(), fault=st.sampled_from(FAULTS))
    def recover(self, data: st.DataObject, fault: Fault | None) -> None:
        self._step(self._any(data), "recover", fault)

    @precondition(lambda self: self.sagas)
    @rule(data=st.data(), fault=st.sampled_from(FAULTS))
    def settle(self, data: st.DataObject, fault: Fault | None) -> None:
        """Recovery runs the settlement of a booking that has one."""
        self._step(self._any(data), SETTLE, fault)

    @precondition(lambda self: self.sagas)
    @rule(data=st.data(), verb=st.sampled_from(["cancel", "cancel booking"]), fault=st.sampled_from(FAULTS))
    def cancel(self, data: st.DataObject, verb: str, fault: Fault | None) -> None:
        saga = self._any(data)
        if NOTHING not in saga.ends:
            saga.ends.add(COMPENSATED)
            saga.ended = False
        self._step(saga, verb, fault)

    @precondition(lambda self: any(saga.case.sent for saga in self.sagas))
    @rule(data=st.data())
    def replay_an_old_call(self, data: st.DataObject) -> None:
        """It may find its step done, refused or undone; it never fails, and never does it again."""
        saga = data.draw(st.sampled_from([saga for saga in self.sagas if saga.case.sent]))
        answer = saga.case.deliver(data.draw(st.sampled_from(saga.case.sent)))
        assert answer["status"] in (200, 409), answer

    @rule(seconds=st.integers(1, 90))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def teardown(self) -> None:
        for saga in self.sagas:
            saga.case.now = self.now
            saga.case.end()
            self.now = max(self.now, saga.case.now)
            saga.look(self.now)
            assert saga.ended, f"still {saga.case.status}: {saga.case.correlation_id}"
            self._one_body_for_each_step(saga.case)
        type(self).ended(len(self.sagas))

    def _any(self, data: st.DataObject) -> Expected:
        return data.draw(st.sampled_from(self.sagas))

    def _step(self, saga: Expected, verb: str, fault: Fault | None) -> None:
        saga.case.now = self.now
        saga.case.step(verb, fault)
        self.now = max(self.now, saga.case.now)
        saga.look(self.now)

    @staticmethod
    def _one_body_for_each_step(case: Case) -> None:
        bodies: dict[str, set[str]] = {}
        for name, answer in case.answers:
            if answer.get("status") == 200 and json.loads(answer["body"])["success"]:
                bodies.setdefault(name, set()).add(answer["body"])
        assert all(len(different) == 1 for different in bodies.values()), bodies


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
