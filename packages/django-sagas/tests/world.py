"""An engine with its database, a participant in memory, and a clock that only moves when told."""

import json
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db import connection
from django_sagas import Saga, SagaState, Step, event_log, json_text, saga_log
from django_sagas.client import Call
from django_sagas.events import SagaEvent
from django_sagas.http import Reply
from django_sagas.models import SagaRow
from django_sagas.orchestrator import Orchestrator
from django_sagas.outcomes import Outcome, Unknown, classify
from django_sagas.recovery import Recovery

from tests.toy.models import Effect
from tests.toy.steps import BACK

LONG = 30.0
"Seconds; longer than any lease or pause between two tries."
BEGAN = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


class Died(BaseException):
    """The process is gone: nothing of it runs any more."""


@dataclass
class Clock:
    at: datetime = BEGAN

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def base(name: str) -> str:
    """A step's first name: ChargeNow is Charge, renamed."""
    return name.removesuffix("Now")


def answer(call: Call, **body: Any) -> Outcome:
    raw = json_text.dumps({"correlation_id": call.correlation_id, **body}).encode()
    return classify(Reply(200, raw, {}), call.correlation_id, name=call.name, refusals=call.refusals)


Serve = Callable[[], Outcome]
Behaviour = Callable[[Call, Serve], Outcome]


def refuses(code: str) -> Behaviour:
    return lambda call, serve: answer(call, success=False, error_code=code, error="No.")


def answers(status: int, body: Mapping[str, Any]) -> Behaviour:
    """Nothing takes effect and this comes back."""

    def behave(call: Call, serve: Serve) -> Outcome:
        raw = json_text.dumps({"correlation_id": call.correlation_id, **body}).encode()
        return classify(Reply(status, raw, {}), call.correlation_id, name=call.name, refusals=call.refusals)

    return behave


def never_arrives(call: Call, serve: Serve) -> Outcome:
    return Unknown("Timeout: it was not delivered")


def loses_its_reply(call: Call, serve: Serve) -> Outcome:
    serve()
    return Unknown("Timeout: the reply was lost")


def dies(*, before: bool) -> Behaviour:
    """The caller dies, before or after the call took effect."""

    def behave(call: Call, serve: Serve) -> Outcome:
        if not before:
            serve()
        raise Died

    return behave


