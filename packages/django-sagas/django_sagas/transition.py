"""One transition of a saga: the new state, its events, and further writes."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog

from django_sagas.alarms import needs_attention
from django_sagas.clock import iso
from django_sagas.conf import conf
from django_sagas.decision import goes_only_forward
from django_sagas.definitions import Saga, Step, definition_of, find_step
from django_sagas.events import EventType, SagaEvent
from django_sagas.outcomes import (
    UNKNOWN,
    AlreadyCompensated,
    ContractError,
    Done,
    Outcome,
    Refused,
    Unknown,
)
from django_sagas.state import Kind, SagaState, SagaStatus, SagaStep, StepState, StepStatus, replace

log = structlog.get_logger("saga")
ERROR_LENGTH, CODE_LENGTH = 200, 40
NEARLY_NEW = 0.95
"The part of a lease that is left. A call and the wait for its turn have to fit into it."
ALREADY_COMPENSATED = "ALREADY_COMPENSATED"
FINISHED_EVENT = {SagaStatus.COMPLETED: EventType.COMPLETED, SagaStatus.COMPENSATED: EventType.COMPENSATED}


class Transition:
    """Collects the content of one commit of the saga log. Reads no clock and writes nothing; `saga` is a copy
    that it changes.
    """

    def __init__(self, saga: SagaState, *, owner: str, now: datetime) -> None:
        self.saga = replace(saga, owner=owner, due_at=_lease(saga, owner, now))
        self.now = now
        self.events: list[SagaEvent] = []
        self.writes: list[Callable[[], object]] = []

    @property
    def _definition(self) -> type[Saga]:
        return definition_of(self.saga.name)

    @property
    def _claimed(self) -> Mapping[str, Any]:
        """Of the start of a try: who makes it, and under which fencing token."""
        return {"worker": self.saga.owner, "epoch": self.saga.epoch}

    def emit(self, event_type: EventType, **data: Any) -> None:
        self.saga.last_sequence += 1
        event = SagaEvent(event_type.value, self.saga.correlation_id, data, self.saga.last_sequence, self.now)
        self.events.append(event)

    def start(self) -> None:
        self.emit(EventType.STARTED, **self._definition.started(self.saga))

    # Going forward

    def begin_step(self, name: str) -> None:
        """The intent of a step: committed before anything is sent."""
        step = self.saga.step(name)
        self.saga.status = SagaStatus.RUNNING
        self.saga.change_step(
            name,
            status=StepStatus.STARTED,
            attempts=step.attempts + 1,
            started_at=step.started_at or iso(self.now),
        )
        self.emit(EventType.STEP_STARTED, step=name, attempt=step.attempts + 1, **self._claimed)

    def end_step(self, name: str, outcome: Outcome) -> None:
        step = self.saga.step(name).step
        if _must_be_tried_again(step, outcome):
            self._step_not_yet_done(name, outcome)
            return
        match outcome:
            case Done(body):
                self._step_done(name, body)
            case Refused(code, error):
                self._step_failed(name, StepStatus.REFUSED, code, error)
                self.writes.extend(self._definition.after_refusal(self.saga, code, self.now))
            case Unknown(error, _, configuration):
                self._step_unknown(name, error, configuration=configuration)
            case AlreadyCompensated():
                self._step_failed(name, StepStatus.UNKNOWN, ALREADY_COMPENSATED, error_of(outcome))
            case ContractError(code, error):
                self._step_failed(name, StepStatus.UNKNOWN, code, error)
                self.alarm(f"{name}: {code}: {error}")

    def _step_done(self, name: str, body: Mapping[str, Any]) -> None:
        facts = _facts(body)
        known = find_step(self.saga.name, self.saga.step(name).step)
        self._progress()
        self.saga.facts = {**self.saga.facts, name: facts}
        self.saga.change_step(
            name, status=StepStatus.DONE, finished_at=iso(self.now), error=None, error_code=None
        )
        if known and known.reference:
            self.saga.reference = str(facts.get(known.reference, ""))
        self._erase_secrets(known)
        private = known.private if known else facts.keys()
        public = {key: value for key, value in facts.items() if key not in private}
        self.emit(EventType.STEP_COMPLETED, step=name, **public)

    def _step_failed(self, name: str, status: StepStatus, code: str, error: str) -> None:
        error, code = error[:ERROR_LENGTH], code[:CODE_LENGTH]
        finished = iso(self.now) if status is StepStatus.REFUSED else None
        self._progress()
        self.saga.failed_step, self.saga.error = name, error
        self.saga.error_code = self.saga.reason = code
        self.saga.change_step(name, status=status, finished_at=finished, error=error, error_code=code)
        self._erase_secrets(find_step(self.saga.name, self.saga.step(name).step))
        self.emit(EventType.STEP_FAILED, step=name, outcome=status.value, error=error, error_code=code)

    def _step_not_yet_done(self, name: str, outcome: Outcome) -> None:
        """The saga cannot go back from here, so a step that says no is tried again, with an alarm."""
        error, code = error_of(outcome), code_of(outcome)
        self._step_unknown(name, error, code=code)
        if not isinstance(outcome, Unknown) or self._takes_too_long(self.saga.step(name)):
            self.alarm(f"{name} fails: {error}")

    def _step_unknown(
        self, name: str, error: str, *, configuration: bool = False, code: str = UNKNOWN
    ) -> None:
        error = error[:ERROR_LENGTH]
        self.saga.tried = True
        self.saga.change_step(name, status=StepStatus.UNKNOWN, error=error, error_code=code)
        attempts = self.saga.step(name).attempts
        if configuration and attempts >= conf.SAGA_CONFIGURATION_ALARM_ATTEMPTS:
            self.alarm(f"{name}: {error}: check the services' credentials")
        self.emit(EventType.STEP_UNKNOWN, step=name, attempt=attempts, error=error, error_code=code)

    def give_up(self, name: str) -> None:
        """The deadline of an unknown step is over: it counts as failed and will be compensated too."""
        error = "No answer could be had in time."
        self._step_failed(name, StepStatus.UNKNOWN, "DEADLINE_EXCEEDED", error)

    def _erase_secrets(self, step: Step | None) -> None:
        if step and step.uses and self.saga.secrets:
            kept = {name: secret for name, secret in self.saga.secrets.items() if name not in step.uses}
            self.saga.secrets = kept

    # Going back

    def compensate(self) -> None:
        """From here on the saga only compensates."""
        self.saga.status = SagaStatus.COMPENSATING
        self.saga.secrets, self.saga.finished_at = {}, None
        self.emit(EventType.COMPENSATION_STARTED, reason=self.saga.reason, failed_step=self.saga.failed_step)

    def begin_undo(self, name: str, compensation: str) -> None:
        step = self.saga.step(name)
        self.saga.change_step(
            name,
            status=StepStatus.UNDOING,
            undo_attempts=step.undo_attempts + 1,
            undo_started_at=step.undo_started_at or iso(self.now),
        )
        self.emit(
            EventType.COMPENSATION_STEP_STARTED,
            step=name,
            compensation=compensation,
            attempt=step.undo_attempts + 1,
            **self._claimed,
        )

    def end_undo(self, name: str, compensation: str, outcome: Outcome) -> None:
        if isinstance(outcome, Done):
            self._progress()
            if facts := _facts(outcome.body):
                self.saga.facts = {**self.saga.facts, compensation: facts}
            self.saga.change_step(name, status=StepStatus.UNDONE)
            self.emit(EventType.COMPENSATION_STEP_COMPLETED, step=name, compensation=compensation)
            self.writes.extend(self._definition.after_undo(self.saga, compensation, self.now))
            return
        error = error_of(outcome)[:ERROR_LENGTH]
        attempts = self.saga.step(name).undo_attempts
        self.saga.tried = True
        self.emit(
            EventType.COMPENSATION_FAILED,
            step=name,
            compensation=compensation,
            attempt=attempts,
            error=error,
            error_code=code_of(outcome),
        )
        if (
            not isinstance(outcome, Unknown)
            or outcome.configuration
            or self._undo_takes_too_long(self.saga.step(name))
        ):
            # Without a number, so that the console can group stuck sagas by reason.
            self.alarm(f"{compensation} fails: {error}")

    def resolve(self, name: str, *, actor: str) -> None:
        """A person has resolved this step's compensation outside the suite."""
        self._progress()
        self.saga.attention = ""
        self.saga.change_step(name, status=StepStatus.RESOLVED)
        compensation = self.saga.step(name).compensation
        self.emit(EventType.COMPENSATION_RESOLVED, step=name, compensation=compensation, actor=actor)

    def _undo_takes_too_long(self, step: StepState) -> bool:
        return self._late(step.undo_started_at) or step.undo_attempts >= conf.SAGA_ATTENTION_ATTEMPTS

    def _takes_too_long(self, step: StepState) -> bool:
        return self._late(step.started_at) or step.attempts >= conf.SAGA_ATTENTION_ATTEMPTS

    def _late(self, since: str | None) -> bool:
        began = datetime.fromisoformat(since or iso(self.now))
        return abs(self.now - began) >= timedelta(seconds=conf.SAGA_ATTENTION_SECONDS)

    # Ending and waiting

    def finish(self, status: SagaStatus) -> None:
        self.saga.status, self.saga.finished_at = status, self.now
        self.saga.owner, self.saga.due_at = "", None
        self.saga.attention, self.saga.secrets = "", {}
        if self.saga.result is None:
            self.saga.result = self._definition.result(self.saga)
        self.emit(FINISHED_EVENT[status], reason=self.saga.reason)

    def wait(self, until: datetime) -> None:
        """Release the lease; any process may continue from `until`."""
        self.saga.owner, self.saga.due_at = "", until

    def alarm(self, why: str) -> None:
        if not self.saga.attention:
            log.error("saga_needs_attention", correlation_id=self.saga.correlation_id, why=why)
            self.writes.append(partial(needs_attention, self.saga.correlation_id, why, now=self.now))
        self.saga.attention = why[:ERROR_LENGTH]

    def _progress(self) -> None:
        self.saga.claims, self.saga.tried = 0, False


def _lease(saga: SagaState, owner: str, now: datetime) -> datetime:
    """Until when `owner` has the saga. A lease that is nearly new is not renewed: its end is indexed, and a
    change of it writes every index of the row."""
    lease = timedelta(seconds=conf.SAGA_LEASE)
    if saga.owner == owner and saga.due_at and lease * NEARLY_NEW <= saga.due_at - now <= lease:
        return saga.due_at
    return now + lease


def _facts(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in ("success", "correlation_id")}


def _must_be_tried_again(step: SagaStep, outcome: Outcome) -> bool:
    if isinstance(outcome, Done) or not goes_only_forward(step):
        return False
    # A pivot that refuses has changed nothing: the saga can still go back.
    return not (step.kind == Kind.PIVOT and isinstance(outcome, Refused))


def code_of(outcome: Outcome) -> str:
    match outcome:
        case Refused(code) | ContractError(code):
            return code
        case AlreadyCompensated():
            return ALREADY_COMPENSATED
    return UNKNOWN


def error_of(outcome: Outcome) -> str:
    return str(getattr(outcome, "error", "It was compensated before."))
