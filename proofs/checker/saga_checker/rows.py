"""The rows that the checker reads; each class names the columns of its table, and no others."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

COMPENSATION = {
    "ReserveSeat": "CancelSeat",
    "AuthorizePayment": "CancelPayment",
    "AwardMiles": "ReverseMiles",
    "ConfirmBooking": "CancelBooking",
}
BOOKING, SETTLEMENT, CHANGE = "book-trip", "settle-trip", "change-trip"
"The definitions that are checked beyond their steps."
ORCHESTRATOR = "backend"
"Also its name in credentials; a direct call has none, or another."
TERMINAL = ("COMPLETED", "COMPENSATED")
Asked = Mapping[str, Any]
"For a flight: `seat_class` and `seat_numbers`, one a passenger or none."


@dataclass(frozen=True)
class Saga:
    table: ClassVar[str] = "sagas_saga"
    correlation_id: str
    name: str
    status: str
    reason: str
    attention: str
    epoch: int
    owner: str
    due_at: datetime | None
    claims: int
    last_sequence: int
    subject: str
    reference: str
    data: str
    secrets: str
    steps: str
    facts: str
    failed_step: str
    error_code: str
    finished_at: datetime | None

    @property
    def is_terminal(self) -> bool:
        return self.status in TERMINAL

    @cached_property
    def booked(self) -> Mapping[str, Any]:
        """What was asked for, and its price; never changes."""
        data: dict[str, Any] = json.loads(self.data)
        return data

    @cached_property
    def flights(self) -> Mapping[int, Asked]:
        """In the order flown. A row of an earlier release has one flight, with its wishes in the request."""
        if "flights" in self.booked:
            return {int(each["flight_id"]): each for each in self.booked["flights"]}
        return {int(self.booked["flight_id"]): self.asked}

    def after(self, change: "Saga") -> "Saga":
        """A booking's saga with the trip as this change has left it."""
        flights = change.booked["after"]
        fare = sum(each["fare"] for each in flights)
        return replace(self, data=json.dumps({**self.booked, "flights": flights, "flight_fare": fare}))

    @property
    def passengers(self) -> int:
        return len(self.asked["passengers"])

    @property
    def fee(self) -> int:
        """What was agreed that the cancellation of a booking keeps, in cents."""
        fee: int = self.fact.get("cancellation", {}).get("fee", 0)
        return fee

    @property
    def told_kept(self) -> int | None:
        """What a cancellation of the booking says that it kept, in cents; None if it says nothing."""
        if "cancellation" not in self.fact or "kept" not in self.fact.get("CancelPayment", {}):
            return None
        kept: float = self.fact["CancelPayment"]["kept"]
        return round(kept * 100)

    @property
    def flight_fare(self) -> int:
        """As it is stored; that it is whole cents is checked."""
        fare: int = self.booked["flight_fare"]
        return fare

    @property
    def charges(self) -> int:
        charges: int = self.booked["charges"]
        return charges

    @property
    def amount(self) -> int:
        return self.flight_fare + self.charges

    @property
    def miles(self) -> int:
        """The rule: one mile per whole dollar of the fare, for a saga that awards miles."""
        return self.flight_fare // 100 if "AwardMiles" in self.step else 0

    @cached_property
    def step(self) -> Mapping[str, Mapping[str, Any]]:
        return {step["name"]: step for step in json.loads(self.steps)}

    @cached_property
    def compensation(self) -> Mapping[str, str]:
        """Its own steps in their order, each with what undoes it."""
        return {name: step["compensation"] for name, step in self.step.items()}

    def home(self, name: str) -> str:
        """Whose step it is; a local step's participant is empty."""
        return self.step[name]["participant"] or ORCHESTRATOR

    @property
    def asked(self) -> Asked:
        asked: dict[str, Any] = self.booked["request"]
        return asked

    @cached_property
    def fact(self) -> Mapping[str, Mapping[str, Any]]:
        facts: dict[str, Any] = json.loads(self.facts)
        return facts

    @property
    def settled_by_hand(self) -> frozenset[str]:
        return frozenset(name for name, step in self.step.items() if step["status"] == "RESOLVED")


