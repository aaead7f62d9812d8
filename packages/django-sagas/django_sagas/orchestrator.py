"""The orchestrator: executes decisions and stores their results.

`decision.decide_next` says what a saga needs next. First run, retry, recovery and cancellation all use
`advance`.
"""

import os
import random
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import structlog
from django.db import Error as DatabaseError
from django.db import transaction
from django.utils.module_loading import import_string

from django_sagas import activities, event_log, saga_log
from django_sagas.alarms import needs_attention
from django_sagas.client import Call, Participants, make_call
from django_sagas.conf import conf
from django_sagas.database import write_transaction
from django_sagas.database_clock import DatabaseClock
from django_sagas.database_errors import is_of_the_call
from django_sagas.decision import (
    Compensate,
    Decision,
    Finish,
    GiveUp,
    Run,
    Undo,
    WaitForRelease,
    WaitUntil,
    backoff_time,
    decide_next,
)
from django_sagas.definitions import Step, WriteConflict, definition_of, find_step
from django_sagas.events import EventType, SagaEvent
from django_sagas.outcomes import ContractError, Done, Outcome, Unknown
from django_sagas.problems import try_again
from django_sagas.publisher import publisher
from django_sagas.saga_log import RUNNING_STATUSES, SagaLost
from django_sagas.state import SagaState, SagaStatus, SagaStep, replace
from django_sagas.transition import Transition

log = structlog.get_logger("saga")
OUTCOMES: Mapping[str, str] = {
    EventType.STEP_COMPLETED: "DONE",
    EventType.STEP_FAILED: "FAILED",
    EventType.STEP_UNKNOWN: "UNKNOWN",
    EventType.COMPENSATION_STEP_COMPLETED: "UNDONE",
    EventType.COMPENSATION_FAILED: "NOT_UNDONE",
    EventType.COMPENSATION_RESOLVED: "RESOLVED",
}
WELL = ("DONE", "UNDONE")
LOGGED = ("step", "compensation", "outcome", "attempt", "error_code", "error", "actor")
MAX_WRITE_CONFLICTS = 20
REFERENCE_LENGTH = 64
RELEASE_PAUSE = timedelta(seconds=20)
"Pause between two claims of a saga whose next step this release does not know."
within_a_saga: ContextVar[bool] = ContextVar("within_a_saga", default=False)
"Whether a saga's own commit is being written."


def configured_participants() -> Participants:
    made: Participants = import_string(conf.SAGA_CLIENT)()
    return made


def process_name() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


def write(transition: Transition, *, expected: SagaStatus | None) -> bool:
    """The only way to commit a transition: row, further writes and events in this transaction.

    Without an expected status the saga is new; False means that its idempotency key is taken.
    Raises SagaLost when epoch or status are no longer ours.
    """
    if expected is None:
        if not saga_log.insert(transition.saga):
            return False
    else:
        saga_log.save(transition.saga, expected=expected)
    outside = within_a_saga.set(True)
    try:
        for also in transition.writes:
            also()
    finally:
        within_a_saga.reset(outside)
    event_log.append(transition.events)
    return True


def log_outcome(event: SagaEvent) -> None:
    """One log line per outcome of a step, failure or compensation."""
    outcome = OUTCOMES.get(event.event_type)
    if outcome is None:
        return
    told = {name: event.data[name] for name in LOGGED if name in event.data}
    write_line = log.info if outcome in WELL else log.warning
    write_line("saga_step", correlation_id=event.correlation_id, **{"outcome": outcome, **told})


@dataclass(frozen=True)
class PendingCall:
    """A call or an activity whose intent is committed, and the step that it is for."""

    step: SagaStep
    undo: bool
    call: Call | None = None
    does: Callable[[], Outcome] | None = None


class _CannotGoBack(Exception):
    """The saga is in another state, or something may have happened that has no compensation."""


class _CannotResume(Exception):
    """The saga does not run, or its caller does not want it to go on."""


