"""What changes when a trip is changed, as tables."""

from dataclasses import dataclass

import pytest

from flight.change.trips import Difference, changed_trip, difference, places, to_choose
from flight.saga_booking import Segment

FARES = {
    (1, "economy"): 40000,
    (1, "business"): 120000,
    (2, "economy"): 50000,
    (3, "economy"): 30050,
}
"today's, of two passengers"


@dataclass(frozen=True)
class Wanted:
    flight_id: int
    seat_class: str | None = None
    seat_numbers: tuple[str, ...] = ()


def sold(flight_id: int, *seats: str, seat_class: str = "economy", fare: int = 39999) -> Segment:
    """By a fare of another day."""
    return Segment(flight_id, seat_class, seats, fare)


def today(flight_id: int, *seats: str, seat_class: str = "economy") -> Segment:
    return Segment(flight_id, seat_class, seats, FARES[flight_id, seat_class])


ONE = (sold(1, "12A", "12B"),)
TWO = (sold(1, "12A", "12B"), sold(2, "9C", "9D"))


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        pytest.param(ONE, [Wanted(1)], ONE, id="nothing"),
        pytest.param(ONE, [Wanted(1, "economy", ("12A", "12B"))], ONE, id="nothing, in many words"),
        pytest.param(ONE, [Wanted(1, None, ("12B", "12A"))], (sold(1, "12B", "12A"),), id="places exchanged"),
        pytest.param(ONE, [Wanted(1, None, ("12A", "14A"))], (sold(1, "12A", "14A"),), id="one other seat"),
        pytest.param(ONE, [Wanted(1, "business")], (today(1, seat_class="business"),), id="other class"),
        pytest.param(ONE, [Wanted(3)], (today(3),), id="other flight"),
        pytest.param(ONE, [Wanted(3, None, ("1A", "1B"))], (today(3, "1A", "1B"),), id="its seats too"),
        pytest.param(TWO, [Wanted(1), Wanted(3)], (TWO[0], today(3)), id="only the second"),
        pytest.param(TWO, [Wanted(2), Wanted(3)], (TWO[1], today(3)), id="one moves to the front"),
        pytest.param(
            (sold(1, "2A", seat_class="business"),),
            [Wanted(1, None, ("2B",))],
            (sold(1, "2B", seat_class="business"),),
            id="class stays where none is named",
        ),
        pytest.param(
            (sold(3, "2A", seat_class="business"),),
            [Wanted(1)],
            (today(1, seat_class="business"),),
            id="class of the flight whose place it takes",
        ),
    ],
)
def test_what_differs_is_what_changes(
    before: tuple[Segment, ...], asked: list[Wanted], after: tuple[Segment, ...]
) -> None:
    assert changed_trip(before, asked, lambda *key: FARES[key]) == after


@pytest.mark.parametrize(
    ("before", "after", "amount", "miles"),
    [
        (ONE, ONE, 0, 0),
        (ONE, (today(1, seat_class="business"),), 80001, 801),
        (ONE, (today(3),), -9949, -99),
        # 399.99 + 399.99 earn 799 miles together, 399.99 + 300.50 earn 700.
        (TWO, (TWO[0], today(3)), -9949, -99),
        ((sold(1, fare=40000),), (sold(2, fare=40099),), 99, 0),
        ((sold(1, fare=40099),), (sold(2, fare=40100),), 1, 1),
    ],
)
def test_price_and_miles_differ_by_the_whole_trips(
    before: tuple[Segment, ...], after: tuple[Segment, ...], amount: int, miles: int
) -> None:
    assert difference(before, after) == Difference(amount, miles)
    assert difference(after, before) == Difference(-amount, -miles)


@pytest.mark.parametrize(
    ("before", "after", "chosen"),
    [
        pytest.param(ONE, ONE, (), id="nothing"),
        pytest.param(ONE, (sold(1, "12B", "12A"),), (), id="places exchanged"),
        pytest.param(ONE, (sold(1, "12A", "14A"),), (sold(1, "14A"),), id="one other seat"),
        pytest.param(ONE, (today(3),), (today(3),), id="any seats of another flight"),
        pytest.param(
            ONE, (today(3, "12A", "12B"),), (today(3, "12A", "12B"),), id="seats of the same number"
        ),
        pytest.param(TWO, (TWO[1], today(3)), (today(3),), id="a flight that moves keeps its seats"),
        pytest.param(
            ONE,
            (today(1, "12A", "2B", seat_class="business"),),
            (today(1, "12A", "2B", seat_class="business"),),
            id="another class takes no seat along",
        ),
    ],
)
def test_only_seats_that_the_trip_has_not_are_chosen(
    before: tuple[Segment, ...], after: tuple[Segment, ...], chosen: tuple[Segment, ...]
) -> None:
    assert to_choose(before, after) == chosen


def test_places_are_the_seats_of_all_flights() -> None:
    assert places(TWO) == {(1, "12A"), (1, "12B"), (2, "9C"), (2, "9D")}