@dataclass(frozen=True)
class Event:
    table: ClassVar[str] = "sagas_event"
    correlation_id: str
    sequence: int
    event_id: str
    event_type: str
    data: str
    timestamp: datetime
    following: str = ""

    @property
    def of_its_commit(self) -> list["Event"]:
        """Itself and those that its row holds besides; only the first event of a commit has a row."""
        others: list[tuple[str, str, Any]] = json.loads(self.following) if self.following else []
        events = [
            replace(self, sequence=sequence, event_id=event_id, event_type=kind, data=json.dumps(data))
            for sequence, (event_id, kind, data) in enumerate(others, start=self.sequence + 1)
        ]
        return [self, *events]

    @cached_property
    def told(self) -> Mapping[str, Any]:
        told: dict[str, Any] = json.loads(self.data)
        return told


@dataclass(frozen=True)
class Settled:
    """A call that an operator settled by hand."""

    table: ClassVar[str] = "sagas_settlement"
    correlation_id: str
    step: str


@dataclass(frozen=True)
class AuditEntry:
    table: ClassVar[str] = "security_audit"
    correlation_id: str
    kind: str
    actor: str
    action: str
    reason: str
    evidence: str
    created_at: datetime


@dataclass(frozen=True)
class Flight:
    table: ClassVar[str] = "flight_flight"
    id: int
    aircraft: str
    economy_fare: int
    business_fare: int
    first_fare: int | None


@dataclass(frozen=True)
class Seat:
    table: ClassVar[str] = "flight_seat"
    flight_id: int
    seat_number: str
    seat_class: str
    correlation_id: str
    state: str
    held_at: datetime
    expires_at: datetime | None
    released_at: datetime | None

    @property
    def is_live(self) -> bool:
        return self.state in ("HELD", "SOLD")


@dataclass(frozen=True)
class Booking:
    table: ClassVar[str] = "flight_booking"
    reference: str
    correlation_id: str
    flight_id: int
    user_id: str
    status: str
    amount: int | None
    created_at: datetime
    cancelled_at: datetime | None
    busy_with: str
    changed_by: str


@dataclass(frozen=True)
class Ticket:
    table: ClassVar[str] = "flight_ticket"
    ticket_number: str
    booking_id: str
    flight_id: int
    segment: int
    passenger: int
    first_name: str
    last_name: str
    seat_number: str
    seat_class: str


@dataclass(frozen=True)
class Record:
    """What a participant answered for one step."""

    table: ClassVar[str] = "guard_step_record"
    correlation_id: str
    step: str
    state: str
    fingerprint: str
    answer: str
    undo_answer: str
    created_at: datetime
    changed_at: datetime
    caller: str

    @property
    def is_tombstone(self) -> bool:
        return self.state == "UNDONE" and not self.answer


@dataclass(frozen=True)
class Confirmation:
    """The mail of a booking."""

    table: ClassVar[str] = "flight_confirmation"
    booking_id: str
    ended_at: datetime | None


@dataclass(frozen=True)
class ChangeConfirmation:
    """The mail of a change."""

    table: ClassVar[str] = "flight_change_confirmation"
    change: str
    ended_at: datetime | None


@dataclass(frozen=True)
class Standing:
    """A payment as it stands."""

    table: ClassVar[str] = "payment_payment"
    correlation_id: str
    trip_id: str
    user_id: str
    status: str
    amount: int
    captured: int
    refunded: int
    provider: str
    provider_reference: str

    @property
    def live(self) -> int:
        """Cents that are held, or taken and not given back."""
        return self.amount if self.status == "AUTHORIZED" else self.captured - self.refunded


@dataclass(frozen=True)
class Attempt:
    """A call to the payment provider, written before it was made."""

    table: ClassVar[str] = "payment_attempt"
    key: str
    correlation_id: str
    payment: str
    state: str


@dataclass(frozen=True)
class Movement:
    """A line of the simulated bank's journal."""

    table: ClassVar[str] = "bank_movement"
    key: str
    kind: str
    hold: str
    amount: int


@dataclass(frozen=True)
class Payment:
    """An entry of the payments' ledger."""

    table: ClassVar[str] = "payment_ledger"
    correlation_id: str
    kind: str
    number: int
    authorization_id: str
    user_id: str
    amount: int
    flight_fare: int
    other_charges: int
    currency: str
    created_at: datetime


@dataclass(frozen=True)
class Account:
    table: ClassVar[str] = "loyalty_account"
    user_id: str
    balance: int


@dataclass(frozen=True)
class Miles:
    table: ClassVar[str] = "loyalty_ledger"
    correlation_id: str
    trip_id: str
    kind: str
    user_id: str
    miles: int
    created_at: datetime
