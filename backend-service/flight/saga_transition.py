"""One transition of a saga: the new state, its events, and further writes."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django_sagas.clock import iso
from service_kit.security import throttle

from flight import saga_answers
from flight.saga_alarms import needs_attention
from flight.saga_event_dispatcher import EventType, SagaEvent
from flight.saga_models import SagaStatus
from flight.saga_outcomes import (
    AlreadyCompensated,
    ContractError,
    Done,
    Outcome,
    Refused,
    Unknown,
)
from flight.saga_state import SagaState, StepStatus, replace

log = structlog.get_logger("saga")
ERROR_LENGTH = 200
FINISHED_EVENT = {SagaStatus.COMPLETED: EventType.COMPLETED, SagaStatus.COMPENSATED: EventType.COMPENSATED}


class Transition:
    """Collects the content of one commit of the saga log. Reads no clock and writes nothing; `saga` is a copy
    that it changes.
    """

    def __init__(self, saga: SagaState, *, owner: str, now: datetime) -> None:
        lease = now + timedelta(seconds=settings.SAGA_LEASE)
        self.saga = replace(saga, owner=owner, due_at=lease)
        self.now = now
        self.events: list[SagaEvent] = []
        self.writes: list[Callable[[], object]] = []

    def emit(self, event_type: EventType, **data: Any) -> None:
        self.saga.last_sequence += 1
        event = SagaEvent(event_type.value, self.saga.correlation_id, data, self.saga.last_sequence, self.now)
        self.events.append(event)

    def start(self) -> None:
        self.emit(
            EventType.STARTED, flight_id=self.saga.flight_id, passengers=len(self.saga.request.passengers)
        )

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
        self.emit(EventType.STEP_STARTED, step=name, attempt=step.attempts + 1, worker=self.saga.owner)

    def end_step(self, name: str, outcome: Outcome) -> None:
        match outcome:
            case Done(body):
                self._step_done(name, body)
            case Refused(code, error):
                self._step_failed(name, StepStatus.REFUSED, code, error)
                self._count_declined(code)
            case Unknown(error, _, configuration):
                self._step_unknown(name, error, configuration)
            case AlreadyCompensated():
                self._step_failed(
                    name, StepStatus.UNKNOWN, "ALREADY_COMPENSATED", "It was compensated before."
                )
            case ContractError(code, error):
                self._step_failed(name, StepStatus.UNKNOWN, code, error)
                self.alarm(f"{name}: {code}: {error}")

    def _step_done(self, name: str, body: Any) -> None:
        facts = {key: value for key, value in body.items() if key not in ("success", "correlation_id")}
        self._progress()
        self.saga.facts = {**self.saga.facts, name: facts}
        self.saga.change_step(
            name, status=StepStatus.DONE, finished_at=iso(self.now), error=None, error_code=None
        )
        if name == "ConfirmBooking":
            self.saga.booking_reference = facts["booking_reference"]
        self._erase_card(name)
        self.emit(EventType.STEP_COMPLETED, step=name, **_public(facts))

    def _step_failed(self, name: str, status: StepStatus, code: str, error: str) -> None:
        error = error[:ERROR_LENGTH]
        finished = iso(self.now) if status is StepStatus.REFUSED else None
        self._progress()
        self.saga.failed_step, self.saga.error = name, error
        self.saga.error_code = self.saga.reason = code
        self.saga.change_step(name, status=status, finished_at=finished, error=error, error_code=code)
        self._erase_card(name)
        self.emit(EventType.STEP_FAILED, step=name, outcome=status.value, error=error, error_code=code)

    def _count_declined(self, code: str) -> None:
        """Counted here: an accepted booking is declined after its request has ended."""
        if code == "PAYMENT_DECLINED":
            count = partial(throttle.seconds_to_wait, user_id=self.saga.user_id, now=self.now)
            count = partial(count, address=self.saga.request.address)
            self.writes.append(partial(count, {"declined": 1}))

    def _step_unknown(self, name: str, error: str, configuration: bool) -> None:
        self.saga.tried = True
        self.saga.change_step(
            name, status=StepStatus.UNKNOWN, error=error[:ERROR_LENGTH], error_code="UNKNOWN"
        )
        attempts = self.saga.step(name).attempts
        if configuration and attempts >= settings.SAGA_CONFIGURATION_ALARM_ATTEMPTS:
            self.alarm(f"{name}: {error}: check the services' credentials")
        self.emit(
            EventType.STEP_UNKNOWN,
            step=name,
            attempt=attempts,
            error=error[:ERROR_LENGTH],
            error_code="UNKNOWN",
        )

    def give_up(self, name: str) -> None:
        """The deadline of an unknown step is over: it counts as failed and will be compensated too."""
        error = "No answer could be had in time."
        self._step_failed(name, StepStatus.UNKNOWN, "DEADLINE_EXCEEDED", error)

    def _erase_card(self, name: str) -> None:
        if name == "AuthorizePayment":
            self.saga.card_token = ""

    # Going back

    def compensate(self) -> None:
        """From here on the saga only compensates."""
        self.saga.status = SagaStatus.COMPENSATING
        self.saga.card_token, self.saga.finished_at = "", None
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
            worker=self.saga.owner,
        )

    def end_undo(self, name: str, compensation: str, outcome: Outcome) -> None:
        if isinstance(outcome, Done):
            self._progress()
            self.saga.change_step(name, status=StepStatus.UNDONE)
            self.emit(EventType.COMPENSATION_STEP_COMPLETED, step=name, compensation=compensation)
            return
        error = getattr(outcome, "error", "It was compensated before.")[:ERROR_LENGTH]
        attempts = self.saga.step(name).undo_attempts
        self.saga.tried = True
        self.emit(
            EventType.COMPENSATION_FAILED,
            step=name,
            compensation=compensation,
            attempt=attempts,
            error=error,
            error_code=_code_of(outcome),
        )
        if not isinstance(outcome, Unknown) or outcome.configuration or self._undo_takes_too_long(name):
            # Without a number, so that the console can group stuck sagas by reason.
            self.alarm(f"{compensation} fails: {error}")

    def resolve(self, name: str, *, actor: str) -> None:
        """A person has resolved this step's compensation outside the suite."""
        self._progress()
        self.saga.attention = ""
        self.saga.change_step(name, status=StepStatus.RESOLVED)
        compensation = self.saga.step(name).compensation
        self.emit(EventType.COMPENSATION_RESOLVED, step=name, compensation=compensation, actor=actor)

    def _undo_takes_too_long(self, name: str) -> bool:
        step = self.saga.step(name)
        began = datetime.fromisoformat(step.undo_started_at or iso(self.now))
        late = abs(self.now - began) >= timedelta(seconds=settings.SAGA_ATTENTION_SECONDS)
        return late or step.undo_attempts >= settings.SAGA_ATTENTION_ATTEMPTS

    # Ending and waiting

    def finish(self, status: SagaStatus) -> None:
        self.saga.status, self.saga.finished_at = status, self.now
        self.saga.owner, self.saga.due_at = "", None
        self.saga.attention = self.saga.card_token = ""
        if self.saga.result is None:
            self.saga.result = saga_answers.result(self.saga)
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


def _code_of(outcome: Outcome) -> str:
    match outcome:
        case Refused(code) | ContractError(code):
            return code
        case AlreadyCompensated():
            return "ALREADY_COMPENSATED"
    return "UNKNOWN"


def _public(facts: dict[str, Any]) -> dict[str, Any]:
    """A step's facts without passengers' names: events have more readers than tickets."""
    return {key: value for key, value in facts.items() if key != "tickets"}
