"""Cabins and their seats as the pages show them."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ui.backend_client import Json

CABIN_NAMES: Mapping[str, Any] = {
    "economy": gettext_lazy("Economy"),
    "business": gettext_lazy("Business"),
    "first": gettext_lazy("First"),
}
POSITIONS: Mapping[str, Any] = {
    "window": gettext_lazy("window"),
    "middle": gettext_lazy("middle"),
    "aisle": gettext_lazy("aisle"),
}
# Every aircraft has this cabin.
EVERYWHERE = "economy"
FREE_CANCELLATION = gettext_lazy("Cancel before departure, free for 24 hours")
CABIN_RULES: Mapping[str, Sequence[Any]] = {
    "economy": (
        gettext_lazy("Cabin bag"),
        gettext_lazy("Meal on flights over five hours"),
        FREE_CANCELLATION,
    ),
    "business": (
        gettext_lazy("Two checked bags"),
        gettext_lazy("Lounge and priority boarding"),
        FREE_CANCELLATION,
    ),
    "first": (gettext_lazy("Three checked bags"), gettext_lazy("Lounge, own suite"), FREE_CANCELLATION),
}


def cabin_name(cabin: str) -> str:
    return str(CABIN_NAMES.get(cabin, cabin))


@dataclass(frozen=True)
class Seat:
    number: str
    cabin: str
    status: str
    position: str
    exit_row: bool

    @property
    def label(self) -> str:
        """The seat's text for screen readers."""
        words = [
            _("Seat %(number)s") % {"number": self.number},
            str(POSITIONS.get(self.position, self.position)),
            *([_("exit row")] if self.exit_row else []),
            cabin_name(self.cabin),
        ]
        return ", ".join(words)


@dataclass(frozen=True)
class SeatRow:
    """Seats of one row, grouped between the aisles."""

    number: int
    exit_row: bool
    groups: tuple[tuple[Seat, ...], ...]
    over_wing: bool = False


@dataclass(frozen=True)
class CabinMap:
    cabin: str
    letters: tuple[str, ...]
    rows: tuple[SeatRow, ...]

    def with_free(self, seats: Collection[str]) -> "CabinMap":
        """With these seats free, whoever has them."""

        def seen(seat: Seat) -> Seat:
            return replace(seat, status="free") if seat.number in seats else seat

        rows = (
            replace(row, groups=tuple(tuple(map(seen, group)) for group in row.groups)) for row in self.rows
        )
        return replace(self, rows=tuple(rows))

    @property
    def free(self) -> list[Seat]:
        seats = (seat for row in self.rows for group in row.groups for seat in group)
        return [seat for seat in seats if seat.status == "free"]

    @property
    def name(self) -> str:
        return cabin_name(self.cabin)


def nearest_seat(to: str, free: Iterable[str]) -> str:
    """The free seat with the fewest rows between, then the fewest letters; empty if none is free."""

    def distance(seat: str) -> tuple[int, int, str]:
        (row, letter), (its_row, its_letter) = _parted(to), _parted(seat)
        return abs(row - its_row), abs(letter - its_letter), seat

    return min(free, key=distance, default="")


def _parted(seat: str) -> tuple[int, int]:
    row = seat[:-1]
    return int(row) if row.isascii() and row.isdigit() else 0, ord(seat[-1:] or "A")


WING = (0.35, 0.6)
"where wings are drawn, as parts of the way from the first row to the last"


def cabin_maps(body: Json) -> list[CabinMap]:
    """The aircraft from the nose backwards, one map a class."""
    seats = {seat.number: seat for seat in map(seat_from, body["seats"])}
    last = max((row for cabin in body["cabins"] for row in cabin["rows"]), default=0)
    return [_cabin_map(cabin, seats, last) for cabin in body["cabins"]]


def _cabin_map(cabin: Json, seats: Mapping[str, Seat], last: int) -> CabinMap:
    rows = tuple(
        SeatRow(
            number=row,
            exit_row=row in cabin["exit_rows"],
            over_wing=WING[0] * last <= row <= WING[1] * last,
            groups=tuple(tuple(seats[f"{row}{letter}"] for letter in group) for group in cabin["groups"]),
        )
        for row in cabin["rows"]
    )
    return CabinMap(cabin["seat_class"], tuple(cabin["groups"]), rows)


def seat_from(body: Json) -> Seat:
    return Seat(
        number=str(body["seat_number"]),
        cabin=str(body["seat_class"]),
        status=str(body["status"]),
        position=str(body.get("position", "")),
        exit_row=bool(body.get("exit_row")),
    )
