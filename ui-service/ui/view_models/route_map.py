"""Maps of places and of the ways between them, on the coordinates of `land.svg`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, cos, degrees, hypot, radians, sin

from ui.view_models.places import Place

# Of `land.svg`: twice the degrees, from 180° west and 80° north.
SCALE, NORTH, WORLD = 2, 80, 720
WORLD_BOX = "22 14 698 244"
Point = tuple[float, float]
# Of a map of few places: its least width, its shape, and the room around it.
LEAST_WIDTH, SHAPE, ROOM = 84, 0.42, 1.45


@dataclass(frozen=True)
class Spot:
    x: str
    y: str
    place: Place


@dataclass(frozen=True)
class RouteMap:
    box: str
    shifts: tuple[int, ...]
    "where the land is drawn again, for a map over the date line"
    spots: tuple[Spot, ...]
    lines: tuple[str, ...]
    unit: str = "1"
    "a thousandth of the map's width"


def of_world(places: Iterable[Place], ways: Iterable[tuple[Place, Place]] = ()) -> RouteMap:
    """All places on the whole world."""
    lines = [_line(curve) for way in ways for curve in _both_sides(_curve(_spot(way[0]), *way))]
    return RouteMap(WORLD_BOX, (0,), tuple(_drawn(_spot(each), each) for each in places), tuple(lines))


def of_ways(ways: Sequence[Sequence[Place]]) -> RouteMap | None:
    """As much of the world as holds some journeys, each by its places; None if a place is unknown."""
    known = all(place.position for way in ways for place in way)
    if not ways or not known:
        return None
    start = _spot(ways[0][0])
    flown = {frozenset((one.code, other.code)): (one, other) for way in ways for one, other in pairwise(way)}
    curves = {pair: _curve(_near(_spot(pair[0]), start), *pair) for pair in flown.values()}
    # On both sides of the map where ways lead there around the world on both.
    spots = {
        _drawn(point, place)
        for pair, curve in curves.items()
        for point, place in zip((curve[0], curve[-1]), pair, strict=True)
    }
    left, top, width, height = _around([point for curve in curves.values() for point in curve])
    return RouteMap(
        box=f"{left:.1f} {top:.1f} {width:.1f} {height:.1f}",
        shifts=tuple(shift for shift in (-WORLD, 0, WORLD) if left < shift + WORLD and left + width > shift),
        spots=tuple(sorted(spots, key=lambda spot: spot.place.code)),
        lines=tuple(map(_line, curves.values())),
        unit=f"{width / 1000:.3f}",
    )


def _spot(place: Place) -> Point:
    latitude, longitude = place.position or (0.0, 0.0)
    return SCALE * (longitude + 180), SCALE * (NORTH - latitude)


def _drawn(point: Point, place: Place) -> Spot:
    return Spot(f"{point[0]:.1f}", f"{point[1]:.1f}", place)


def _near(point: Point, other: Point) -> Point:
    """The point on the side of the date line where the other is near."""
    return point[0] + WORLD * round((other[0] - point[0]) / WORLD), point[1]


def _curve(start: Point, origin: Place, destination: Place) -> tuple[Point, Point, Point]:
    """Start, middle and end of the shortest way over the globe."""
    middle = _near(_middle(origin, destination), start)
    return start, middle, _near(_spot(destination), middle)


def _middle(origin: Place, destination: Place) -> Point:
    """The point half-way on the great circle."""
    (lat1, lon1), (lat2, lon2) = (map(radians, each.position or (0.0, 0.0)) for each in (origin, destination))
    x, y = cos(lat2) * cos(lon2 - lon1), cos(lat2) * sin(lon2 - lon1)
    latitude = atan2(sin(lat1) + sin(lat2), hypot(cos(lat1) + x, y))
    longitude = lon1 + atan2(y, cos(lat1) + x)
    return SCALE * (degrees(longitude) + 180), SCALE * (NORTH - degrees(latitude))


def _both_sides(curve: tuple[Point, Point, Point]) -> list[tuple[Point, Point, Point]]:
    """A curve over the date line is drawn at both edges of the world."""
    xs = [x for x, _ in curve]
    shifts = [0] + [WORLD] * (min(xs) < 0) + [-WORLD] * (max(xs) > WORLD)
    (x1, y1), (x2, y2), (x3, y3) = curve
    return [((x1 + shift, y1), (x2 + shift, y2), (x3 + shift, y3)) for shift in shifts]


def _line(curve: tuple[Point, Point, Point]) -> str:
    """A parabola through the three points."""
    (x1, y1), (x2, y2), (x3, y3) = curve
    return f"M{x1:.1f} {y1:.1f}Q{2 * x2 - (x1 + x3) / 2:.1f} {2 * y2 - (y1 + y3) / 2:.1f} {x3:.1f} {y3:.1f}"


def _around(points: Sequence[Point]) -> tuple[float, float, float, float]:
    """The box that holds the points, with room at its sides: left, top, width, height."""
    xs, ys = [x for x, _ in points], [y for _, y in points]
    width = max((max(xs) - min(xs)) * ROOM, (max(ys) - min(ys)) * ROOM / SHAPE, LEAST_WIDTH)
    height = width * SHAPE
    return (max(xs) + min(xs) - width) / 2, (max(ys) + min(ys) - height) / 2, width, height
