"""Airports and cities as the pages show them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import asin, cos, inf, radians, sin, sqrt

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from ui.backend_client import Json

EARTH_MILES = 3958.8


@dataclass(frozen=True)
class Place:
    code: str
    name: str
    city: str
    region: str
    country: str
    zone: str = ""
    served: bool = False
    city_code: str = ""
    "of a city with several served airports"
    position: tuple[float, float] | None = None
    "latitude and longitude, in degrees"

    @property
    def label(self) -> str:
        return f"{self.city or self.name} ({self.code})"

    @property
    def short_name(self) -> str:
        """Beside other airports of its city, such as "Heathrow"; empty where there are none."""
        words = self.name.removeprefix(self.city).split() if self.city_code else []
        return " ".join(word for word in words if word not in ("International", "Airport"))

    def is_called(self, code: str) -> bool:
        """By its own code or that of its city."""
        return code in (self.code, self.city_code)

    def miles_to(self, other: "Place") -> float:
        """Over the great circle; infinite where one of the two is not known."""
        if self.position is None or other.position is None:
            return inf
        (lat1, lon1), (lat2, lon2) = (map(radians, each) for each in (self.position, other.position))
        half = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
        return 2 * EARTH_MILES * asin(sqrt(half))


@dataclass(frozen=True)
class City:
    """Several airports that are searched together."""

    code: str
    name: str
    airports: tuple[str, ...]

    @property
    def label(self) -> str:
        return _("%(city)s, all airports (%(code)s)") % {"city": self.name, "code": self.code}


def nearest_first(places: Iterable[Place], to: Place) -> list[Place]:
    return sorted(places, key=to.miles_to)


def place_from(body: Json) -> Place:
    parts = {name: str(body.get(name) or "") for name in ("code", "name", "city", "region", "country")}
    known = body.get("latitude") is not None and body.get("longitude") is not None
    return Place(
        **parts,
        zone=str(body.get("time_zone") or ""),
        served=bool(body.get("served")),
        city_code=str(body.get("city_code") or ""),
        position=(float(body["latitude"]), float(body["longitude"])) if known else None,
    )


def city_from(body: Json) -> City:
    return City(str(body["code"]), str(body["name"]), tuple(map(str, body["airports"])))


class UnclearPlace(ValidationError):
    """The input does not name exactly one place; `near` are suggestions."""

    def __init__(self, message: str, near: Sequence[Place | City]) -> None:
        super().__init__(message)
        self.near = near
