"""The flight as a sale needs it: one row by plain SQL, without joins."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django_sagas.database import fetch_one, from_db_time

SELECT = """
    SELECT id, flight_number, origin_id, destination_id, departs_at, aircraft,
           economy_fare, business_fare, first_fare
    FROM flight_flight WHERE id = %s"""


@dataclass(frozen=True)
class FlightForSale:
    id: int
    flight_number: str
    origin: str
    destination: str
    departs_at: datetime
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
    number, flight_number, origin, destination, departs_at, *rest = row
    return FlightForSale(number, flight_number, origin, destination, from_db_time(departs_at), *rest)