@dataclass
class Orchestrator:
    """Advances sagas. The defaults are for this process; tests fix time, ids and jitter."""

    participants: Participants = field(default_factory=configured_participants)
    owner: str = field(default_factory=process_name)
    now: Callable[[], datetime] = field(default_factory=DatabaseClock)
    new_id: Callable[[], str] = lambda: str(uuid4())
    jitter: Callable[[], float] = random.random
    publisher: Callable[[Sequence[SagaEvent]], None] = field(default=publisher)
    closing: Callable[[], bool] = lambda: False

    def start(self, saga: SagaState, *, deadline: datetime | None) -> SagaState | None:
        """Accept a new saga and run it as far as possible; None if its idempotency key is taken."""
        began = self._commit(saga, None, None, deadline, new=True)
        return self._run(*began, deadline=deadline) if began else None

    def accept(
        self,
        saga: SagaState,
        *,
        due_at: datetime | None = None,
        also: Callable[[str], object] = lambda saga_id: None,
    ) -> SagaState | None:
        """Store a new saga for recovery to run, now or at `due_at`; None if its idempotency key is taken.

        `also` gets its id, and writes in the same transaction.
        """
        transition = Transition(saga, owner="", now=self.now())
        transition.start()
        transition.wait(due_at or transition.now)
        transition.writes.append(partial(also, saga.correlation_id))
        # What fails within a saga's own commit takes that with it: no savepoint is needed.
        with nullcontext() if within_a_saga.get() else write_transaction():
            if not write(transition, expected=None):
                return None
        # The caller's transaction may still be rolled back, and the saga with it.
        transaction.on_commit(partial(self.publish, transition.events))
        return transition.saga

    def advance(self, saga: SagaState, *, deadline: datetime | None = None) -> SagaState:
        """Execute decisions until the saga ends, has to wait, or the deadline comes. The caller owns it.

        If another process takes the saga, nothing more is written or sent. After any other error recovery
        continues from the last commit.
        """
        return self._run(saga, None, deadline=deadline)

    def claim(self, correlation_id: str) -> SagaState | None:
        """Claim a due saga; None if another process claimed it first."""
        now = self.now()
        saga = saga_log.claim(
            correlation_id,
            owner=self.owner,
            now=now,
            lease_until=self._lease(now),
            too_many_claims=conf.SAGA_CLAIMS_WITHOUT_PROGRESS,
        )
        if saga is not None and saga.claims == conf.SAGA_CLAIMS_WITHOUT_PROGRESS:
            needs_attention(correlation_id, saga.attention, now=now)
        return saga

    def cancel(
        self,
        correlation_id: str,
        *,
        completed: bool,
        reason: str,
        facts: Mapping[str, Any] | None = None,
        also: Callable[[], object] = lambda: None,
    ) -> SagaState | None:
        """Turn a running saga back, or with `completed` a complete one. None if it is in another state.

        A take-over: the next write of its previous owner is refused. The caller advances the returned saga.
        `facts` are added to the row, for the compensations' `undo_sends`; `also` writes in the same
        transaction.
        """
        now = self.now()
        try:
            transition = self._turn_back(
                correlation_id, completed=completed, reason=reason, facts=facts or {}, now=now, also=also
            )
        except _CannotGoBack:
            return None
        self.publish(transition.events)
        return transition.saga

    def _turn_back(
        self,
        correlation_id: str,
        *,
        completed: bool,
        reason: str,
        facts: Mapping[str, Any],
        now: datetime,
        also: Callable[[], object],
    ) -> Transition:
        from_statuses = (SagaStatus.COMPLETED,) if completed else RUNNING_STATUSES
        with write_transaction():
            saga = saga_log.take_over(
                correlation_id,
                from_statuses=from_statuses,
                to_status=SagaStatus.COMPENSATING,
                owner=self.owner,
                lease_until=self._lease(now),
            )
            if saga is None or not saga.can_go_back:
                raise _CannotGoBack  # Rolls the take-over back.
            if completed:
                _refuse_unknown_steps(saga)
            known = {**saga.facts, **facts}
            transition = Transition(replace(saga, reason=reason, facts=known), owner=self.owner, now=now)
            transition.compensate()
            transition.writes.append(also)
            write(transition, expected=SagaStatus.COMPENSATING)
        return transition

    def resume(
        self,
        correlation_id: str,
        *,
        facts: Mapping[str, Any],
        only_if: Callable[[SagaState], bool] = lambda saga: True,
    ) -> bool:
        """Add facts to a running saga and make it due now, in the caller's transaction.

        A take-over, after which its call is made anew from the row. False if the saga does not run, or
        `only_if` says no of it.
        """
        try:
            with write_transaction():
                write(self._resumed(correlation_id, facts, only_if), expected=SagaStatus.RUNNING)
        except _CannotResume:
            return False
        return True

    def _resumed(
        self, correlation_id: str, facts: Mapping[str, Any], only_if: Callable[[SagaState], bool]
    ) -> Transition:
        now = self.now()
        saga = saga_log.take_over(
            correlation_id,
            from_statuses=(SagaStatus.RUNNING,),
            to_status=SagaStatus.RUNNING,
            owner=self.owner,
            lease_until=self._lease(now),
        )
        if saga is None or not only_if(saga):
            raise _CannotResume  # Rolls the take-over back.
        known = {**saga.facts, **facts}
        transition = Transition(replace(saga, facts=known, attention=""), owner="", now=now)
        transition.wait(now)
        return transition

    def publish(self, events: Sequence[SagaEvent]) -> None:
        """Log and publish what is committed, best effort: the rows are written."""
        for event in events:
            log_outcome(event)
        try:
            self.publisher(events)
        except Exception:  # An error of a subscriber must not fail the saga.
            log.exception("events_not_published", correlation_id=events[0].correlation_id)

    def _run(self, saga: SagaState, pending: PendingCall | None, *, deadline: datetime | None) -> SagaState:
        try:
            while saga.owner and not saga.is_terminal:
                outcome = self._send(pending, deadline) if pending else None
                following = self._commit(saga, pending, outcome, deadline)
                assert following is not None, "only the first commit of a saga can find its key taken"
                saga, pending = following
        except SagaLost:
            log.info("saga_lost", correlation_id=saga.correlation_id, epoch=saga.epoch)
            return _as_it_is(saga)
        except Exception as error:
            log.exception("saga_advance_failed", correlation_id=saga.correlation_id)
            return self._release_lease(saga, pending, error)
        return saga

    def _release_lease(self, saga: SagaState, pending: PendingCall | None, error: Exception) -> SagaState:
        """Release the lease after an internal error; ten claims without progress raise an alarm.

        A call whose outcome cannot be recorded counts as unknown, so that its deadline ends the retries; but
        not while the database is unavailable.
        """
        at = self.now() + backoff_time(saga.claims + 1, conf.SAGA_COMPENSATION_BACKOFF, 1.0)
        try:
            if pending and is_of_the_call(error):
                unknown = Unknown(f"an error of our own, which the log tells of: {type(error).__name__}")
                following = self._commit(saga, pending, unknown, self.now())
                return following[0] if following else saga
            if pending is None and isinstance(error, WriteConflict):
                return self._tried_in_vain(saga)
            saga_log.release(saga, due_at=at)
        except SagaLost:
            return _as_it_is(saga)
        except Exception:  # The lease runs out by itself.
            log.exception("lease_kept", correlation_id=saga.correlation_id)
        return replace(saga, owner="", due_at=at)

    def _tried_in_vain(self, saga: SagaState) -> SagaState:
        """A local step whose writes keep conflicting is an unknown attempt, which its deadline ends."""
        with write_transaction():
            transition = Transition(saga, owner=self.owner, now=self.now())
            decision = decide_next(saga, now=transition.now, jitter=self.jitter())
            assert isinstance(decision, Run), "only going forward a write can conflict"
            transition.begin_step(decision.step.name)
            transition.end_step(decision.step.name, Unknown("Others were faster at every try."))
            self._execute_steps(transition, None, None, transition.now, new=False)
            write(transition, expected=saga.status)
        self.publish(transition.events)
        return transition.saga

    def _send(self, pending: PendingCall, deadline: datetime | None) -> Outcome:
        left = conf.SAGA_CALL_TIMEOUT
        if deadline is not None:
            left = min(left, (deadline - self.now()).total_seconds())
        if left <= 0:
            return Unknown("the request's time was used up")
        if pending.does:
            return activities.run(pending.step.name, pending.does, timeout=left)
        assert pending.call, "it is one or the other"
        return self.participants.call(pending.call, timeout=left)

    def _commit(
        self,
        saga: SagaState,
        pending: PendingCall | None,
        outcome: Outcome | None,
        deadline: datetime | None,
        *,
        new: bool = False,
    ) -> tuple[SagaState, PendingCall | None] | None:
        """One transaction: the last call's outcome, the local steps after it, the next intent."""
        for _ in range(MAX_WRITE_CONFLICTS):
            try:
                with write_transaction():
                    transition = Transition(saga, owner=self.owner, now=self.now())
                    following = self._execute_steps(transition, pending, outcome, deadline, new=new)
                    if not write(transition, expected=None if new else saga.status):
                        return None
            except WriteConflict:
                continue  # What a step had chosen was taken meanwhile; the transaction is rolled back.
            self.publish(transition.events)
            return transition.saga, following
        raise WriteConflict(f"{saga.correlation_id}: {MAX_WRITE_CONFLICTS} conflicts in a row")

    def _execute_steps(
        self,
        transition: Transition,
        pending: PendingCall | None,
        outcome: Outcome | None,
        deadline: datetime | None,
        *,
        new: bool,
    ) -> PendingCall | None:
        """Advance the saga up to its next call, and return that call if there is one."""
        if new:
            transition.start()
        if pending and outcome:
            self._record_outcome(transition, pending.step, outcome, undo=pending.undo)
        while True:
            decision = decide_next(transition.saga, now=transition.now, jitter=self.jitter())
            decision = self._unless_out_of_time(decision, transition.now, deadline)
            match decision:
                case Run(step) | Undo(step):
                    undo = isinstance(decision, Undo)
                    if not step.is_local or _known(transition.saga, step).does:
                        return self._record_intent(transition, step, undo=undo)
                    self._perform(transition, step, undo=undo)
                case GiveUp(step):
                    transition.give_up(step.name)
                case Compensate():
                    transition.compensate()
                    return self._first_undo(transition, deadline)
                case Finish() | WaitUntil() | WaitForRelease():
                    _stop(transition, decision)
                    return None

    def _unless_out_of_time(self, decision: Decision, now: datetime, deadline: datetime | None) -> Decision:
        """At the request's deadline, or when the process stops, recovery continues."""
        out_of_time = isinstance(decision, (Run, Undo)) and self._out_of_time(now, deadline)
        return WaitUntil(now) if out_of_time else decision

    def _out_of_time(self, now: datetime, deadline: datetime | None) -> bool:
        return self.closing() or (deadline is not None and now >= deadline)

    def _first_undo(self, transition: Transition, deadline: datetime | None) -> PendingCall | None:
        """COMPENSATING is durable before anything is undone: a remote compensation's intent may go into
        the same commit, a local compensation waits for the next one."""
        step = transition.saga.to_undo[0].step
        if self._out_of_time(transition.now, deadline):
            transition.wait(transition.now)
            return None
        now = not step.is_local and find_step(transition.saga.name, step)
        return self._record_intent(transition, step, undo=True) if now else None

    @staticmethod
    def _record_outcome(transition: Transition, step: SagaStep, outcome: Outcome, *, undo: bool) -> None:
        retry_after = outcome.retry_after if isinstance(outcome, Unknown) else 0.0
        transition.saga.retry_after = retry_after
        if undo:
            transition.end_undo(step.name, step.compensation, outcome)
        else:
            transition.end_step(step.name, _checked(transition.saga, step, outcome))

    @staticmethod
    def _record_intent(transition: Transition, step: SagaStep, *, undo: bool) -> PendingCall:
        _begin(transition, step, undo=undo)
        saga, known = transition.saga, _known(transition.saga, step)
        if known.does:
            return PendingCall(step, undo, does=partial(known.does, saga))
        return PendingCall(step, undo, make_call(saga, known, saga.step(step.name), undo=undo))

    def _perform(self, transition: Transition, step: SagaStep, *, undo: bool) -> None:
        """A local step: planned now, written in this same transaction."""
        # Before the attempt is counted: a plan may depend on whether it is the first.
        saga = transition.saga
        known = _known(saga, step)
        planned = definition_of(saga.name).plan(known, saga, transition.now, undo=undo)
        _begin(transition, step, undo=undo)
        self._record_outcome(transition, step, planned.outcome, undo=undo)
        transition.writes.append(planned.write)

    def _lease(self, now: datetime) -> datetime:
        return now + timedelta(seconds=conf.SAGA_LEASE)


