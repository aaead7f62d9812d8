"""Every airport with an IATA code, from the airportsdata package (MIT licence, no network)."""

from dataclasses import dataclass
from functools import cache

import airportsdata

# Airports that lie in another municipality than the city that travellers search for.
_MARKETED_CITIES = {"YYZ": "Toronto", "IST": "Istanbul", "CDG": "Paris", "NRT": "Tokyo"}


@dataclass(frozen=True)
class Place:
    iata: str
    name: str
    city: str
    region: str
    country: str
    latitude: float
    longitude: float
    time_zone: str


@cache
def places() -> dict[str, Place]:
    """All airports by their IATA code."""
    return {code: _place(code, row) for code, row in airportsdata.load("IATA").items()}


def _place(code: str, row: airportsdata.Airport) -> Place:
    return Place(
        iata=code,
        name=row["name"],
        city=_MARKETED_CITIES.get(code, row["city"]),
        region=row["subd"],
        country=row["country"],
        latitude=row["lat"],
        longitude=row["lon"],
        time_zone=row["tz"],
    )
