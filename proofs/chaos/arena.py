"""The suite as in production, but on free ports and in a folder of its own."""

import compileall
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from proofs.chaos.clock import Clock
from proofs.chaos.network import Network
from proofs.chaos.plan import CALLERS, EDGES, PARTICIPANTS, Plan
from scripts.booking_suite import SERVERS, Config, folder, services
from scripts.console import Console
from scripts.paths import KIT, SAGAS
from scripts.ports import free_ports
from scripts.postgres import private_server
from scripts.prepare import prepare
from scripts.service import HOST, Service
from scripts.suite import Suite

LONGEST_PAUSE = 0.5
"Dead processes are restarted at once."
DATABASES = ("backend", "payment", "loyalty")


@dataclass(frozen=True)
class Place:
    """The suite, running and ready, and where the checker finds what it wrote."""

    suite: Suite
    databases: Mapping[str, str]
    log: Path

    @property
    def backend(self) -> str:
        return self.suite.url("backend")


@dataclass(frozen=True)
class Arena(Place):
    network: Network


@dataclass(frozen=True)
class _Ground:
    config: Config
    console: Console
    databases: Mapping[str, str]
    log: Path


@contextmanager
def arena(
    folder: Path, plan: Plan, clock: Clock, *, database: str, environment: Mapping[str, str]
) -> Iterator[Arena]:
    """With a proxy on each edge; everything is ended on leaving."""
    with _prepared(folder, database, environment) as ground:
        ports = dict(zip(EDGES, free_ports(len(EDGES)), strict=True))
        upstream = {edge: ground.config.ports[edge.partition("-")[2]] for edge in EDGES}
        proxies = {edge: (ports[edge], upstream[edge]) for edge in EDGES}
        chosen = [_proxied(one, ports) for one in _without_pages(ground)]
        with Network(proxies, plan, clock) as network, _running(ground, chosen) as suite:
            yield Arena(suite, ground.databases, ground.log, network)


@contextmanager
def undisturbed(
    folder: Path,
    *,
    database: str,
    environment: Mapping[str, str],
    change: Callable[[Service], Service] = lambda service: service,
) -> Iterator[Place]:
    """Without proxies; everything is ended on leaving. `change` may start a service otherwise."""
    with _prepared(folder, database, environment) as ground:
        chosen = [change(one) for one in _without_pages(ground)]
        with _running(ground, chosen) as suite:
            yield Place(suite, ground.databases, ground.log)


def compile_services() -> None:
    """As the images are. Without, where PYTHONDONTWRITEBYTECODE is set, whoever is killed compiles itself
    at each start anew, which takes longer than the rest of the start."""
    shared = (SAGAS / "django_sagas", KIT / "service_kit")
    for package in (*shared, *(folder(name) / package for name, package, _ in SERVERS)):
        compileall.compile_dir(package, quiet=1)


@contextmanager
def _prepared(place: Path, database: str, environment: Mapping[str, str]) -> Iterator[_Ground]:
    compile_services()
    with ExitStack() as stack:
        config = Config.beside(place, **environment)
        addresses = {name: str(place / f"{name}.sqlite3") for name in DATABASES}
        if database == "postgres":
            addresses = stack.enter_context(private_server()).make_databases(DATABASES)
            config = replace(config, databases=addresses)
        place.mkdir(parents=True, exist_ok=True)
        log = place / "suite.log"
        console = Console(stack.enter_context(log.open("w", encoding="utf-8")))
        prepare(config, console, seed=False)
        yield _Ground(config, console, addresses, log)


@contextmanager
def _running(ground: _Ground, chosen: Sequence[Service]) -> Iterator[Suite]:
    suite = Suite(
        chosen, data_dir=ground.config.data_dir, console=ground.console, longest_pause=LONGEST_PAUSE
    )
    try:
        suite.start()
        yield suite
    finally:
        suite.stop()


def _without_pages(ground: _Ground) -> list[Service]:
    return [one for one in services(ground.config) if one.name != "ui"]


def _proxied(service: Service, ports: Mapping[str, int]) -> Service:
    """Participants are called through that edge's proxy."""
    if service.name not in CALLERS:
        return service
    urls = {
        f"{participant.upper()}_URL": f"http://{HOST}:{ports[f'{service.name}-{participant}']}"
        for participant in PARTICIPANTS
    }
    return replace(service, environment={**service.environment, **urls})
