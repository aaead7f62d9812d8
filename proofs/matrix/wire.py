"""The calls between the processes of a rig: the crash test's traffic, carried by the driver."""

from typing import TYPE_CHECKING

from django_sagas.client import Call
from django_sagas.http import Reply
from django_sagas.outcomes import Outcome, Unknown
from django_sagas.testing.traffic import UNAVAILABLE, ParticipantDied, Sender, Traffic
from requests.structures import CaseInsensitiveDict

from proofs.matrix.rig import Answer

if TYPE_CHECKING:
    from proofs.matrix.case import Case


class Service:
    """A participant of the rig."""

    def __init__(self, case: "Case", name: str) -> None:
        self._case, self._name = case, name

    def answer(self, call: Call) -> Reply:
        job = {"path": call.path, "body": call.body, "correlation_id": call.correlation_id}
        ran = self._case.rig.participants[self._name].run(job, answer=self._case.answer)
        if ran.killed:
            raise ParticipantDied
        said = ran.said
        reply = Reply(said["status"], said["body"].encode(), CaseInsensitiveDict(said["headers"]))
        self._case.wire.last = reply
        return reply


class Wire(Traffic):
    def __init__(self, case: "Case") -> None:
        super().__init__(case, lambda name: Service(case, name))
        self._case, self._sender = case, Sender(is_undo=False, can_be_undone=False, in_transaction=False)
        self.last: Reply | None = None
        self.delivered: list[Call] = []
        self._replies: list[tuple[Outcome, Reply | None]] = []

    def carry(self, call: Answer, sender: Answer) -> Answer:
        """What the orchestrator's process gets for its call."""
        self._sender = Sender(**sender)
        outcome = self.call(Call(**{**call, "refusals": frozenset(call["refusals"])}), timeout=0)
        known = (reply for one, reply in reversed(self._replies) if one is outcome)
        reply = next(known, None)
        if reply is None:
            return {"lost": outcome.error if isinstance(outcome, Unknown) else f"{outcome}"}
        return {"status": reply.status, "body": reply.body.decode(), "headers": dict(reply.headers)}

    def deliver(self, call: Call) -> Outcome:
        self.last = None
        outcome = super().deliver(call)
        self.delivered.append(call)
        self._replies.append((outcome, self.last))
        return outcome

    def unavailable(self, call: Call) -> Outcome:
        outcome = super().unavailable(call)
        self._replies.append((outcome, UNAVAILABLE))
        return outcome

    def sender(self, call: Call) -> Sender:
        return self._sender

    def is_undone(self, call: Call) -> bool:
        return self._case.steps.get(call.name) == "UNDONE"