def _begin(transition: Transition, step: SagaStep, *, undo: bool) -> None:
    if undo:
        transition.begin_undo(step.name, step.compensation)
    else:
        transition.begin_step(step.name)


def _stop(transition: Transition, decision: Finish | WaitUntil | WaitForRelease) -> None:
    match decision:
        case Finish(status):
            transition.finish(status)
        case WaitUntil(at):
            transition.wait(at)
        case WaitForRelease(step):
            transition.alarm(f"This release does not know the step {step.name}.")
            transition.wait(transition.now + RELEASE_PAUSE)


def _known(saga: SagaState, step: SagaStep) -> Step:
    known = find_step(saga.name, step)
    assert known is not None, "decide_next waits where it is unknown"
    return known


def _refuse_unknown_steps(saga: SagaState) -> None:
    """A complete saga stays complete rather than be left half undone. Raises 503."""
    unknown = [step.name for step in saga.to_undo if not find_step(saga.name, step.step)]
    if unknown:
        raise try_again(f"This release cannot undo {', '.join(unknown)}.", code="STEP_UNKNOWN")


def _as_it_is(saga: SagaState) -> SagaState:
    """The saga as its new owner stored it; the last known state if the database is unavailable."""
    try:
        return saga_log.load(saga.correlation_id) or saga
    except DatabaseError:
        return saga


def _checked(saga: SagaState, step: SagaStep, outcome: Outcome) -> Outcome:
    """An answer that the step does not accept is a contract error."""
    if not isinstance(outcome, Done):
        return outcome
    known = _known(saga, step)
    if known.reference and not 0 < len(str(outcome.body.get(known.reference, ""))) <= REFERENCE_LENGTH:
        return ContractError("NO_REFERENCE", f"The answer has no {known.reference} that fits.")
    wrong = known.accepts(saga, outcome.body)
    code, colon, error = wrong.partition(": ")
    if not wrong:
        return outcome
    return ContractError(code, error) if colon else ContractError("NOT_ACCEPTED", wrong)
