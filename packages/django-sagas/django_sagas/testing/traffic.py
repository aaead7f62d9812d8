"""The calls of a run: delivered, lost, doubled, held back or late, and what every answer has to keep."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.db import connection

from django_sagas import saga_log
from django_sagas.client import Call, Participants
from django_sagas.conf import conf
from django_sagas.decision import goes_only_forward
from django_sagas.http import Reply
from django_sagas.outcomes import (
    AlreadyCompensated,
    ContractError,
    Done,
    Outcome,
    Refused,
    Unknown,
    classify,
)
from django_sagas.state import StepStatus
from django_sagas.testing.participants import Participant, undone_by
from django_sagas.testing.points import CallMade, Crash, Moment, Trouble

CUT = Unknown("the connection was cut")
UNAVAILABLE = Reply(503, b"", {})


class ParticipantDied(BaseException):
    """The participant's process is gone; its caller gets no reply."""


@dataclass(frozen=True)
class Sender:
    """What the orchestrator knows of a call that it sends."""

    is_undo: bool
    can_be_undone: bool
    in_transaction: bool

    @classmethod
    def of(cls, call: Call) -> "Sender":
        undoes = undone_by(call.participant).get(call.name)
        saga = saga_log.load(call.correlation_id)
        assert saga is not None, "a call derives from its saga's row"
        step = saga.step(undoes or call.name).step
        can_be_undone = undoes is None and not goes_only_forward(step)
        return cls(undoes is not None, can_be_undone, connection.in_atomic_block)


class Process(Protocol):
    """What the calls need of a run."""

    moments: list[Moment]
    is_dead: bool

    def statement(self) -> None: ...
    def wait(self, seconds: float) -> None: ...
    def strikes(self, crash: Trouble, number: int) -> bool: ...
    def die_at(self, crash: Trouble, number: int) -> None: ...
    def settle(self) -> None: ...
    def overtake(self) -> None: ...
    def cancel(self) -> None: ...
    def finding(self, what: str) -> None: ...
    def raised(self, error: Exception) -> None: ...
    def tell(self, line: str) -> None: ...


