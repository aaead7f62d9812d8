"""Flights as a sale needs them: one row by plain SQL, without joins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Protocol, Self

from django.conf import settings
from django_sagas.database import fetch_one, from_db_time
from service_kit.problems import invalid

SELECT = """
    SELECT id, flight_number, origin_id, destination_id, departs_at, arrives_at, aircraft,
           economy_fare, business_fare, first_fare
    FROM flight_flight WHERE id = %s"""


class Wanted(Protocol):
    """A flight of a trip as a traveller asks for it."""

    @property
    def flight_id(self) -> int: ...
    @property
    def seat_class(self) -> str: ...
    @property
    def seat_numbers(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class FlightForSale:
    id: int
    flight_number: str
    origin: str
    destination: str
    departs_at: datetime
    arrives_at: datetime
    aircraft: str
    economy: int
    business: int
    first: int | None

    def fare(self, seat_class: str) -> int | None:
        """Cents for one passenger; None if the flight does not sell that class."""
        fares = {"economy": self.economy, "business": self.business, "first": self.first}
        return fares[seat_class]

    def is_on_sale(self, now: datetime) -> bool:
        return now < self.departs_at - timedelta(minutes=settings.SALE_CLOSES_MINUTES)


def find_flight(flight_id: int) -> FlightForSale | None:
    row = fetch_one(SELECT, (flight_id,))
    if row is None:
        return None
    number, flight_number, origin, destination, departs_at, arrives_at, *rest = row
    times = from_db_time(departs_at), from_db_time(arrives_at)
    return FlightForSale(number, flight_number, origin, destination, *times, *rest)


def find_flights(wanted: Sequence[Wanted]) -> Sequence[FlightForSale | None]:
    return [find_flight(asked.flight_id) for asked in wanted]


def refuse_unconnected(flights: Sequence[FlightForSale | None], *, within: str = "") -> None:
    """Raises 400 that names each flight that leaves before the one before it has arrived."""
    pairs = enumerate(pairwise(flights), start=1)
    early = [
        place
        for place, (before, after) in pairs
        if before and after and after.departs_at <= before.arrives_at
    ]
    if early:
        told = "must leave after the flight before it has arrived"
        raise invalid({f"{within}flights[{place}].flight_id": told for place in early})


@dataclass(frozen=True)
class HeldFlight:
    """A flight of a trip with the seats that are held on it."""

    flight_id: int
    flight_number: str
    origin: str
    destination: str
    seat_class: str
    seat_numbers: tuple[str, ...]
    "one a passenger, in their order"

    @classmethod
    def of(cls, flight: FlightForSale, seat_class: str, seats: Sequence[str]) -> Self:
        route = flight.flight_number, flight.origin, flight.destination
        return cls(flight.id, *route, str(seat_class), tuple(seats))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**{**stored, "seat_numbers": tuple(stored["seat_numbers"])})

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "seat_numbers": list(self.seat_numbers)}
