"""The real orchestrator: its calls go through the driver, and the job sets its clock."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError
from django_sagas import saga_log
from django_sagas.client import Call
from django_sagas.http import Reply
from django_sagas.outcomes import Outcome, Unknown, classify
from django_sagas.recovery import Recovery
from django_sagas.testing.commits import Commits
from django_sagas.testing.traffic import Sender
from requests.structures import CaseInsensitiveDict

from flight import saga_requests
from flight.saga_booking import BookingSaga
from flight.saga_orchestrator_complete import BookingOrchestrator
from proofs.matrix.inside import wire
from proofs.matrix.inside.watcher import Watcher

TICK = timedelta(milliseconds=1)


class Clock:
    """Every look is a millisecond later, so that no two moments are the same."""

    def __init__(self, at: str) -> None:
        self._at = datetime.fromisoformat(at)

    def reach(self, at: datetime) -> None:
        self._at = max(self._at, at)

    def __call__(self) -> datetime:
        self._at += TICK
        return self._at


class Transport:
    """In the place of the HTTP clients; the driver delivers, loses, doubles or cuts."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher

    def call(self, call: Call, *, timeout: float) -> Outcome:
        sent = vars(call) | {"refusals": sorted(call.refusals)}
        reply = self._watcher.ask(call=sent, sender=asdict(Sender.of(call)))
        if "lost" in reply:
            return Unknown(reply["lost"])
        headers = CaseInsensitiveDict(reply["headers"])
        answer = Reply(reply["status"], reply["body"].encode(), headers)
        return classify(answer, call.correlation_id, name=call.name, refusals=call.refusals)


def warm_up() -> None:
    """Nothing: what a job needs is imported."""


def perform(job: dict[str, Any]) -> None:
    clock = Clock(job["now"])
    watcher = Watcher(clock.reach)
    transport: Any = Transport(watcher)
    orchestrator = BookingOrchestrator(
        transport, job["owner"], now=clock, jitter=lambda: 1.0, publisher=lambda events: None
    )
    try:
        with Commits(watcher).watched(["default"]):
            VERBS[job["do"]](orchestrator, job)
    except (OperationalError, RuntimeError):
        # The view would answer 5xx: nothing, or a saga that recovery goes on with.
        if not watcher.has_raised:
            raise
    saga = saga_log.load(job["correlation_id"])
    settlement = saga_log.load(saga.settlement) if isinstance(saga, BookingSaga) and saga.settlement else None
    told = {
        "saga": saga.status.value if saga else "",
        "settlement": settlement.status.value if settlement else "",
        "steps": {step.name: step.status for step in saga.steps} if saga else {},
    }
    wire.tell(said=told)


def start(orchestrator: BookingOrchestrator, job: dict[str, Any]) -> None:
    command = saga_requests.START_BOOKING.read(job["booking"])
    saga = saga_requests.new_saga(
        command,
        correlation_id=job["correlation_id"],
        flights=saga_requests.find_flights_of(command),
        scope=None,
        key=None,
        now=orchestrator.now(),
    )
    orchestrator.start(saga, deadline=None)


def recover(orchestrator: BookingOrchestrator, job: dict[str, Any]) -> None:
    Recovery(orchestrator, threads=8).advance(job["correlation_id"])


def settle(orchestrator: BookingOrchestrator, job: dict[str, Any]) -> None:
    """Run or recover the settlement of the booking."""
    saga = saga_log.load(job["correlation_id"])
    if isinstance(saga, BookingSaga) and saga.settlement:
        Recovery(orchestrator, threads=8).advance(saga.settlement)


def cancel(orchestrator: BookingOrchestrator, job: dict[str, Any]) -> None:
    """Turn back a saga that is running."""
    _turn_back(orchestrator, job, completed=False)


def cancel_booking(orchestrator: BookingOrchestrator, job: dict[str, Any]) -> None:
    """Turn back a saga that is complete."""
    _turn_back(orchestrator, job, completed=True)


def _turn_back(orchestrator: BookingOrchestrator, job: dict[str, Any], *, completed: bool) -> None:
    reason = "CANCELLED_BY_USER" if completed else "CANCELLED_BY_OPERATOR"
    taken = orchestrator.cancel(job["correlation_id"], completed=completed, reason=reason)
    if taken:
        orchestrator.advance(taken)


VERBS: dict[str, Callable[[BookingOrchestrator, dict[str, Any]], None]] = {
    "start": start,
    "recover": recover,
    "settle": settle,
    "cancel": cancel,
    "cancel booking": cancel_booking,
}
