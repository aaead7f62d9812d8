"""Cities with several airports that are flown to, each searched by one code (IATA's metropolitan codes)."""

from collections.abc import Collection
from dataclasses import dataclass

from flight.search.folding import fold


@dataclass(frozen=True)
class City:
    code: str
    name: str
    country: str
    airports: tuple[str, ...]


CITIES = {
    city.code: city
    for city in (
        City("LON", "London", "GB", ("LHR", "LGW")),
        City("NYC", "New York", "US", ("JFK", "EWR")),
        City("TYO", "Tokyo", "JP", ("HND", "NRT")),
    )
}


def airports_of(code: str) -> tuple[str, ...]:
    """The airports that a code stands for."""
    return CITIES[code].airports if code in CITIES else (code,)


def city_code(airport: str) -> str:
    """The code of an airport's city; empty where it is the only airport of a city."""
    return next((city.code for city in CITIES.values() if airport in city.airports), "")


def named(folded: Collection[str]) -> list[City]:
    return [city for city in CITIES.values() if fold(city.name) in folded]


def matching(text: str) -> list[City]:
    """The cities whose name begins as typed, or whose code is."""
    typed = fold(text)
    return [
        city
        for city in CITIES.values()
        if typed and (fold(city.name).startswith(typed) or typed == fold(city.code))
    ]
