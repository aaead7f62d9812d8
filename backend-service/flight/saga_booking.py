"""A booking's saga: its data in typed form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from django_sagas import saga_log
from django_sagas.state import SagaState, StepStatus

from flight.inputs import Passenger
from flight.inventory import FlightForSale, HeldFlight, find_flight
from flight.models import Booking, BookingStatus


@dataclass(frozen=True)
class Segment:
    """A flight of the trip as it was asked for and priced."""

    flight_id: int
    seat_class: str
    seat_numbers: tuple[str, ...]
    "one a passenger, or none: any seats"
    fare: int
    "cents, of all passengers"

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "seat_numbers": list(self.seat_numbers)}


def segments(data: Mapping[str, Any]) -> tuple[Segment, ...]:
    """In the order flown. Earlier releases stored a single flight, its class and its seats apart."""
    if "flights" in data:
        stored = data["flights"]
    else:
        seats = {name: data["request"][name] for name in ("seat_class", "seat_numbers")}
        stored = [{"flight_id": data["flight_id"], **seats, "fare": data["flight_fare"]}]
    return tuple(Segment(**{**each, "seat_numbers": tuple(each["seat_numbers"])}) for each in stored)


PAYMENT, LOYALTY = "payment", "loyalty"
"The participants of a booking's saga."
RENEWED = "renewed"
"The fact of a saga whose payment took the place of an expired one, after so many attempts to capture."
CAPTURE = "CapturePayment"
EXPIRED = "AUTHORIZATION_EXPIRED"
"Why a capture may wait for an operator."
NOT_FOUND = "PAYMENT_NOT_FOUND"
"The same after payment was restored to an earlier moment."
CANCEL_PAYMENT = "CancelPayment"
CANCELLATION = "cancellation"
"The fact of a booking's cancellation: the amounts of `fare_rules.Refund`, in cents."


@dataclass(frozen=True)
class BookingRequest:
    """The traveller's request; the card token is a secret of the saga, because it is erased early."""

    passengers: tuple[Passenger, ...]
    email: str
    mobile: str
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
    def from_json(cls, stored: Mapping[str, Any]) -> "BookingRequest":
        known = {field.name: stored[field.name] for field in fields(cls) if field.name in stored}
        passengers = tuple(Passenger.model_construct(**each) for each in stored["passengers"])
        return cls(**{**known, "passengers": passengers, "simulate": tuple(stored["simulate"])})


@dataclass
class BookingSaga(SagaState):
    """`data` holds the flights, the request, and the price in cents, fixed when it was accepted."""

    @property
    def user_id(self) -> str:
        return self.subject

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        return segments(self.data)

    @cached_property
    def request(self) -> BookingRequest:
        return BookingRequest.from_json(self.data["request"])

    @property
    def tickets(self) -> int:
        return len(self.request.passengers) * len(self.segments)

    @property
    def flight_fare(self) -> int:
        return int(self.data["flight_fare"])

    @property
    def charges(self) -> int:
        return int(self.data["charges"])

    @property
    def amount(self) -> int:
        return self.flight_fare + self.charges

    @property
    def card_token(self) -> str:
        return str(self.secrets.get("card_token", ""))

    @property
    def booking_reference(self) -> str:
        return self.reference

    @property
    def held(self) -> tuple[HeldFlight, ...]:
        """What ReserveSeat has held, in the order flown."""
        reserved = self.facts["ReserveSeat"]
        if "flights" in reserved:
            return tuple(map(HeldFlight.from_json, reserved["flights"]))
        # By an earlier release, which held the seats of one flight.
        (segment,) = self.segments
        flight = find_flight(segment.flight_id)
        assert flight is not None, "a flight with seats is never deleted"
        return (HeldFlight.of(flight, segment.seat_class, reserved["seat_numbers"]),)

    @property
    def settlement(self) -> str:
        """The correlation id of its settlement; empty before there is one."""
        return str(self.facts.get("ConfirmBooking", {}).get("settlement", ""))

    @property
    def cancellation(self) -> Mapping[str, Any] | None:
        """What the cancellation of the booking gives back; None without one."""
        return self.facts.get(CANCELLATION)

    @property
    def flights(self) -> Sequence[FlightForSale]:
        """As this request read them to price the booking; empty in a later run."""
        return self.context or ()


