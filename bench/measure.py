"""One measurement: a load on one system, with the CPU time of its processes."""

import json
import statistics
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bench import machine
from bench.postgres import Postgres
from bench.systems import DATABASE, ORCHESTRATOR, STORE, System
from scripts.paths import ROOT, VENV_PYTHON
from scripts.suite import Suite

CLEAN = 0.01
"share of bookings that may fail in a round that counts"


class LoadError(Exception):
    """The load could not run, or nothing was booked; the message says why."""


@dataclass(frozen=True)
class Sample:
    """What one system did under one load. Times in ms; `cpu` is ms per booking by part."""

    system: str
    clients: int
    bookings: int
    failed: int
    rate: float
    p50: float
    p95: float
    p99: float
    cpu: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.cpu.values())

    @property
    def store(self) -> float:
        """The orchestrator and its database, without what the participants cost."""
        return sum(self.cpu.get(part, 0.0) for part in ORCHESTRATOR)

    @property
    def is_clean(self) -> bool:
        return self.failed <= CLEAN * (self.bookings + self.failed)


class Load:
    """The load's process. `ready` returns when it has warmed up, `run` when every answer is in."""

    def __init__(self, system: System, flights: Iterable[int], clients: int, **options: float) -> None:
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        ids = ",".join(str(flight) for flight in flights)
        command = [str(VENV_PYTHON), "-m", "bench.load", system.url, "--flights", ids]
        command += ["--clients", str(clients), *words]
        self._process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ready(self) -> None:
        assert self._process.stdout
        if self._process.stdout.readline().strip() != "ready":
            raise LoadError("the load ended while it warmed up")

    def run(self) -> dict[str, object]:
        output, _ = self._process.communicate("go\n")
        if self._process.returncode:
            raise LoadError("the load ended with an error; see above")
        result: dict[str, object] = json.loads(output)
        return result


def cpu_by_part(suite: Suite, system: System, server: Postgres | None) -> dict[str, float]:
    """CPU seconds so far by part. Nothing without /proc."""
    if not machine.has_proc():
        return {}
    heads = {part: pid for name, part in system.parts.items() if (pid := suite.pid(name))}
    if server is None or not system.on_server:
        return machine.cpu_seconds(heads)
    found = machine.cpu_seconds({**heads, DATABASE: server.pid})
    stored = machine.cpu_of([pid for name in system.databases[:1] for pid in server.backends(name)])
    found[STORE] = found.get(STORE, 0.0) + stored
    found[DATABASE] -= stored
    return found


def measure(load: Load, system: System, clients: int, cpu: Callable[[], dict[str, float]]) -> Sample:
    """Run a load that is ready."""
    load.ready()
    before = cpu()
    result = load.run()
    after = cpu()
    latencies, failed = result["latencies"], result["failed"]
    assert isinstance(latencies, list) and isinstance(failed, int)
    if not latencies:
        raise LoadError(f"{system.name} booked nothing: {result['example']}")
    bookings = len(latencies)
    return Sample(
        system=system.name,
        clients=clients,
        bookings=bookings,
        failed=failed,
        rate=bookings / float(str(result["seconds"])),
        **percentiles(latencies),
        cpu={part: (after[part] - before[part]) * 1000 / bookings for part in after},
    )


def percentiles(seconds: list[float]) -> dict[str, float]:
    """In ms."""
    if len(seconds) < 2:
        return dict.fromkeys(("p50", "p95", "p99"), seconds[0] * 1000)
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50": cuts[49] * 1000, "p95": cuts[94] * 1000, "p99": cuts[98] * 1000}