class Traffic(Participants):
    """Stands in the place of the HTTP clients."""

    def __init__(self, run: Process, choose: Callable[[str], Participant]) -> None:
        super().__init__({})
        self._run, self._choose = run, choose
        self.participants: dict[str, Participant] = {}
        self.serving = ""
        "the call that a participant is answering"
        self._late: list[CallMade] = []
        self._away: Counter[str] = Counter()
        "calls that are still lost, because their participant is away"
        self._bodies: dict[tuple[str, str], str] = {}
        self._answers: dict[tuple[str, str], bytes] = {}

    def call(self, call: Call, *, timeout: float) -> Outcome:
        self._run.statement()
        made = self._made(call)
        number, strikes = made.number, self._run.strikes
        self._run.die_at(Crash.DIES_BEFORE_CALL, number)
        if strikes(Crash.PAUSES_BEFORE_CALL, number):
            self._run.settle()
        if strikes(Crash.CANCELS_BEFORE_CALL, number):
            self._run.cancel()
        if self._is_lost(made):
            return Unknown("the request was lost")
        outcome = self.deliver(call)
        if strikes(Crash.SENDS_TWICE, number):
            outcome = self.deliver(call)
        if strikes(Crash.REPEATS_LATE, number):
            self._late.append(made)
        return self._replied(made, outcome)

    def deliver_late(self) -> None:
        """What was held back, or is repeated, arrives now that the saga has ended."""
        for made in self._late:
            self._run.tell(f"call {made.number} ({made.call.name}) arrives, late")
            outcome = self.deliver(made.call)
            if not made.is_undo:
                self._judge_late(made.call, outcome)

    def sender(self, call: Call) -> Sender:
        return Sender.of(call)

    def is_undone(self, call: Call) -> bool:
        """Whether the action's step was compensated."""
        saga = saga_log.load(call.correlation_id)
        assert saga is not None, "sagas are never deleted"
        return saga.step(call.name).status == StepStatus.UNDONE

    def _made(self, call: Call) -> CallMade:
        sender = self.sender(call)
        number = 1 + sum(isinstance(made, CallMade) for made in self._run.moments)
        made = CallMade(number, call, sender.is_undo, sender.can_be_undone)
        self._run.moments.append(made)
        self._run.tell(f"call {number}: {call.name} at {call.participant}")
        if sender.in_transaction:
            self._run.finding(f"{call.name} was sent with a transaction open.")
        self._same_body(call)
        return made

    def _same_body(self, call: Call) -> None:
        first = self._bodies.setdefault((call.correlation_id, call.name), call.body)
        if first != call.body:
            self._run.finding(
                f"{call.name} was sent again with another body, so that no guard can tell that it is the same"
                f" call. Let `sends` derive it from the saga alone: no clock, no chance.\n"
                f"first: {first}\nthen:  {call.body}"
            )

    def _is_lost(self, made: CallMade) -> bool:
        if self._run.strikes(Crash.HOLDS_BACK, made.number):
            self._late.append(made)
            self._run.wait(conf.SAGA_FORWARD_DEADLINE)
            return True
        if self._run.strikes(Crash.GOES_AWAY, made.number):
            self._away[made.call.name] = conf.SAGA_ATTENTION_ATTEMPTS + 1
        if self._away[made.call.name]:
            self._away[made.call.name] -= 1
            return True
        return self._run.strikes(Crash.LOSES_REQUEST, made.number)

    def _replied(self, made: CallMade, outcome: Outcome) -> Outcome:
        strikes, number = self._run.strikes, made.number
        if strikes(Crash.IS_OVERTAKEN, number):
            self._run.overtake()
        if strikes(Crash.PAUSES_AFTER_CALL, number):
            self._run.settle()
        if strikes(Crash.CANCELS_AFTER_CALL, number):
            self._run.cancel()
        self._run.die_at(Crash.DIES_AFTER_CALL, number)
        if strikes(Crash.ANSWERS_503, number):
            return self.unavailable(made.call)
        return Unknown("the reply was lost") if strikes(Crash.LOSES_REPLY, number) else outcome

    def unavailable(self, call: Call) -> Outcome:
        return classify(UNAVAILABLE, call.correlation_id, name=call.name, refusals=call.refusals)

    def deliver(self, call: Call) -> Outcome:
        at = call.participant
        if at not in self.participants:
            self.participants[at] = self._choose(at)
        self.serving = call.name
        try:
            reply = self.participants[at].answer(call)
        except ParticipantDied:
            assert self._run.is_dead
        except Exception as error:  # The orchestrator would only log it.
            self._run.raised(error)
            raise
        finally:
            self.serving = ""
        if self._run.is_dead:  # Even if its code has caught its death.
            self._run.is_dead = False
            return CUT
        outcome = classify(reply, call.correlation_id, name=call.name, refusals=call.refusals)
        self._run.tell(f"    {call.name} is answered: {answered(outcome)}")
        self._judge(call, outcome, reply)
        return outcome

    def _judge(self, call: Call, outcome: Outcome, reply: Reply) -> None:
        at, name = call.participant, call.name
        if isinstance(outcome, ContractError):
            what = f"{outcome.code}: {outcome.error}"
            self._run.finding(f"{at} answered {name} outside the contract: {what}")
        if not isinstance(outcome, (Done, Refused)):
            return
        first = self._answers.setdefault((call.correlation_id, name), reply.body)
        if first != reply.body:
            self._run.finding(
                f"{at} answered a repeat of {name} in another way: its guard does not know the call again.\n"
                f"first: {first.decode()}\nthen:  {reply.body.decode()}"
            )

    def _judge_late(self, call: Call, outcome: Outcome) -> None:
        # A call that was refused before its compensation is refused for ever.
        harmless = isinstance(outcome, (AlreadyCompensated, Refused)) or outcome is CUT
        if self.is_undone(call) and not harmless:
            self._run.finding(
                f"{call.name} came after its compensation and was answered {answered(outcome)} instead of"
                f" 409 ALREADY_COMPENSATED: {call.participant} keeps no record, or no tombstone."
            )


def answered(outcome: Outcome) -> str:
    match outcome:
        case Refused(code) | ContractError(code):
            return f"{type(outcome).__name__}, {code}"
        case Unknown(error):
            return f"Unknown, {error}"
    return type(outcome).__name__
