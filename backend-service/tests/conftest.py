from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.conf import LazySettings
from django_sagas.clock import utc_now
from service_kit.testing.unguarded import django_db_setup  # noqa: F401  what is emptied between tests

from flight.aircraft import AIRCRAFT, SeatClass, class_of_seat
from flight.management.commands.make_schedule import airport_row
from flight.models import Airport, Booking, BookingStatus, Flight, Seat, SeatState, Ticket
from flight.schedule.airports import places
from flight.schedule.timetable import block_minutes, great_circle_miles
from tests.saga_world import desk, world  # noqa: F401  fixtures of the saga tests

MakeFlight = Callable[..., Flight]
OwnSeats = Callable[..., list[Seat]]
MakeBooking = Callable[..., Booking]


@pytest.fixture(autouse=True)
def schedule_stands_still(settings: LazySettings) -> None:
    """Recovery adds no day to the few flights of a test."""
    settings.SCHEDULE_DAYS = 0


@pytest.fixture
def now() -> datetime:
    return utc_now()


@pytest.fixture
def airports(db: None) -> dict[str, Airport]:
    """A few served airports, and one that is not."""
    codes = ("DFW", "ORD", "JFK", "LHR", "LAX", "SYD", "AKL", "HNL", "GRU", "LGW", "YXU")
    rows = [airport_row(places()[code]) for code in codes]
    Airport.objects.bulk_create(rows)
    return {row.iata: row for row in rows}


@pytest.fixture
def make_flight(airports: dict[str, Airport], now: datetime) -> MakeFlight:
    def make(
        *,
        number: str = "ZZ101",
        route: str = "DFW-ORD",
        departs_at: datetime | None = None,
        aircraft: str = "A320-200",
        fares: tuple[int, int, int | None] = (20000, 60000, None),
    ) -> Flight:
        """A flight of `route`, thirty days ahead unless told; fares in cents by class."""
        origin, destination = (airports[code] for code in route.split("-"))
        leaves = departs_at or now.replace(hour=18, minute=0, second=0, microsecond=0) + timedelta(days=30)
        distance = great_circle_miles(places()[origin.iata], places()[destination.iata])
        minutes = block_minutes(distance, AIRCRAFT[aircraft])
        return Flight.objects.create(
            flight_number=number,
            origin=origin,
            destination=destination,
            departs_on=leaves.astimezone(origin.zone).date(),
            departs_at=leaves,
            arrives_at=leaves + timedelta(minutes=minutes),
            distance_miles=distance,
            duration_minutes=minutes,
            aircraft=aircraft,
            economy_fare=fares[0],
            business_fare=fares[1],
            first_fare=fares[2],
        )

    return make


@pytest.fixture
def flight(make_flight: MakeFlight) -> Flight:
    """DFW-ORD in thirty days, open for sale: 144 economy seats and 12 business seats."""
    return make_flight()


@pytest.fixture
def trip(flight: Flight, make_flight: MakeFlight) -> list[Flight]:
    """DFW-ORD, ORD-JFK a day later and JFK-DFW two days later, each with the seats of `flight`."""
    days = [flight.departs_at + timedelta(days=place) for place in (1, 2)]
    onward = make_flight(number="ZZ102", route="ORD-JFK", departs_at=days[0])
    return [flight, onward, make_flight(number="ZZ103", route="JFK-DFW", departs_at=days[1])]


@pytest.fixture
def own_seats(now: datetime) -> OwnSeats:
    def own(
        flight: Flight, *numbers: str, state: SeatState = SeatState.HELD, cid: str = "other"
    ) -> list[Seat]:
        released = now if state == SeatState.RELEASED else None
        return Seat.objects.bulk_create(
            Seat(
                flight=flight,
                seat_number=number,
                seat_class=class_of_seat(flight.aircraft, number) or SeatClass.ECONOMY,
                correlation_id=cid,
                state=state,
                held_at=now,
                released_at=released,
            )
            for number in numbers
        )

    return own


@pytest.fixture
def make_booking(flight: Flight, now: datetime) -> MakeBooking:
    def make(
        reference: str = "ABC234",
        *,
        user_id: str = "1",
        seats: tuple[str, ...] = ("12A",),
        amount: int | None = 25000,
        created_at: datetime | None = None,
        cancelled_at: datetime | None = None,
        flown: Flight | None = None,
    ) -> Booking:
        """A booking of `flight`, or of the one `flown`, with one ticket a seat, cancelled if it says when."""
        booking = Booking.objects.create(
            reference=reference,
            correlation_id=f"cid-{reference}",
            flight=flown or flight,
            user_id=user_id,
            status=BookingStatus.CANCELLED if cancelled_at else BookingStatus.CONFIRMED,
            email="john@example.com",
            mobile="+1234567890",
            amount=amount,
            currency="USD",
            created_at=created_at or now,
            cancelled_at=cancelled_at,
        )
        Ticket.objects.bulk_create(
            Ticket(
                ticket_number=f"973-{reference}{place:04}",
                booking=booking,
                flight=booking.flight,
                segment=1,
                passenger=place + 1,
                first_name="John",
                last_name=f"Doe {seat}",
                gender="male",
                seat_number=seat,
                seat_class=SeatClass.ECONOMY,
            )
            for place, seat in enumerate(seats)
        )
        return booking

    return make