class Participant:
    """Every remote step, with the record that the guard keeps. UndoCharge compensates Charge."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], str] = {}
        self.effects: list[tuple[str, str]] = []
        self.received: list[Call] = []
        self.answers: dict[str, Mapping[str, Any]] = {}
        "Further fields of a step's answer."
        self._next: dict[str, deque[Behaviour]] = {}
        self._always: dict[str, Behaviour] = {}

    def then(self, name: str, *behaviours: Behaviour) -> None:
        """What the next calls of `name` meet, one each."""
        self._next.setdefault(name, deque()).extend(behaviours)

    def always(self, name: str, behaviour: Behaviour) -> None:
        self._always[name] = behaviour

    def heal(self) -> None:
        self._next.clear()
        self._always.clear()

    def call(self, call: Call, *, timeout: float) -> Outcome:
        assert not connection.in_atomic_block, "no transaction may be open during a call"
        self.received.append(call)
        if waiting := self._next.get(call.name):
            return waiting.popleft()(call, lambda: self._serve(call))
        behaviour = self._always.get(call.name)
        return behaviour(call, lambda: self._serve(call)) if behaviour else self._serve(call)

    def _serve(self, call: Call) -> Outcome:
        step = call.name.removeprefix(BACK)
        key = call.correlation_id, step
        if step != call.name:
            if self.records.get(key) == "DONE":
                self.effects.append((call.correlation_id, call.name))
            self.records[key] = "REFUSED" if self.records.get(key) == "REFUSED" else "UNDONE"
            return answer(call, success=True)
        if self.records.get(key) == "UNDONE":
            body = {"correlation_id": call.correlation_id, "code": "ALREADY_COMPENSATED"}
            return classify(
                Reply(409, json.dumps(body).encode(), {}), call.correlation_id, name=call.name, refusals=()
            )
        if json.loads(call.body)["data"].get("refused_by") == base(step):
            self.records[key] = "REFUSED"
            return refuses("NO")(call, lambda: self._serve(call))
        if key not in self.records:
            self.records[key] = "DONE"
            self.effects.append(key)
        return answer(call, success=True, **self.answers.get(step, {}))


@dataclass
class DiesAfter:
    """Publishing comes right after a commit; so does this death, after so many of them."""

    commits: int

    def __call__(self, events: Sequence[SagaEvent]) -> None:
        self.commits -= 1
        if self.commits < 0:
            raise Died


@dataclass
class World:
    participant: Participant = field(default_factory=Participant)
    clock: Clock = field(default_factory=Clock)
    published: list[SagaEvent] = field(default_factory=list)
    ids: Any = field(default_factory=lambda: count(1))

    def new_id(self) -> str:
        return f"saga-{next(self.ids)}"

    def orchestrator(self, owner: str = "one", **seams: Any) -> Orchestrator:
        given = {
            "participants": self.participant,
            "now": self.clock,
            "jitter": lambda: 1.0,
            "publisher": self.published.extend,
            "new_id": self.new_id,
        }
        return Orchestrator(owner=owner, **{**given, **seams})

    def start(self, definition: type[Saga], /, *, secrets: Any = None, **data: Any) -> SagaState:
        """Run it in a request, as far as it goes at once."""
        began = self.orchestrator().start(self.new(definition, secrets=secrets, **data), deadline=None)
        assert began is not None
        return began

    def new(self, definition: type[Saga], /, *, secrets: Any = None, **data: Any) -> SagaState:
        cid, now = self.new_id(), self.clock()
        saga: SagaState = definition.new(data, correlation_id=cid, now=now, secrets=secrets)
        return saga

    def start_and_die(self, definition: type[Saga], /, *, after: int, **data: Any) -> str | None:
        """Its process dies after so many further commits; None if it ends before."""
        saga = self.new(definition, **data)
        orchestrator = self.orchestrator("mortal", publisher=DiesAfter(after))
        try:
            orchestrator.start(saga, deadline=None)
        except Died:
            return saga.correlation_id
        return None

    def cancel_and_die(self, cid: str, *, after: int) -> str | None:
        """Its process dies after so many further commits; None if it ends before."""
        mortal = self.orchestrator("mortal", publisher=DiesAfter(after))
        try:
            saga = mortal.cancel(cid, completed=True, reason="CANCELLED_BY_USER")
            assert saga is not None
            mortal.advance(saga)
        except Died:
            return cid
        return None

    def recover(self, *, after: float = LONG, **seams: Any) -> int:
        """Later, another process looks for what is due."""
        self.clock.advance(after)
        return Recovery(self.orchestrator("recovery", **seams), threads=8).run_due()

    def settle(self) -> None:
        """Everything works again: recovery goes on until nothing is left to do."""
        self.participant.heal()
        for _ in range(20):
            if not SagaRow.objects.open().exists():
                return
            self.recover()
        raise AssertionError(f"still open: {list(map(str, SagaRow.objects.open()))}")

    def cancel(self, cid: str, *, completed: bool) -> SagaState | None:
        orchestrator = self.orchestrator()
        saga = orchestrator.cancel(cid, completed=completed, reason="CANCELLED_BY_USER")
        return saga and orchestrator.advance(saga)

    # Looking

    def row(self, cid: str) -> SagaState:
        saga = saga_log.load(cid)
        assert saga is not None
        return saga

    def statuses(self, cid: str) -> list[str]:
        return [step.status.value for step in self.row(cid).steps]

    def calls(self, cid: str) -> list[str]:
        return [call.name for call in self.participant.received if call.correlation_id == cid]

    def effects(self, cid: str) -> Counter[str]:
        """What took effect, and how often."""
        near = Effect.objects.filter(correlation_id=cid).values_list("name", flat=True)
        names = [*near, *(name for one, name in self.participant.effects if one == cid)]
        return Counter(map(base, names))

    def events(self, cid: str, kind: str) -> list[str]:
        """The steps of the events of a kind, in order."""
        found = (event for event in event_log.events_of(cid) if event.event_type == f"SAGA_{kind}")
        return [event.data.get("step", "") for event in found]

    def check(self, cid: str) -> None:
        """Of an ended saga: nothing skipped, nothing done or undone twice, undone in strict reverse."""
        saga, effects = self.row(cid), self.effects(cid)
        names = [step.name for step in saga.steps]
        for step in saga.steps:
            done, undone = effects[base(step.name)], effects[BACK + base(step.name)]
            assert done <= 1 and undone <= 1, (step, effects)
            if step.status == "DONE":
                assert (done, undone) == (1, 0), (step, effects)
            else:
                assert done == undone, (step, effects)
        known = {base(name) for name in names}
        assert set(effects) <= known | {BACK + name for name in known}
        assert self.events(cid, "STEP_COMPLETED") == [
            name for name in names if name in self.events(cid, "STEP_COMPLETED")
        ]
        undone_steps = [step.name for step in saga.steps if step.status == "UNDONE"]
        assert self.events(cid, "COMPENSATION_STEP_COMPLETED") == undone_steps[::-1]
        assert (saga.attention, saga.owner, saga.secrets) == ("", "", {})


def define(*steps: Step, name: str = "toy", retired: Sequence[Step] = (), **more: Any) -> type[Saga]:
    """A definition, which takes the place of an earlier one of this name, as a deploy does."""
    return subclass(Saga, name=name, steps=steps, retired=retired, **more)


def subclass(parent: type[Saga], **body: Any) -> type[Saga]:
    """As a class statement in this module makes it."""
    made: type[Saga] = type("Toy", (parent,), {"__module__": __name__, **body})
    return made
