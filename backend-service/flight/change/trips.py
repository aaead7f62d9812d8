"""What changes when a trip is changed: pure functions of the trip as it is and as it is asked for.

A flight is in a trip at most once, so that flights are compared by their ids, wherever in the trip they are.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from service_kit.money import CENTS_PER_UNIT

from flight.saga_booking import Segment

Places = frozenset[tuple[int, str]]
"Seats of flights: (flight id, seat number)."


class Asked(Protocol):
    """A flight of the trip as a traveller wants it; what is left out stays as it is."""

    @property
    def flight_id(self) -> int: ...
    @property
    def seat_class(self) -> str | None: ...
    @property
    def seat_numbers(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class Difference:
    amount: int
    "cents; negative: given back"
    miles: int
    "negative: taken back"


def changed_trip(
    before: Sequence[Segment], asked: Sequence[Asked], fare_of: Callable[[int, str], int]
) -> tuple[Segment, ...]:
    """The trip as it would be. A flight that stays in its class keeps the fare that was paid, and its seats
    unless others are named; `fare_of` gives today's fare of any other, in cents for all passengers.

    Without a class, a flight has the one that it has now, or that of the flight whose place it takes.
    """
    known = {segment.flight_id: segment for segment in before}
    after = []
    for replaced, wanted in zip(before, asked, strict=True):
        now = known.get(wanted.flight_id)
        seat_class = wanted.seat_class or (now or replaced).seat_class
        if now and now.seat_class == seat_class:
            seats, fare = wanted.seat_numbers or now.seat_numbers, now.fare
        else:
            seats, fare = wanted.seat_numbers, fare_of(wanted.flight_id, seat_class)
        after.append(Segment(wanted.flight_id, seat_class, seats, fare))
    return tuple(after)


def difference(before: Sequence[Segment], after: Sequence[Segment]) -> Difference:
    """What is paid or given back, and the miles by the rule: one per whole unit of the fare."""
    old, new = (sum(segment.fare for segment in trip) for trip in (before, after))
    return Difference(new - old, new // CENTS_PER_UNIT - old // CENTS_PER_UNIT)


def places(trip: Sequence[Segment]) -> Places:
    return frozenset((segment.flight_id, seat) for segment in trip for seat in segment.seat_numbers)


def to_choose(before: Sequence[Segment], after: Sequence[Segment]) -> tuple[Segment, ...]:
    """The flights on which seats are to be taken, each with those of its seats that the trip has not yet.

    A flight whose class changes takes none of its seats along.
    """
    known = {(segment.flight_id, segment.seat_class): segment for segment in before}
    chosen = []
    for segment in after:
        now = known.get((segment.flight_id, segment.seat_class))
        owned = now.seat_numbers if now else ()
        seats = tuple(seat for seat in segment.seat_numbers if seat not in owned)
        if seats or not segment.seat_numbers:
            chosen.append(Segment(segment.flight_id, segment.seat_class, seats, segment.fare))
    return tuple(chosen)
