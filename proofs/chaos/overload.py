"""Ten times the load that the suite can take: `make overload` (DB=, SECONDS=, ONLY=bare|proxy).

The peak is what it does for clients who take turns. Then clients arrive at half the peak, at ten times the
peak whatever becomes of those before, and, from the moment at which that ends, at half the peak again.

On the backend's own port, where everybody waits for a place, nobody may get anything but a booking, 429, 503
or no answer at all, every booking that was answered is in the books, health checks are answered at an address
of their own, and within 30 s all is as before.
Behind the proxy as it is shipped (if nginx is installed) everybody gets an answer besides, those put off at
once, and bookings go on at 80 % of the peak, though the load takes its share of the same processors.
Last, 50 start at once where the backend has one thread. Exit code 0 when all of it was so, else 1.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from proofs.chaos.arena import Place, undisturbed
from proofs.chaos.desk import Desk
from proofs.chaos.front import nginx, proxied
from proofs.chaos.offers import find_offers
from proofs.chaos.progress import Progress
from proofs.chaos.standing import open_of_all, saga_ids, wait_until
from proofs.chaos.takeovers import percentile
from saga_checker.books import Books, Told
from saga_checker.invariants import check
from scripts.paths import ROOT
from scripts.ports import free_ports
from scripts.service import HOST, Service

TIMES, LEAST_GOODPUT, NORMAL_WITHIN = 10, 0.8, 30.0
CLIENTS, STARTS, AT_ONCE = 32, 50, 0.001
BOOKED, PUT_OFF, NO_ANSWER = (200, 202), (429, 503), 0
AT_ONCE_WITHIN = 0.5
"Seconds (p50) in which those behind the proxy know that they are put off."
PROBE_EVERY, PROBE_PATIENCE = 1.0, 5.0
"As in the compose file."
PLACES = {"bare": False, "proxy": True}
SLOWER, SLOWER_BY = 2.0, 0.05
"A second is as before while its median is no more than twice as long, and so many seconds."


class Heard(NamedTuple):
    at: float
    status: int
    "0 for no answer"
    seconds: float
    correlation_id: str = ""


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
    def booked(self) -> list[str]:
        """The sagas that clients were told of."""
        return [one.correlation_id for one in self.heard if one.status in BOOKED]

    def strange(self, *also: int) -> list[int]:
        """Answers, or 0 for none, that no client should get."""
        return sorted(set(self.statuses) - {*BOOKED, *PUT_OFF, *also})

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
    behind_proxy: bool = True
    probes: Sequence[float] = ()
    "seconds that each health check took in the rush, `inf` without an answer"
    lost: int = 0
    "bookings that were answered and are not in the books"

    @property
    def answered_probes(self) -> int:
        return sum(waited < float("inf") for waited in self.probes)

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
            bare_rush = phase is not self.before and not self.behind_proxy
            if strange := phase.strange(*[NO_ANSWER] * bare_rush):
                yield f"{name} there were answers that no client should get: {strange}"
        if self.behind_proxy:
            yield from self._complaints_of_the_proxy()
        if self.answered_probes < len(self.probes):
            yield "health checks were not answered"
        if self.normal_after is None or self.normal_after > NORMAL_WITHIN:
            yield f"it was not as before within {NORMAL_WITHIN:.0f} s"
        if self.lost:
            yield f"{self.lost} bookings were answered and lost"
        if self.violations:
            yield f"{self.violations} broken invariants"

    def _complaints_of_the_proxy(self) -> Iterator[str]:
        if self.share < LEAST_GOODPUT:
            yield f"bookings went on at {self.share:.0%} of the peak, at least {LEAST_GOODPUT:.0%} is asked"
        if (waited := self.rush.waited(0.5, *PUT_OFF)) > AT_ONCE_WITHIN:
            yield f"those put off knew it after {waited:.1f} s"


def _by_second(phase: Phase) -> Iterator[list[Heard]]:
    for second in range(int(phase.seconds)):
        yield [one for one in phase.heard if second <= one.at < second + 1]


def _is_calm(second: Sequence[Heard], usual: float) -> bool:
    booked = all(one.status in BOOKED for one in second)
    return booked and percentile((one.seconds for one in second), 0.5) <= usual


def measure(
    folder: Path, *, database: str, seconds: float, around: float, after: float, proxy: bool = False
) -> Overload:
    """`seconds` of the rush, `around` of each phase before it, `after` of the one after it."""
    with ExitStack() as stack:
        health = free_ports(1)[0]
        change = partial(_with_health_at, port=health)
        field = stack.enter_context(undisturbed(folder, database=database, environment={}, change=change))
        url = stack.enter_context(_behind_the_proxy(field, folder / "proxy")) if proxy else field.backend
        crowds = _Crowds(field, url)
        stack.enter_context(Progress(lambda: crowds.phase))
        crowds.come("warming up", around / 3, clients=CLIENTS)
        peak = crowds.come("peak", around, clients=CLIENTS)
        half, ten_times = peak.goodput / 2, peak.goodput * TIMES
        before = crowds.come("half the peak", around, rate=half)
        rushing = crowds.begin(f"{TIMES} times the peak", seconds, rate=ten_times)
        prober = stack.enter_context(ThreadPoolExecutor(1))
        probing = prober.submit(_probe, f"http://{HOST}:{health}", seconds)
        time.sleep(seconds)  # Its last are still waiting when those after it come.
        calm = crowds.come("half the peak again", after, rate=half)
        rush = rushing()
        # Its queue is full of clients who have gone: it would book for them while the books are checked.
        field.suite.stop_one("backend")
        wait_until(lambda: not open_of_all(field.databases["backend"]))
        answered = [saga for phase in crowds.seen for saga in phase.booked]
        lost = len(set(answered) - saga_ids(field.databases["backend"]))
        return Overload(peak, before, rush, calm, _violations(field, answered), proxy, probing.result(), lost)


@contextmanager
def _behind_the_proxy(field: Place, folder: Path) -> Iterator[str]:
    ports = {name: urlsplit(field.suite.url(name)).port or 0 for name in ("backend", "payment", "loyalty")}
    with proxied(folder, {**ports, "ui": ports["backend"]}) as urls:  # Nobody comes to the pages.
        yield urls["backend"]


def _probe(backend: str, seconds: float) -> list[float]:
    """Ask the service itself for its health, as its container does, for so long."""
    desk, until, waited = Desk(backend, patience=PROBE_PATIENCE), time.monotonic() + seconds, []
    while time.monotonic() + PROBE_EVERY < until:
        time.sleep(PROBE_EVERY)
        began = time.monotonic()
        answer = desk.get("/api/health/")
        waited.append(time.monotonic() - began if answer and answer.status == 200 else float("inf"))
    return waited


def start_at_once(folder: Path, *, database: str, count: int = STARTS) -> Phase:
    """So many at once where the backend has one thread."""
    with undisturbed(folder, database=database, environment={}, change=_with_one_thread) as field:
        return _Crowds(field, field.backend).come("on one thread", AT_ONCE, clients=count)


def _with_health_at(service: Service, port: int) -> Service:
    """As in its container: health checks have a queue of their own."""
    if service.name != "backend":
        return service
    return replace(service, command=(*service.command, "--bind", f"{HOST}:{port}"))


def _with_one_thread(service: Service) -> Service:
    if service.name != "backend":
        return service
    return replace(service, command=(*service.command, "--threads", "1"))


class _Crowds:
    def __init__(self, field: Place, url: str) -> None:
        self._url, self._flights = url, find_offers(field.backend).plenty
        self.phase = ""
        self.seen: list[Phase] = []

    def come(self, phase: str, seconds: float, **how: float) -> Phase:
        return self.begin(phase, seconds, **how)()

    def begin(self, phase: str, seconds: float, **how: float) -> Callable[[], Phase]:
        """What is returned waits for the last of them."""
        self.phase = phase
        options = {"url": self._url, "seed": phase.replace(" ", "-"), "seconds": seconds, **how}
        arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        crowd = subprocess.Popen(  # noqa: S603  our own module
            [sys.executable, "-m", "proofs.chaos.crowd", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert crowd.stdin is not None
        crowd.stdin.write(json.dumps(self._flights))
        crowd.stdin.close()
        crowd.stdin = None  # Nothing of it is left for `communicate` to send.

        def seen_off() -> Phase:
            said, _ = crowd.communicate()
            if crowd.returncode:
                raise subprocess.CalledProcessError(crowd.returncode, crowd.args)
            told = json.loads(said)
            self.seen.append(Phase(seconds, [Heard(*one) for one in told["heard"]], told["cpu"]))
            return self.seen[-1]

        return seen_off


def _violations(field: Place, answered: Sequence[str]) -> int:
    with Books(field.databases, Told(clients=answered, direct_calls=False, logs=[field.log])) as books:
        return sum(len(result.findings.violations) for result in check(books, snapshot=False))


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    complaints: list[str] = []
    with tempfile.TemporaryDirectory(prefix="overload-") as name:
        for place, proxy in PLACES.items():
            if given.only not in ("", place):
                continue
            if proxy and nginx() is None:
                _say("behind the proxy: SKIPPED, nginx is not installed")
                continue
            found = measure(
                Path(name) / place,
                database=given.db,
                seconds=given.seconds,
                around=given.around,
                after=given.after,
                proxy=proxy,
            )
            _tell(place, found)
            complaints += [f"{place}: {complaint}" for complaint in found.complaints]
        at_once = start_at_once(Path(name) / "thread", database=given.db)
    longest = at_once.waited(1.0, *at_once.statuses)
    _say(f"{STARTS} at once on one thread: {at_once.told}, the last after {longest:.1f} s")
    if set(at_once.statuses) != {200}:
        complaints.append("not all of those on one thread were finished")
    for complaint in complaints:
        _say(f"FAIL {complaint}")
    return int(bool(complaints))


def _tell(place: str, found: Overload) -> None:
    _say(f"{place}:")
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
        f" as before {normal}; {found.answered_probes} of {len(found.probes)} health checks answered;"
        f" {found.lost} lost, {found.violations} broken invariants"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="proofs.chaos.overload", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0, help="of the rush")
    parser.add_argument("--around", type=float, default=15.0, help="of each phase before it")
    parser.add_argument("--after", type=float, default=NORMAL_WITHIN + 10, help="of the phase after it")
    parser.add_argument("--only", choices=("", *PLACES), default="")
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
