"""A saga as a value: the stored row in the form that decisions use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from django.db.models import TextChoices

T = TypeVar("T")


def replace(value: T, **changes: Any) -> T:
    """A faster `dataclasses.replace`."""
    assert changes.keys() <= value.__dict__.keys(), changes
    copy = object.__new__(type(value))
    copy.__dict__.update(value.__dict__, **changes)
    return copy


class SagaStatus(TextChoices):
    PENDING = "PENDING", "accepted; no step has begun"
    RUNNING = "RUNNING", "going forward"
    COMPENSATING = "COMPENSATING", "going back; irrevocable"
    COMPLETED = "COMPLETED", "every step took effect; final but for a cancellation"
    COMPENSATED = "COMPENSATED", "everything that took effect was undone; final"


OPEN = (SagaStatus.PENDING, SagaStatus.RUNNING, SagaStatus.COMPENSATING)


class StepStatus(StrEnum):
    PENDING = "PENDING"
    "not begun"
    STARTED = "STARTED"
    "the intent is committed; the outcome is not known yet"
    DONE = "DONE"
    "took effect"
    REFUSED = "REFUSED"
    "refused; changed nothing and needs no compensation"
    UNKNOWN = "UNKNOWN"
    "may or may not have taken effect"
    UNDOING = "UNDOING"
    "its compensation's intent is committed"
    UNDONE = "UNDONE"
    "compensated"
    RESOLVED = "RESOLVED"
    "its stuck compensation was resolved by hand"


class Kind(StrEnum):
    COMPENSATABLE = "compensatable"
    "can be undone"
    PIVOT = "pivot"
    "decides: once it is done, the saga goes forward until it is complete"
    RETRIABLE = "retriable"
    "comes after the pivot and is tried until it succeeds"


MAY_HAVE_HAPPENED = (StepStatus.STARTED, StepStatus.UNKNOWN, StepStatus.DONE, StepStatus.UNDOING)
LOCAL = ""
"The participant of a step that runs in the orchestrator's own database."


class SagaStep(NamedTuple):
    """What a row stores of a step's definition; a tuple, because sagas look steps up all the time."""

    name: str
    compensation: str
    "empty if the step cannot be undone"
    participant: str
    kind: str

    @property
    def is_local(self) -> bool:
        return self.participant == LOCAL


@dataclass(frozen=True)
class StepState:
    """One step of a saga's row: its definition and its state."""

    name: str
    status: StepStatus = StepStatus.PENDING
    attempts: int = 0
    started_at: str | None = None
    finished_at: str | None = None
    error: str | None = None
    error_code: str | None = None
    compensation: str = ""
    undo_attempts: int = 0
    undo_started_at: str | None = None
    participant: str = LOCAL
    kind: str = Kind.COMPENSATABLE

    def to_json(self) -> dict[str, Any]:
        """Without what is None or 0: every commit of a saga writes all its steps."""
        return {name: value for name, value in vars(self).items() if value not in (None, 0)}

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "StepState":
        return cls(**{**stored, "status": StepStatus(stored["status"])})

    @property
    def step(self) -> SagaStep:
        return SagaStep(self.name, self.compensation, self.participant, self.kind)


@dataclass
class SagaState:
    """Treated as immutable: only a Transition changes the copy that it makes.

    A definition may name a subclass as its `state`, whose properties read `data`, `secrets` and `facts`.
    """

    correlation_id: str
    name: str
    "of its definition"
    version: int
    "of its definition, when it began"
    status: SagaStatus
    subject: str
    "whose saga it is, such as a user id"
    data: Mapping[str, Any]
    "what was asked for; never changes"
    steps: tuple[StepState, ...]
    created_at: datetime
    secrets: Mapping[str, Any] = field(default_factory=dict)
    "what only some steps may see; each is erased by the step that used it"
    reference: str = ""
    "the business's name for what it made, such as an order number"
    reversible_until: datetime | None = None
    "a complete saga is not cancelled after this time; None: no limit"
    epoch: int = 1
    owner: str = ""
    due_at: datetime | None = None
    claims: int = 0
    last_sequence: int = 0
    reason: str = ""
    attention: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    "what steps and compensations have answered, by their names"
    result: dict[str, Any] | None = None
    failed_step: str = ""
    error: str = ""
    error_code: str = ""
    idempotency_scope: str | None = None
    idempotency_key: str | None = None
    request_fingerprint: str = ""
    finished_at: datetime | None = None
    tried: bool = False
    "not stored: this owner has tried the current step"
    retry_after: float = 0.0
    "not stored: seconds of the participant's Retry-After"
    context: Any = None
    "not stored: what the request has read already, for the local steps that it runs itself"

    @property
    def is_terminal(self) -> bool:
        return self.status in (SagaStatus.COMPLETED, SagaStatus.COMPENSATED)

    def step(self, name: str) -> StepState:
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    @property
    def to_undo(self) -> list[StepState]:
        """The steps that took effect or may have, newest first."""
        return [step for step in reversed(self.steps) if step.status in MAY_HAVE_HAPPENED]

    @property
    def can_go_back(self) -> bool:
        """Whether everything that may have happened has a compensation; a saga that has none at all goes
        only forward, even before its first step."""
        has_any = any(step.compensation for step in self.steps)
        return has_any and all(step.compensation for step in self.to_undo)

    def change_step(self, name: str, **changes: Any) -> None:
        self.steps = tuple([replace(step, **changes) if step.name == name else step for step in self.steps])
