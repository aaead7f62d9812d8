"""Ten times the load that the suite can take, for two minutes: `make overload` (SECONDS=, DB=).

First what it can take is measured. Exit code 0 when every answer was 200, 202, 429 or 503, when at least 80 %
of the peak's bookings were still made, when service was normal again within 30 s, and when the checker finds
nothing; else 1.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from chaos.arena import undisturbed
from chaos.flood import Flood
from chaos.offers import find_offers
from chaos.profiles import TERMINAL_WITHIN
from chaos.standing import open_sagas, statuses
from chaos.takeovers import percentile
from saga_checker.books import Books, Told
from saga_checker.invariants import check

TIMES = 10
CLIENTS = 16
"As many at a time as the suite answers fastest: more of them only wait."
WARM_UP, PEAK, WINDOW = 5.0, 20.0, 3.0
ALLOWED = {200, 202, 429, 503}
LEAST_GOODPUT, NORMAL_WITHIN = 0.8, 30.0


@dataclass(frozen=True)
class Measured:
    peak: float
    "bookings a second"
    goodput: float
    "bookings a second under overload"
    statuses: dict[int, int]
    waited: tuple[float, float]
    "p50 and p99 of a booking's seconds under overload"
    normal_after: float | None
    "seconds from the end of the overload until bookings came at 80 % of the peak, none refused"
    violations: int

    def failures(self) -> Iterator[str]:
        if others := {status: count for status, count in self.statuses.items() if status not in ALLOWED}:
            yield f"other answers than {sorted(ALLOWED)}: {others}"
        if self.goodput < LEAST_GOODPUT * self.peak:
            yield f"goodput {self.goodput / self.peak:.0%} of the peak"
        if self.normal_after is None:
            yield f"not back to normal within {NORMAL_WITHIN:.0f} s"
        if self.violations:
            yield f"{self.violations} violations"


def measure(folder: Path, *, database: str, seconds: float) -> Measured:
    with undisturbed(folder, database=database, environment={}) as field:
        flood = Flood(field.backend, find_offers(field.backend).plenty)
        peak, goodput, began, normal_after = asyncio.run(_load(flood, seconds))
        _wait_until_quiet(lambda: open_sagas(statuses(field.databases["backend"])))
        with Books(field.databases, Told(direct_calls=False, logs=[field.log])) as books:
            results = check(books, snapshot=False)
    booked = [one.seconds for one in flood.served if one.status == 200 and one.at >= began]
    return Measured(
        peak=peak,
        goodput=goodput,
        statuses=dict(flood.statuses(since=began)),
        waited=(percentile(booked, 0.5), percentile(booked, 0.99)),
        normal_after=normal_after,
        violations=sum(len(result.findings.violations) for result in results),
    )


async def _load(flood: Flood, seconds: float) -> tuple[float, float, float, float | None]:
    await flood.in_turn(CLIENTS, WARM_UP)
    peak = await _goodput(flood, PEAK)
    began = time.monotonic()
    await flood.at_rate(TIMES * peak, seconds)
    goodput = flood.statuses(began, began + seconds)[200] / seconds
    return peak, goodput, began, await _normal_after(flood, peak)


async def _goodput(flood: Flood, seconds: float) -> float:
    began = time.monotonic()
    await flood.in_turn(CLIENTS, seconds)
    return flood.statuses(since=began)[200] / (time.monotonic() - began)


async def _normal_after(flood: Flood, peak: float) -> float | None:
    ended = time.monotonic()
    while (begun := time.monotonic()) - ended < NORMAL_WITHIN:
        goodput = await _goodput(flood, WINDOW)
        if goodput >= LEAST_GOODPUT * peak and set(flood.statuses(since=begun)) == {200}:
            return begun - ended
    return None


def _wait_until_quiet(left: Callable[[], int]) -> None:
    """What is still open then, the checker reports."""
    deadline = time.monotonic() + TERMINAL_WITHIN
    while left() and time.monotonic() < deadline:
        time.sleep(0.2)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="chaos.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="saga-overload-") as name:
        found = measure(Path(name), database=options.db, seconds=options.seconds)
    normal = "never" if found.normal_after is None else f"{found.normal_after:.1f} s"
    _say(f"peak {found.peak:.0f} bookings/s with {CLIENTS} clients; offered {TIMES * found.peak:.0f}/s")
    _say(f"goodput {found.goodput:.0f}/s, {found.goodput / found.peak:.0%} of the peak")
    _say(f"answers {found.statuses}; a booking took p50 {found.waited[0]:.2f} s, p99 {found.waited[1]:.2f} s")
    _say(f"back to normal after {normal}; {found.violations} violations")
    failures = list(found.failures())
    for failure in failures:
        _say(f"FAIL {failure}")
    return int(bool(failures))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
