import pytest

from flight import aircraft
from flight.aircraft import AIRCRAFT, AircraftType, Position, SeatClass

EVERY_TYPE = pytest.mark.parametrize("kind", AIRCRAFT.values(), ids=lambda kind: kind.code)


@EVERY_TYPE
def test_every_type_has_a_hundred_economy_seats_and_business(kind: AircraftType) -> None:
    assert kind.capacity[SeatClass.ECONOMY] >= 100
    assert kind.capacity[SeatClass.BUSINESS] > 0


@EVERY_TYPE
def test_classes_together_are_the_whole_map(kind: AircraftType) -> None:
    by_class = [aircraft.seats_of_class(kind.code, seat_class) for seat_class in SeatClass]
    assert sorted(number for numbers in by_class for number in numbers) == sorted(kind.seats)
    assert sum(kind.capacity.values()) == len(kind.seats)


@EVERY_TYPE
def test_seat_12a_is_an_economy_window_everywhere(kind: AircraftType) -> None:
    seat = kind.seats["12A"]
    assert (seat.seat_class, seat.position) == (SeatClass.ECONOMY, Position.WINDOW)


@EVERY_TYPE
def test_cabins_follow_each_other_from_first_to_economy_without_overlap(kind: AircraftType) -> None:
    order = [SeatClass.FIRST, SeatClass.BUSINESS, SeatClass.ECONOMY]
    classes = [cabin.seat_class for cabin in kind.cabins]
    assert classes == [seat_class for seat_class in order if seat_class in kind.capacity]
    for before, after in zip(kind.cabins, kind.cabins[1:], strict=False):
        assert before.last_row < after.first_row


@EVERY_TYPE
def test_a_row_has_two_windows_and_two_aisle_seats_for_each_aisle(kind: AircraftType) -> None:
    for cabin in kind.cabins:
        positions = [cabin.position(letter) for letter in cabin.letters]
        beside_aisles = {letter for group in cabin.groups for letter in (group[0], group[-1])}
        assert positions.count(Position.WINDOW) == 2
        assert positions.count(Position.AISLE) == len(beside_aisles - {cabin.letters[0], cabin.letters[-1]})


@EVERY_TYPE
def test_exit_rows_are_rows_of_economy(kind: AircraftType) -> None:
    economy = kind.cabins[-1]
    assert economy.exit_rows and set(economy.exit_rows) <= set(economy.rows)


def test_seats_are_assigned_from_the_front_and_the_left() -> None:
    assert aircraft.seats_of_class("A320-200", SeatClass.BUSINESS)[:5] == ("1A", "1C", "1D", "1F", "2A")
    assert aircraft.seats_of_class("A320-200", "economy")[:7] == ("4A", "4B", "4C", "4D", "4E", "4F", "5A")


@pytest.mark.parametrize(
    ("letter", "position"),
    [("A", "window"), ("B", "middle"), ("C", "aisle"), ("D", "aisle"), ("K", "window")],
)
def test_position_in_a_wide_row(letter: str, position: str) -> None:
    assert AIRCRAFT["777-300ER"].seats[f"20{letter}"].position == position


@pytest.mark.parametrize(
    ("seat", "expected"),
    [("1A", "first"), ("4A", "business"), ("41K", "economy"), ("3A", None), ("1B", None)],
)
def test_class_of_a_seat(seat: str, expected: str | None) -> None:
    assert aircraft.class_of_seat("777-300ER", seat) == expected


def test_a_class_that_a_type_lacks_has_no_seats() -> None:
    assert aircraft.seats_of_class("737-800", SeatClass.FIRST) == ()
    assert aircraft.capacity("737-800", SeatClass.FIRST) == 0


def test_some_types_have_first_class() -> None:
    assert any(SeatClass.FIRST in kind.capacity for kind in AIRCRAFT.values())
