"""Aircraft types and their seat maps. Constants: only held and sold seats are rows of the database.

Cabins follow operators' usual layouts; cruise speed and range are the manufacturers' rounded figures.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from types import MappingProxyType

from django.db.models import TextChoices


class SeatClass(TextChoices):
    ECONOMY = "economy"
    BUSINESS = "business"
    FIRST = "first"


class Position(StrEnum):
    WINDOW = "window"
    MIDDLE = "middle"
    AISLE = "aisle"


@dataclass(frozen=True)
class Cabin:
    """Rows of one class. `layout` names the seats of a row, with a space at each aisle."""

    seat_class: SeatClass
    first_row: int
    last_row: int
    layout: str
    exit_rows: tuple[int, ...] = ()

    @property
    def rows(self) -> range:
        return range(self.first_row, self.last_row + 1)

    @property
    def groups(self) -> list[str]:
        return self.layout.split()

    @property
    def letters(self) -> str:
        return "".join(self.groups)

    def position(self, letter: str) -> Position:
        if letter in (self.letters[0], self.letters[-1]):
            return Position.WINDOW
        beside_an_aisle = any(letter in (group[0], group[-1]) for group in self.groups)
        return Position.AISLE if beside_an_aisle else Position.MIDDLE


@dataclass(frozen=True)
class MapSeat:
    """One seat of an aircraft type; its owner on a flight is a row of the database."""

    number: str
    seat_class: SeatClass
    row: int
    letter: str
    position: Position
    exit_row: bool


@dataclass(frozen=True)
class AircraftType:
    code: str
    name: str
    range_miles: int
    cruise_mph: int
    cabins: tuple[Cabin, ...]

    @cached_property
    def seats(self) -> Mapping[str, MapSeat]:
        """Every seat by its number, from the nose backwards and from left to right."""
        return MappingProxyType({seat.number: seat for cabin in self.cabins for seat in _seats_of(cabin)})

    @cached_property
    def capacity(self) -> Mapping[SeatClass, int]:
        return MappingProxyType(Counter(seat.seat_class for seat in self.seats.values()))

    @property
    def classes(self) -> list[SeatClass]:
        """From economy upwards."""
        return [seat_class for seat_class in SeatClass if seat_class in self.capacity]


def _seats_of(cabin: Cabin) -> list[MapSeat]:
    return [
        MapSeat(
            number=f"{row}{letter}",
            seat_class=cabin.seat_class,
            row=row,
            letter=letter,
            position=cabin.position(letter),
            exit_row=row in cabin.exit_rows,
        )
        for row in cabin.rows
        for letter in cabin.letters
    ]


ECONOMY, BUSINESS, FIRST = SeatClass.ECONOMY, SeatClass.BUSINESS, SeatClass.FIRST

AIRCRAFT: Mapping[str, AircraftType] = MappingProxyType(
    {
        kind.code: kind
        for kind in (
            AircraftType(
                code="E195-E2",
                name="Embraer 195-E2",
                range_miles=2990,
                cruise_mph=460,
                cabins=(Cabin(BUSINESS, 1, 5, "AC DF"), Cabin(ECONOMY, 6, 33, "AC DF", exit_rows=(17, 18))),
            ),
            AircraftType(
                code="A320-200",
                name="Airbus A320",
                range_miles=3500,
                cruise_mph=475,
                cabins=(Cabin(BUSINESS, 1, 3, "AC DF"), Cabin(ECONOMY, 4, 27, "ABC DEF", exit_rows=(11, 12))),
            ),
            AircraftType(
                code="737-800",
                name="Boeing 737-800",
                range_miles=3380,
                cruise_mph=480,
                cabins=(Cabin(BUSINESS, 1, 4, "AB EF"), Cabin(ECONOMY, 7, 32, "ABC DEF", exit_rows=(15, 16))),
            ),
            AircraftType(
                code="787-9",
                name="Boeing 787-9",
                range_miles=8700,
                cruise_mph=530,
                cabins=(
                    Cabin(BUSINESS, 1, 8, "A DG K"),
                    Cabin(ECONOMY, 10, 38, "ABC DEG HJK", exit_rows=(10, 26)),
                ),
            ),
            AircraftType(
                code="A350-900",
                name="Airbus A350-900",
                range_miles=9300,
                cruise_mph=535,
                cabins=(
                    Cabin(FIRST, 1, 1, "A DG K"),
                    Cabin(BUSINESS, 2, 9, "A DG K"),
                    Cabin(ECONOMY, 11, 36, "ABC DEG HJK", exit_rows=(11, 25)),
                ),
            ),
            AircraftType(
                code="777-300ER",
                name="Boeing 777-300ER",
                range_miles=8450,
                cruise_mph=535,
                cabins=(
                    Cabin(FIRST, 1, 2, "A DG K"),
                    Cabin(BUSINESS, 4, 9, "AC DEG HK"),
                    Cabin(ECONOMY, 11, 41, "ABC DEFG HJK", exit_rows=(11, 28)),
                ),
            ),
        )
    }
)


@cache
def seats_of_class(code: str, seat_class: str) -> tuple[str, ...]:
    """Seat numbers in the order in which they are assigned; none if the type has no such class."""
    return tuple(seat.number for seat in AIRCRAFT[code].seats.values() if seat.seat_class == seat_class)


def class_of_seat(code: str, seat_number: str) -> SeatClass | None:
    seat = AIRCRAFT[code].seats.get(seat_number)
    return seat.seat_class if seat else None


def capacity(code: str, seat_class: str) -> int:
    return len(seats_of_class(code, seat_class))
