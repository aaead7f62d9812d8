"""Replicas of each service and workers of the scale-out engine, on one PostgreSQL server."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psycopg
import requests

from proofs.e2e.balancer import Balancer
from scripts.booking_suite import GUNICORN, Config, folder, settings_of
from scripts.console import Console
from scripts.paths import VENV_PYTHON
from scripts.ports import free_ports
from scripts.postgres import Server, private_server
from scripts.prepare import prepare
from scripts.service import HOST, Service
from scripts.suite import Suite

PACKAGES = {"backend": "flight", "payment": "payment", "loyalty": "loyalty"}
POLL = 0.1
OWNED = "SELECT correlation_id, epoch, owner FROM sagas_saga WHERE due_at IS NOT NULL AND owner <> ''"
# A settlement that was put off for a day is no work that is left.
OPEN = "SELECT COUNT(*) FROM sagas_saga WHERE due_at < now() + INTERVAL '1 hour'"
EPOCHS = "SELECT correlation_id, epoch, due_at IS NULL FROM sagas_saga WHERE correlation_id = ANY(%s)"
BY_STATUS = "SELECT status, COUNT(*) FROM sagas_saga GROUP BY status"


@dataclass(frozen=True)
class Replicas:
    suite: Suite
    server: Server
    databases: Mapping[str, str]
    ports: Mapping[str, int]

    def url(self, name: str) -> str:
        """Of a service's balancer."""
        return f"http://{HOST}:{self.ports[name]}"

    def put_faults(self, name: str, *faults: Mapping[str, Any]) -> None:
        """In a service's database, and so in each replica. Raises HTTPError when it is refused."""
        url = self.url(name) + "/api/demo/faults/"
        requests.put(url, json={"faults": faults}, timeout=10).raise_for_status()

    def read(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.databases["backend"]) as connection:
            return connection.execute(sql.encode(), parameters).fetchall()

    def pids(self) -> dict[str, int]:
        """Of the process that each replica began as, and of the database server."""
        running = {name: pid for name in self.suite.names if (pid := self.suite.pid(name))}
        return {**running, "postgresql": self.server.pid}

    def statuses(self) -> dict[str, int]:
        return dict(self.read(BY_STATUS))

    def wait_until_quiet(self, within: float) -> None:
        deadline = time.monotonic() + within
        while self.read(OPEN) != [(0,)]:
            assert time.monotonic() < deadline, f"still open: {self.read(OPEN)}"
            time.sleep(POLL)

    def kill(self, name: str) -> list[tuple[str, int]]:
        """SIGKILL, for good; the sagas that it owned, with their epochs."""
        self.suite.kill(name)
        owned = self.read(OWNED)
        return [(saga, epoch) for saga, epoch, owner in owned if not _lives(owner)]

    def wait_until_taken(self, orphans: list[tuple[str, int]], within: float) -> float:
        """Seconds until another process has claimed each of these sagas."""
        began, epochs = time.monotonic(), dict(orphans)
        while left := self._untaken(epochs):
            assert time.monotonic() - began < within, f"nobody took {left} within {within} s"
            time.sleep(POLL)
        return time.monotonic() - began

    def _untaken(self, epochs: Mapping[str, int]) -> list[str]:
        rows = self.read(EPOCHS, list(epochs))
        return [saga for saga, epoch, ended in rows if epoch == epochs[saga] and not ended]


def _lives(owner: str) -> bool:
    """Whether the process that this owner names still runs; what is dead may wait to be reaped."""
    try:
        stat = Path("/proc", owner.rpartition(":")[2], "stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


@contextmanager
def replicas(data_dir: Path, *, each: int, workers: int, **environment: str) -> Iterator[Replicas]:
    """`each` replicas of backend, payment and loyalty, and so many workers; all are ready."""
    with ExitStack() as stack:
        server = stack.enter_context(private_server())
        databases = server.make_databases(tuple(PACKAGES))
        beside = Config.beside(data_dir, SAGA_ENGINE="procrastinate", **environment)
        config = replace(beside, databases=databases)
        console = Console(stack.enter_context((data_dir / "suite.log").open("w", encoding="utf-8")))
        prepare(config, console, seed=False)
        services = _services(config, each, workers)
        for name in PACKAGES:
            ports = [one.port for one in services if one.name.startswith(name) and one.port]
            stack.enter_context(Balancer(config.ports[name], ports))
        suite = Suite(services, data_dir=data_dir, console=console, restart=False)
        stack.callback(suite.stop)
        suite.start()
        yield Replicas(suite, server, databases, config.ports)


def _services(config: Config, each: int, workers: int) -> list[Service]:
    ports = iter(free_ports(each * len(PACKAGES)))
    servers = [
        _server(config, name, number, next(ports)) for name in PACKAGES for number in range(1, each + 1)
    ]
    return [*servers, *(_worker(config, number) for number in range(1, workers + 1))]


def _server(config: Config, name: str, number: int, port: int) -> Service:
    package = PACKAGES[name]
    bind = ("--bind", f"{HOST}:{port}", f"{package}.wsgi:application")
    environment = settings_of(config, name, package)
    return Service(f"{name}-{number}", (*GUNICORN, *bind), folder(name), environment, port)


def _worker(config: Config, number: int) -> Service:
    command = (str(VENV_PYTHON), "manage.py", "run_recovery")
    return Service(f"worker-{number}", command, folder("backend"), settings_of(config, "backend", "flight"))
