"""The counted round: statements, commits and new connections per booking, apart from what is timed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.measure import Load, LoadError
from bench.systems import System
from scripts.call import call

COUNTED = "/bench/counts/"
Sessions = Callable[[System], int]
"how many sessions the database server ever gave to a system's databases"


@dataclass(frozen=True)
class Counts:
    """Per booking by part, but for the connections, which are per 1000 bookings of the whole system."""

    system: str
    bookings: int
    statements: dict[str, float]
    commits: dict[str, float]
    tcp: float
    database: float


def counts(load: Load, system: System, urls: Mapping[str, str], sessions: Sessions | None) -> Counts:
    """Run a load that is ready on services that count; `urls` are theirs by part.

    Without a database server, whose `sessions` could be asked, each opened file counts.
    """
    load.ready()
    before, opened = _ask(urls), sessions(system) if sessions else 0
    latencies = load.run()["latencies"]
    if not isinstance(latencies, list) or not latencies:
        raise LoadError(f"{system.name} booked nothing while it was counted")
    after = _ask(urls)
    made = {part: _difference(before[part], after[part]) for part in urls}
    connects = sessions(system) - opened if sessions else sum(each["connects"] for each in made.values())
    number = len(latencies)
    return Counts(
        system=system.name,
        bookings=number,
        statements={part: each["statements"] / number for part, each in made.items()},
        commits={part: each["commits"] / number for part, each in made.items()},
        tcp=sum(each["tcp"] for each in made.values()) * 1000 / number,
        database=connects * 1000 / number,
    )


def _ask(urls: Mapping[str, str]) -> dict[str, dict[str, int]]:
    return {part: call("GET", url + COUNTED)[1] for part, url in urls.items()}


def _difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    names = ("statements", "commits", "tcp", "connects")
    return {name: after.get(name, 0) - before.get(name, 0) for name in names}
