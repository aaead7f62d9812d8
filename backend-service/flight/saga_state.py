"""A saga as a value: the stored rows in the form that decisions use."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from flight.inputs import Passenger
from flight.inventory import FlightForSale
from flight.saga_models import SagaStatus

T = TypeVar("T")


def replace(value: T, **changes: Any) -> T:
    """A faster `dataclasses.replace`."""
    assert changes.keys() <= value.__dict__.keys(), changes
    copy = object.__new__(type(value))
    copy.__dict__.update(value.__dict__, **changes)
    return copy


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
    "once it is done, the saga is complete"


@dataclass(frozen=True)
class SagaStep:
    name: str
    compensation: str
    participant: str
    kind: str


# Rows written before participant and kind were stored with each step: name, participant, kind.
EARLIER_STEPS = {
    "ReserveSeat": ("backend", Kind.COMPENSATABLE),
    "AuthorizePayment": ("payment", Kind.COMPENSATABLE),
    "AwardMiles": ("loyalty", Kind.COMPENSATABLE),
    "ConfirmBooking": ("backend", Kind.PIVOT),
}
MAY_HAVE_HAPPENED = (StepStatus.STARTED, StepStatus.UNKNOWN, StepStatus.DONE, StepStatus.UNDOING)


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
    participant: str = ""
    kind: str = Kind.COMPENSATABLE

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "StepState":
        if "participant" not in stored:
            participant, kind = EARLIER_STEPS.get(stored["name"], ("", Kind.COMPENSATABLE))
            stored = {**stored, "participant": participant, "kind": kind}
        return cls(**{**stored, "status": StepStatus(stored["status"])})

    @property
    def step(self) -> SagaStep:
        return SagaStep(self.name, self.compensation, self.participant, self.kind)


@dataclass(frozen=True)
class BookingRequest:
    """The traveller's request; the card token is stored apart, because it is erased early."""

    passengers: tuple[Passenger, ...]
    email: str
    mobile: str
    seat_class: str
    seat_numbers: tuple[str, ...] = ()
    expected_amount: int | None = None
    simulate: tuple[str, ...] = ()
    "names of the steps that are to fail"
    address: str = ""
    "the caller's address, for limits; empty in demo mode"

    def to_json(self) -> dict[str, Any]:
        stored = {**vars(self), "passengers": [vars(passenger) for passenger in self.passengers]}
        if not self.address:
            del stored["address"]
        return stored

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "BookingRequest":
        passengers = tuple(Passenger.model_construct(**each) for each in stored["passengers"])
        lists = {name: tuple(stored[name]) for name in ("seat_numbers", "simulate")}
        return cls(**{**stored, **lists, "passengers": passengers})


@dataclass
class SagaState:
    """Treated as immutable: only a Transition changes the copy that it makes."""

    correlation_id: str
    definition: int
    status: SagaStatus
    user_id: str
    flight_id: int
    request: BookingRequest
    flight_fare: int
    charges: int
    card_token: str
    steps: tuple[StepState, ...]
    created_at: datetime
    epoch: int = 1
    owner: str = ""
    due_at: datetime | None = None
    claims: int = 0
    last_sequence: int = 0
    reason: str = ""
    attention: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    failed_step: str = ""
    error: str = ""
    error_code: str = ""
    booking_reference: str = ""
    idempotency_scope: str | None = None
    idempotency_key: str | None = None
    request_fingerprint: str = ""
    finished_at: datetime | None = None
    tried: bool = False
    "not stored: this owner has tried the current step"
    flight: FlightForSale | None = None
    "not stored: the flight as it was read to price the booking, in this request"
    retry_after: float = 0.0
    "not stored: seconds of the participant's Retry-After"

    @property
    def amount(self) -> int:
        return self.flight_fare + self.charges

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

    def change_step(self, name: str, **changes: Any) -> None:
        self.steps = tuple([replace(step, **changes) if step.name == name else step for step in self.steps])
