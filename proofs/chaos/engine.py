"""How soon an engine works as before when something has failed: `make chaos-engine` (ENGINE=, RATE=).

Bookings are only accepted by requests, at a steady rate, and run by two workers on PostgreSQL. Then something
fails, one thing after the other, and nothing is restarted by hand. The rate at which sagas end is taken from
their events: before the fault, and after it, until it is at least 95 % of that again. Exit code 0 when that
took no longer than 10 s each time and every saga ended, else 1.
"""

import argparse
import sys
import tempfile
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path

import psycopg

from proofs.chaos import postgres_faults
from proofs.chaos.arena import Place, undisturbed
from proofs.chaos.clock import Clock
from proofs.chaos.desk import Desk
from proofs.chaos.given import START
from proofs.chaos.offers import find_offers
from proofs.chaos.outages import SERVICES
from proofs.chaos.progress import Progress
from proofs.chaos.standing import open_of_all, wait_until
from proofs.chaos.travellers import booking
from proofs.chaos.vandal import OnPostgres
from proofs.threads import working

RATE, CLIENTS, WORKERS = 8.0, 8, ("recovery", "recovery-2")
CALM, WATCHED, WINDOW = 8.0, 15.0, 3.0
"Seconds before a fault, after it, and over which a rate is taken."
AS_BEFORE, WITHIN = 0.95, 10.0
LASTS, AT_ONCE = 3.0, 150
ENDS = """
    SELECT finished_at FROM sagas_saga WHERE name = 'book-trip' AND finished_at IS NOT NULL
    ORDER BY finished_at"""


@dataclass(frozen=True)
class Measured:
    fault: str
    before: float
    "sagas that ended a second"
    after: float
    "the same, over the ten seconds that followed"
    seconds: float | None
    "until it was as before; None if it never was"

    @property
    def is_good(self) -> bool:
        return self.seconds is not None and self.seconds <= WITHIN

    def __str__(self) -> str:
        took = "never" if self.seconds is None else f"{self.seconds:.1f} s"
        share = self.after / self.before if self.before else 0
        return f"| {self.fault} | {self.before:.1f} | {self.after:.1f} | {share:.0%} | {took} |"


def measured(fault: str, ends: Sequence[float], began: float, over: float) -> Measured:
    """From the moments at which sagas ended, in order."""

    def rate(start: float, end: float) -> float:
        return (bisect_left(ends, end) - bisect_left(ends, start)) / (end - start)

    before = rate(began - CALM, began)
    pauses = [tenth / 10 for tenth in range(int((WATCHED - WINDOW) * 10) + 1)]
    soon = (one for one in pauses if rate(over + one, over + one + WINDOW) >= AS_BEFORE * before)
    return Measured(fault, before, rate(over, over + WITHIN), next(soon, None) if before else None)


class Trial:
    """The faults, each of which returns when it is over."""

    def __init__(self, field: Place, book: Callable[[], object]) -> None:
        assert isinstance(field.spoiled, OnPostgres)
        self._field, self._server, self._book = field, field.spoiled.server, book

    def restart(self) -> None:
        self._server.restart()

    def crash(self) -> None:
        self._server.restart(mode="immediate")

    def cut(self) -> None:
        for _ in range(int(LASTS * 10)):
            postgres_faults.cut(self._server, SERVICES)
            time.sleep(0.1)

    def worker_dies(self) -> None:
        self._field.suite.kill(WORKERS[0])

    def workers_die_again_and_again(self) -> None:
        for turn in range(6):
            self._field.suite.kill(WORKERS[turn % 2])
            time.sleep(LASTS / 6)

    def overload(self) -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda _: self._book(), range(AT_ONCE)))


FAULTS = {
    "PostgreSQL restarted": Trial.restart,
    "PostgreSQL crashed": Trial.crash,
    "ten connections a second cut": Trial.cut,
    "a worker killed": Trial.worker_dies,
    "the workers killed six times": Trial.workers_die_again_and_again,
    f"{AT_ONCE} bookings at once": Trial.overload,
}


def measure(folder: Path, *, engine: str, rate: float) -> list[Measured]:
    """Raises NotTerminalError."""
    environment = {"SAGA_ENGINE": engine}
    with undisturbed(folder, database="postgres", environment=environment, workers=WORKERS) as field:
        desk, flights, numbers = Desk(field.backend), find_offers(field.backend).plenty, count()

        def book() -> object:
            number = next(numbers)
            body = booking(flights[number % len(flights)], f"traveller-{number % 40}")
            return desk.post(START, body, Prefer="respond-async")

        trial, clock, spans = Trial(field, book), Clock(), dict[str, tuple[float, float]]()
        with Progress(lambda: f"{clock():.0f} s, {len(spans)}/{len(FAULTS)} faults"), _steadily(book, rate):
            for name, fault in FAULTS.items():
                time.sleep(CALM)
                began = clock()
                fault(trial)
                spans[name] = (began, clock())
                time.sleep(WATCHED)
        log = field.databases["backend"]
        wait_until(lambda: not open_of_all(log))
        ends = [clock.of(moment) for moment in _ends(log)]
    return [measured(name, ends, *span) for name, span in spans.items()]


def _steadily(book: Callable[[], object], rate: float) -> AbstractContextManager[None]:
    """So many a second, whatever becomes of them."""

    def client(number: int, stop: threading.Event) -> None:
        due = time.monotonic() + number / rate
        while not stop.wait(max(0.0, due - time.monotonic())):
            book()
            due = max(due + CLIENTS / rate, time.monotonic())

    return working([partial(client, number) for number in range(CLIENTS)])


def _ends(log: str) -> list[datetime]:
    with psycopg.connect(log) as connection:
        return [moment for (moment,) in connection.execute(ENDS)]


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="saga-engine-") as name:
        found = measure(Path(name), engine=options.engine, rate=options.rate)
    sys.stdout.write(f"ENGINE={options.engine}, {options.rate:g} bookings a second\n")
    sys.stdout.write("| fault | before | in the 10 s after | | as before after |\n")
    for one in found:
        sys.stdout.write(f"{one}\n")
    return int(not all(one.is_good for one in found))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="proofs.chaos.engine", description=__doc__)
    parser.add_argument("--engine", choices=("local", "procrastinate"), default="local")
    parser.add_argument("--rate", type=float, default=RATE)
    return parser


if __name__ == "__main__":
    sys.exit(main())
