"""The suite as in production, but on free ports and in a folder of its own."""

import compileall
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CalledProcessError

from proofs.chaos.clock import Clock
from proofs.chaos.network import Network
from proofs.chaos.plan import CALLERS, EDGES, PARTICIPANTS, Plan
from proofs.chaos.small_disk import SmallDisk, small_disk, why_no_disk
from proofs.chaos.vandal import OnPostgres, OnSqlite, Spoiled
from scripts.booking_suite import SERVERS, Config, folder, services, settings_of
from scripts.console import Console
from scripts.paths import KIT, SAGAS, VENV_PYTHON
from scripts.ports import free_ports
from scripts.postgres import private_server
from scripts.prepare import prepare
from scripts.service import HOST, Service
from scripts.suite import Suite

LONGEST_PAUSE = 0.5
"Dead processes are restarted at once."
DATABASES = ("backend", "payment", "loyalty")
RECOVERY = "recovery"

Change = Callable[[Service], Service]


@dataclass(frozen=True)
class Place:
    """The suite, running and ready, and where the checker finds what it wrote."""

    suite: Suite
    databases: Mapping[str, str]
    log: Path
    config: Config
    spoiled: Spoiled

    @property
    def backend(self) -> str:
        return self.suite.url("backend")

    def expire_payments(self) -> None:
        """What a deployment runs every few minutes. It may fail while its database does."""
        subprocess.run(  # noqa: S603  our own command
            [str(VENV_PYTHON), "manage.py", "expire_payments"],
            cwd=folder("payment"),
            env=os.environ | settings_of(self.config, "payment", "payment"),
            capture_output=True,
            timeout=60,
            check=False,
        )


@dataclass(frozen=True)
class Arena(Place):
    network: Network


@dataclass(frozen=True)
class _Ground:
    config: Config
    console: Console
    databases: Mapping[str, str]
    log: Path
    spoiled: Spoiled


@contextmanager
def arena(
    folder: Path,
    plan: Plan,
    clock: Clock,
    *,
    database: str,
    environment: Mapping[str, str],
    change: Change = lambda service: service,
) -> Iterator[Arena]:
    """With a proxy on each edge, and the databases on a disk that can be full where that can be had.

    Everything is ended on leaving, and SQLite's files are in the folder. `change` may start a service
    otherwise.
    """
    with _disk() as (disk, why_not), _prepared(folder, database, environment, disk, why_not) as ground:
        ports = dict(zip(EDGES, free_ports(len(EDGES)), strict=True))
        upstream = {edge: ground.config.ports[edge.partition("-")[2]] for edge in EDGES}
        proxies = {edge: (ports[edge], upstream[edge]) for edge in EDGES}
        chosen = [change(_proxied(one, ports)) for one in _without_pages(ground)]
        with Network(proxies, plan, clock) as network, _running(ground, chosen) as suite:
            yield Arena(suite, ground.databases, ground.log, ground.config, ground.spoiled, network)


@contextmanager
def undisturbed(
    folder: Path,
    *,
    database: str,
    environment: Mapping[str, str],
    change: Change = lambda service: service,
    workers: Sequence[str] = (RECOVERY,),
) -> Iterator[Place]:
    """Without proxies; everything is ended on leaving. `change` may start a service otherwise."""
    with _prepared(folder, database, environment) as ground:
        alone = [change(one) for one in _without_pages(ground)]
        (worker,) = (one for one in alone if one.name == RECOVERY)
        chosen = [one for one in alone if one is not worker] + [
            replace(worker, name=each) for each in workers
        ]
        with _running(ground, chosen) as suite:
            yield Place(suite, ground.databases, ground.log, ground.config, ground.spoiled)


def compile_services() -> None:
    """As the images are. Without, where PYTHONDONTWRITEBYTECODE is set, whoever is killed compiles itself
    at each start anew, which takes longer than the rest of the start."""
    shared = (SAGAS / "django_sagas", KIT / "service_kit")
    for package in (*shared, *(folder(name) / package for name, package, _ in SERVERS)):
        compileall.compile_dir(package, quiet=1)


@contextmanager
def _disk() -> Iterator[tuple[SmallDisk | None, str]]:
    """A small disk, or why there is none."""
    with ExitStack() as stack:
        disk, why_not = None, why_no_disk()
        if not why_not:
            try:
                disk = stack.enter_context(small_disk())
            except CalledProcessError as error:
                why_not = f"a file system cannot be mounted here: {error.stderr!r}"
        yield disk, why_not


@contextmanager
def _prepared(
    place: Path,
    database: str,
    environment: Mapping[str, str],
    disk: SmallDisk | None = None,
    why_no_disk: str = "",
) -> Iterator[_Ground]:
    compile_services()
    with ExitStack() as stack:
        place.mkdir(parents=True, exist_ok=True)
        data = disk.folder / "data" if disk else place
        data.mkdir(exist_ok=True)
        config = Config.beside(place, **environment)
        if database == "postgres":
            server = stack.enter_context(private_server())
            addresses = server.make_databases(DATABASES, within=data if disk else None)
            config = replace(config, databases=addresses)
            spoiled: Spoiled = OnPostgres(server, disk, why_no_disk)
        else:
            files = {name: data / f"{name}.sqlite3" for name in DATABASES}
            addresses = {name: str(file) for name, file in files.items()}
            spoiled = OnSqlite(files, disk, why_no_disk)
            if disk:
                config = replace(
                    config, databases={name: f"sqlite:///{file}" for name, file in files.items()}
                )
                stack.callback(_keep, files.values(), place)
        log = place / "suite.log"
        console = Console(stack.enter_context(log.open("w", encoding="utf-8")))
        prepare(config, console, seed=False)
        yield _Ground(config, console, addresses, log, spoiled)


def _keep(files: Iterable[Path], place: Path) -> None:
    """Copies of the databases, journals included."""
    for file in files:
        for each in file.parent.glob(f"{file.name}*"):
            shutil.copy2(each, place)


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
