"""The rounds: each system in turn under each load, so that a drift of the machine meets them all."""

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

from bench import engines, machine, systems
from bench.counts import Counts, Sessions, counts
from bench.measure import Load, Sample, cpu_by_part, measure
from bench.plan import Plan
from bench.postgres import Postgres, postgres
from bench.systems import Place, Stage, System
from scripts.call import call
from scripts.console import Console
from scripts.paths import ROOT
from scripts.postgres import find_binaries
from scripts.suite import Suite

DAYS = range(10, 58)
# All of them together have seats for well over 100,000 bookings.
ROUTES = (
    ("DFW", "ORD"),
    ("ORD", "DFW"),
    ("LHR", "JFK"),
    ("JFK", "LHR"),
    ("ATL", "LAX"),
    ("LAX", "ATL"),
    ("HND", "ICN"),
    ("ICN", "HND"),
)
CROWD = 32
START_WITHIN = 240.0
"seconds; a busy machine takes its time"


@dataclass
class Result:
    """Everything that a run found out."""

    began: str
    machine: str
    samples: list[Sample] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)
    memory: dict[str, dict[str, float]] = field(default_factory=dict)
    "MB by process of the suite, at the start and at the end"


@dataclass
class Bench:
    plan: Plan
    console: Console
    stage: Stage
    folder: Path
    server: Postgres | None
    booked: int = 0

    def flights(self, ahead: range = DAYS, routes: Sequence[tuple[str, str]] = ROUTES[:1]) -> list[int]:
        """Flights with room, on so many days ahead, for which there is a schedule."""
        url = next(each.url for each in self.stage.services if each.name.endswith("-backend"))
        today = datetime.now(UTC).date()
        found = []
        for (origin, destination), days in product(routes, ahead):
            query = f"origin={origin}&destination={destination}&depart_date={today + timedelta(days=days)}"
            _, answer = call("GET", f"{url}/api/flights/search/?{query}")
            found += [int(flight["id"]) for flight in answer["results"]]
        return found

    def timed(self, result: Result) -> None:
        with self.running(self.stage) as suite:
            flights = self.flights()
            result.memory["start"] = self.memory(suite)
            for number in range(self.plan.rounds):
                for clients in self.plan.clients:
                    for system in self.stage.systems:
                        self.console.say(self._progress(number, clients, system))
                        sample = self._sample(suite, system, clients, flights)
                        self.console.say(f"    {sample.rate:.0f} bookings/s, {sample.total:.2f} ms CPU each")
                        result.samples.append(sample)
            result.memory["end"] = self.memory(suite)

    def counted(self, result: Result) -> None:
        stage = engines.without(self.stage)
        stage = replace(stage, services=[systems.counted(each) for each in stage.services])
        with self.running(stage) as suite:
            flights = self.flights()
            for system in stage.systems:
                self.console.say(f"Counting {system.name}")
                # Once as many at a time as ever, so that every thread has its connections.
                crowd = self.load(system, CROWD, flights, seconds=1.0)
                crowd.ready()
                crowd.run()
                load = self.load(system, 8, flights, seconds=3600, bookings=self.plan.counted)
                urls = {
                    part: suite.url(name)
                    for name, part in system.parts.items()
                    if name != systems.LOOP and part != "recovery"
                }
                result.counts.append(counts(load, system, urls, self._sessions(system)))

    def _sample(self, suite: Suite, system: System, clients: int, flights: list[int]) -> Sample:
        load = self.load(system, clients, flights, seconds=self.plan.seconds)
        return measure(load, system, clients, lambda: cpu_by_part(suite, system, self.server))

    def load(self, system: System, clients: int, flights: list[int], **options: float) -> Load:
        self.booked += 1
        # Each load begins at another flight, so that none fills up before the others.
        first = self.booked * 7919
        return Load(system, flights, clients, warmup=self.plan.warmup, first=first, **options)

    def _progress(self, number: int, clients: int, system: System) -> str:
        return f"Round {number + 1} of {self.plan.rounds}, {clients} clients: {system.name}"

    def memory(self, suite: Suite) -> dict[str, float]:
        """MB by process of the suite."""
        if not machine.has_proc():
            return {}
        names = [each.name for each in self.stage.services if each.name.startswith(systems.OURS)]
        return machine.memory({name: pid for name in names if (pid := suite.pid(name))})

    def _sessions(self, system: System) -> Sessions | None:
        server = self.server
        if server is None or not system.on_server:
            return None
        return lambda system: sum(server.sessions().get(name, 0) for name in system.databases)

    @contextmanager
    def running(self, stage: Stage) -> Iterator[Suite]:
        with self.folder.joinpath("log").open("a") as log:
            suite = Suite(stage.services, data_dir=self.folder, console=Console(log), restart=False)
            suite.start(within=START_WITHIN)
            try:
                yield suite
            finally:
                suite.stop()


def run(plan: Plan, console: Console) -> Result:
    result = Result(began=datetime.now(UTC).isoformat(timespec="seconds"), machine=machine.describe())
    if not machine.has_proc():
        console.say("This system has no /proc: CPU and memory are left out.")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        for_engines = plan.engines and find_binaries() is not None
        server = stack.enter_context(postgres()) if plan.postgres or for_engines else None
        stage = build(plan, folder, server, stack, console)
        console.say("Preparing the databases")
        systems.prepare(stage)
        bench = Bench(plan, console, stage, folder, server)
        bench.timed(result)
        bench.counted(result)
    return result


def build(plan: Plan, folder: Path, server: Postgres | None, stack: ExitStack, console: Console) -> Stage:
    stage, place = Stage(), Place(folder, server if plan.postgres else None)
    systems.suite(stage, place, ui=not plan.base)
    if plan.base:
        systems.suite(stage, place, name="base", root=stack.enter_context(checkout(plan.base, folder)))
    else:
        systems.loop(stage, place)
        systems.textbook(stage, place)
    if plan.engines:
        engines.engines(stage, server, shared=plan.postgres, say=console.say)
    return stage


@contextmanager
def checkout(revision: str, folder: Path) -> Iterator[Path]:
    """Another revision's files in a worktree of their own."""
    place = folder / "revision"
    git = ("git", "-C", str(ROOT), "worktree")
    subprocess.run([*git, "add", "--quiet", "--detach", str(place), revision], check=True)
    try:
        yield place
    finally:
        subprocess.run([*git, "remove", "--force", str(place)], check=True)
