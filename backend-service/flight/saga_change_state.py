"""The saga of a trip's change: its data in typed form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django_sagas import saga_log
from django_sagas.models import SagaRow
from django_sagas.state import StepStatus

from flight.inventory import HeldFlight
from flight.models import Booking
from flight.saga_booking import (
    CapturingSaga,
    Segment,
    SettlementSaga,
    segments,
    settlement_of,
)

CHANGE = "change-trip"


@dataclass(frozen=True)
class ChangeRequest:
    """What was quoted, and is stored: every call derives from it."""

    booking: str
    "correlation id, under which seats, payments and miles of the trip stand"
    reference: str
    passengers: int
    before: tuple[Segment, ...]
    after: tuple[Segment, ...]
    "seats are chosen where none are named"
    charges: int
    payment: str
    "correlation id of the payment that the trip was booked with"
    difference: int
    "cents; negative: given back"
    miles: int
    "negative: taken back"
    address: str = ""
    "the caller's address, for limits; empty in demo mode"

    def to_json(self) -> dict[str, Any]:
        trips = {name: [segment.to_json() for segment in getattr(self, name)] for name in ("before", "after")}
        return {**vars(self), **trips}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "ChangeRequest":
        trips = {name: segments({"flights": stored[name]}) for name in ("before", "after")}
        return cls(**{**stored, **trips})


@dataclass
class ChangeSaga(CapturingSaga):
    """`data` holds a ChangeRequest."""

    @cached_property
    def request(self) -> ChangeRequest:
        return ChangeRequest.from_json(self.data)

    @property
    def is_refund(self) -> bool:
        return self.request.difference < 0

    @property
    def is_dearer(self) -> bool:
        return self.request.difference > 0

    @cached_property
    def settlement(self) -> SettlementSaga | None:
        return settlement_of(saga_log.load(self.booking))

    @property
    def payer(self) -> CapturingSaga:
        """A refund needs the settlement: money has to be captured before it is given back."""
        return self.settlement or self if self.is_refund else self

    @property
    def payment_id(self) -> str:
        """Its own, over the difference; for a refund the booking's, as it stands now. That is another one
        only where the one before has expired, of which no earlier call has taken anything."""
        if self.is_refund:
            return self.settlement.payment_id if self.settlement else self.request.payment
        return self.renewed or self.correlation_id

    @property
    def has_expired(self) -> bool:
        if not self.request.difference:
            return False
        return super().has_expired and (self.payer is self or self.payer.has_expired)

    @property
    def amount(self) -> int:
        """What the trip costs afterwards, in cents."""
        return sum(segment.fare for segment in self.request.after) + self.request.charges

    @property
    def has_taken_effect(self) -> bool:
        return self.step("SwapTickets").status == StepStatus.DONE

    @property
    def adjusts_nothing(self) -> bool:
        """Whether the miles of the trip had been taken back before they were adjusted."""
        return bool(self.facts.get("AdjustMiles", {}).get("miles_adjusted") == 0)

    @property
    def card_token(self) -> str:
        return str(self.secrets.get("card_token", ""))

    @property
    def held(self) -> Sequence[HeldFlight]:
        """The trip afterwards with the seats that it has then, once HoldSeats is done."""
        return [HeldFlight.from_json(flight) for flight in self.facts["HoldSeats"]["flights"]]


def waiting_change(booking: Booking) -> ChangeSaga | None:
    """The change under way that waits because its payment has expired, or is lost with an older back-up;
    None without one."""
    change = saga_log.load(booking.busy_with) if booking.busy_with else None
    if not isinstance(change, ChangeSaga):
        return None
    return change if change.has_expired or change.has_lost_payment else None


def key_scope(booking: str) -> str:
    """Where a quote's id is the key: among the changes of this booking."""
    return f"{CHANGE}:{booking}"


def changes_of(booking: str) -> list[ChangeSaga]:
    """The changes of a trip that took effect, oldest first."""
    found = saga_log.states(SagaRow.objects.filter(idempotency_scope=key_scope(booking)))
    changes = [saga for saga in found if isinstance(saga, ChangeSaga) and saga.has_taken_effect]
    return sorted(changes, key=lambda saga: str(saga.step("SwapTickets").finished_at))