def as_booking(saga: SagaState | None) -> BookingSaga | None:
    return saga if isinstance(saga, BookingSaga) else None


@dataclass
class CapturingSaga(SagaState):
    """One that captures a payment of a trip, whose authorisation may have expired before.

    `data` holds the correlation id and the reference of the booking.
    """

    @property
    def booking(self) -> str:
        return str(self.data["booking"])

    @property
    def booking_reference(self) -> str:
        return str(self.data["reference"])

    @property
    def payer(self) -> "CapturingSaga":
        """The saga whose payment it captures, and for which it is authorised again."""
        return self

    @property
    def payment_id(self) -> str:
        """The correlation id of the payment to capture."""
        return self.renewed or self.booking

    @property
    def renewed(self) -> str:
        """The payment that took the place of an expired one; empty without one."""
        return str(self.facts.get(RENEWED, {}).get("payment_id", ""))

    @property
    def has_expired(self) -> bool:
        """Whether the last answer was that the authorisation has expired, which is asked again in vain; not
        once another one was made, until that has been tried."""
        capture, before = self.step(CAPTURE), self.facts.get(RENEWED, {}).get("after", 0)
        answered = capture.attempts - (capture.status == StepStatus.STARTED)
        waits = capture.status in (StepStatus.STARTED, StepStatus.UNKNOWN) and capture.error_code == EXPIRED
        return waits and answered > int(before)

    @property
    def has_lost_payment(self) -> bool:
        """Whether the payment that it captures is not known to payment any more."""
        capture = self.step(CAPTURE)
        waits = capture.status in (StepStatus.STARTED, StepStatus.UNKNOWN)
        return waits and capture.error_code == NOT_FOUND

    @property
    def is_captured(self) -> bool:
        return self.step(CAPTURE).status == StepStatus.DONE

    @property
    def is_asking(self) -> bool:
        """Whether an attempt to capture is in flight: its outcome is not known yet."""
        return self.step(CAPTURE).status == StepStatus.STARTED

    @property
    def attempts_to_capture(self) -> int:
        return self.step(CAPTURE).attempts

    @property
    def was_needed(self) -> bool:
        """False where the trip was cancelled before its money was captured, or after that had expired."""
        return self.facts.get(CAPTURE, {}).get("status") not in ("CANCELLED", "EXPIRED")


@dataclass
class SettlementSaga(CapturingSaga):
    """`data` holds the amount in cents, too."""

    @property
    def amount(self) -> int:
        return int(self.data["amount"])


def settlement_of(saga: SagaState | None) -> SettlementSaga | None:
    """That of a booking's saga; None while it has none."""
    booking = as_booking(saga)
    found = saga_log.load(booking.settlement) if booking and booking.settlement else None
    return found if isinstance(found, SettlementSaga) else None


def is_confirmed(booking: str) -> bool:
    """Whether the saga's booking is good to fly."""
    return Booking.objects.filter(correlation_id=booking, status=BookingStatus.CONFIRMED).exists()


def expiry_actions(saga: CapturingSaga) -> list[dict[str, str]]:
    """What an operator can do about an expired authorisation; nothing about anything else.

    Nor once the booking is cancelled: what waits needs no money any more, and is due with the cancellation.
    """
    if saga.is_terminal or not saga.has_expired or not is_confirmed(saga.booking):
        return []
    return [
        {"name": "authorize-again", "href": f"/api/saga/{saga.correlation_id}/authorize-again/"},
        {"name": "cancel-booking", "href": f"/api/bookings/{saga.booking_reference}/cancel/"},
    ]
