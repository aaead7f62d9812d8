"""A booking's saga: its data in typed form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django_sagas.state import SagaState

from flight.inputs import Passenger
from flight.inventory import FlightForSale

PAYMENT, LOYALTY = "payment", "loyalty"
"The participants of a booking's saga."
CANCELLATION = "cancellation"
"The fact of a booking's cancellation: the amounts of `fare_rules.Refund`, in cents."


@dataclass(frozen=True)
class BookingRequest:
    """The traveller's request; the card token is a secret of the saga, because it is erased early."""

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
    def from_json(cls, stored: Mapping[str, Any]) -> "BookingRequest":
        passengers = tuple(Passenger.model_construct(**each) for each in stored["passengers"])
        lists = {name: tuple(stored[name]) for name in ("seat_numbers", "simulate")}
        return cls(**{**stored, **lists, "passengers": passengers})


@dataclass
class BookingSaga(SagaState):
    """`data` holds the flight's id, the request, and the price in cents, fixed when it was accepted."""

    @property
    def user_id(self) -> str:
        return self.subject

    @property
    def flight_id(self) -> int:
        return int(self.data["flight_id"])

    @cached_property
    def request(self) -> BookingRequest:
        return BookingRequest.from_json(self.data["request"])

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
    def seats(self) -> Sequence[str]:
        """What ReserveSeat has held."""
        held: Sequence[str] = self.facts["ReserveSeat"]["seat_numbers"]
        return held

    @property
    def cancellation(self) -> Mapping[str, Any] | None:
        """What the cancellation of the booking gives back; None without one."""
        return self.facts.get(CANCELLATION)

    @property
    def flight(self) -> FlightForSale | None:
        """The flight as this request read it to price the booking."""
        return self.context if isinstance(self.context, FlightForSale) else None


def as_booking(saga: SagaState | None) -> BookingSaga | None:
    return saga if isinstance(saga, BookingSaga) else None
