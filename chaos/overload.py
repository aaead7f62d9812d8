"""Ten times the load that the suite can take: `make overload` (DB=, SECONDS=).

The peak is what it does for clients who take turns. Then clients arrive at half the peak, at ten times the
peak whatever becomes of those before, and at half the peak again. Meanwhile nobody may get anything but a
booking, 429 or 503; bookings have to go on at 80 % of the peak, though the load takes its share of the same
processors; and within 30 s of the end all has to be as before. Last, 50 start at once where the backend has
one thread. Exit code 0 when all of it was so, else 1.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from chaos.arena import Place, undisturbed
from chaos.offers import find_offers
from chaos.progress import Progress
from chaos.standing import open_sagas, statuses, wait_until
from chaos.takeovers import percentile
from saga_checker.books import Books, Told
from saga_checker.invariants import check
from scripts.paths import ROOT
from scripts.service import Service

TIMES, LEAST_GOODPUT, NORMAL_WITHIN = 10, 0.8, 30.0
CLIENTS, STARTS, AT_ONCE = 32, 50, 0.001
BOOKED, PUT_OFF = (200, 202), (429, 503)
SLOWER, SLOWER_BY = 2.0, 0.05
"A second is as before while its median is no more than twice as long, and so many seconds."


class Heard(NamedTuple):
    at: float
    status: int
    "0 for no answer"
    seconds: float


@dataclass(frozen=True)
class Phase:
    seconds: float
    heard: Sequence[Heard]
    cpu: float
    "seconds of CPU that the clients took"

    @property
    def goodput(self) -> float:
        """Bookings a second that were complete in an answer while the phase lasted."""
        return (
            sum(one.status == 200 and one.at + one.seconds <= self.seconds for one in self.heard)
            / self.seconds
        )

    @property
    def statuses(self) -> Counter[int]:
        return Counter(one.status for one in self.heard)

    @property
    def strange(self) -> list[int]:
        """Answers, or 0 for none, that no client should get."""
        return sorted(set(self.statuses) - {*BOOKED, *PUT_OFF})

    def waited(self, share: float, *among: int) -> float:
        return percentile((one.seconds for one in self.heard if one.status in among), share)

    @property
    def told(self) -> str:
        counts = sorted(self.statuses.items())
        return ", ".join(f"{count:,} x {status or 'no answer'}" for status, count in counts)

    def __str__(self) -> str:
        return (
            f"{self.goodput:.0f} bookings/s ({self.told}), p50 {self.waited(0.5, *BOOKED):.3f} s,"
            f" p99 {self.waited(0.99, *BOOKED):.3f} s, clients' CPU {self.cpu / self.seconds:.2f}"
        )


@dataclass(frozen=True)
class Overload:
    peak: Phase
    before: Phase
    rush: Phase
    after: Phase
    violations: int

    @property
    def share(self) -> float:
        return self.rush.goodput / self.peak.goodput

    @property
    def normal_after(self) -> float | None:
        """Seconds from the end of the rush; None if it never was as before."""
        usual = SLOWER * self.before.waited(0.5, *BOOKED) + SLOWER_BY
        calm = list(takewhile(lambda second: _is_calm(second, usual), reversed(list(_by_second(self.after)))))
        return self.after.seconds - len(calm) if calm else None

    @property
    def complaints(self) -> Iterator[str]:
        for name, phase in (("before", self.before), ("in the rush", self.rush), ("after", self.after)):
            if phase.strange:
                yield f"{name} there were answers that no client should get: {phase.strange}"
        if self.share < LEAST_GOODPUT:
            yield f"bookings went on at {self.share:.0%} of the peak, at least {LEAST_GOODPUT:.0%} is asked"
        if self.normal_after is None or self.normal_after > NORMAL_WITHIN:
            yield f"it was not as before within {NORMAL_WITHIN:.0f} s"
        if self.violations:
            yield f"{self.violations} broken invariants"


def _by_second(phase: Phase) -> Iterator[list[Heard]]:
    for second in range(int(phase.seconds)):
        yield [one for one in phase.heard if second <= one.at < second + 1]


def _is_calm(second: Sequence[Heard], usual: float) -> bool:
    booked = all(one.status in BOOKED for one in second)
    return booked and percentile((one.seconds for one in second), 0.5) <= usual


def measure(folder: Path, *, database: str, seconds: float, around: float) -> Overload:
    """`around` are the seconds of each other phase."""
    with undisturbed(folder, database=database, environment={}) as field:
        crowds = _Crowds(field)
        with Progress(lambda: crowds.phase):
            crowds.come("warming up", around / 3, clients=CLIENTS)
            peak = crowds.come("peak", around, clients=CLIENTS)
            half, ten_times = peak.goodput / 2, peak.goodput * TIMES
            before = crowds.come("half the peak", around, rate=half)
            rush = crowds.come(f"{TIMES} times the peak", seconds, rate=ten_times)
            after = crowds.come("half the peak again", 2 * around, rate=half)
        wait_until(lambda: not open_sagas(statuses(field.databases["backend"])))
        return Overload(peak, before, rush, after, _violations(field))


def start_at_once(folder: Path, *, database: str, count: int = STARTS) -> Phase:
    """So many at once where the backend has one thread."""
    with undisturbed(folder, database=database, environment={}, change=_with_one_thread) as field:
        return _Crowds(field).come("on one thread", AT_ONCE, clients=count)


def _with_one_thread(service: Service) -> Service:
    if service.name != "backend":
        return service
    return replace(service, command=(*service.command, "--threads", "1"))


class _Crowds:
    def __init__(self, field: Place) -> None:
        self._url, self._flights = field.backend, find_offers(field.backend).plenty
        self.phase = ""

    def come(self, phase: str, seconds: float, **how: float) -> Phase:
        self.phase = phase
        options = {"url": self._url, "seed": phase.replace(" ", "-"), "seconds": seconds, **how}
        arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        came = subprocess.run(  # noqa: S603  our own module
            [sys.executable, "-m", "chaos.crowd", *arguments],
            cwd=ROOT,
            input=json.dumps(self._flights),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        told = json.loads(came.stdout)
        return Phase(seconds, [Heard(*one) for one in told["heard"]], told["cpu"])


def _violations(field: Place) -> int:
    with Books(field.databases, Told(direct_calls=False, logs=[field.log])) as books:
        return sum(len(result.findings.violations) for result in check(books, snapshot=False))


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="overload-") as name:
        found = measure(Path(name) / "rush", database=given.db, seconds=given.seconds, around=given.around)
        at_once = start_at_once(Path(name) / "thread", database=given.db)
    _tell(found, at_once)
    complaints = list(found.complaints)
    if set(at_once.statuses) != {200}:
        complaints.append("not all of those on one thread were finished")
    for complaint in complaints:
        _say(f"FAIL {complaint}")
    return int(bool(complaints))


def _tell(found: Overload, at_once: Phase) -> None:
    phases = (
        (f"{CLIENTS} clients in turn", found.peak),
        ("half the peak", found.before),
        (f"{TIMES} times the peak", found.rush),
        ("half the peak again", found.after),
    )
    for name, phase in phases:
        _say(f"{name:<20} {phase.seconds:4.0f} s  {phase}")
    normal = "never" if found.normal_after is None else f"{found.normal_after:.0f} s after the rush"
    _say(
        f"goodput {found.share:.0%} of the peak; who was put off knew it after"
        f" {found.rush.waited(0.5, *PUT_OFF):.3f} s (p50), {found.rush.waited(0.99, *PUT_OFF):.3f} s (p99);"
        f" as before {normal}; {found.violations} broken invariants"
    )
    longest = at_once.waited(1.0, *at_once.statuses)
    _say(f"{STARTS} at once on one thread: {at_once.told}, the last after {longest:.1f} s")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chaos.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="of the rush")
    parser.add_argument("--around", type=float, default=15.0, help="of each phase around it")
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
