"""What is measured: the suite, another revision of it, and the baselines, as processes side by side."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.postgres import Postgres
from scripts.booking_suite import GUNICORN, Config, services
from scripts.paths import ROOT, VENV_PYTHON
from scripts.ports import free_ports
from scripts.service import HOST, Service

OURS, LOOP, TEXTBOOK = "suite", "loop", "textbook"
LATER = "86400"
"Seconds; keeps settlements out of a measurement, so that it stays comparable with revisions without them."
STORE, DATABASE, WORKER = "store", "database", "worker"
"what a server does for the orchestrator, what it does for everybody else, and an engine's own process"
PARTS = ("backend", "payment", "loyalty", "recovery")
ORCHESTRATOR = ("backend", "recovery", WORKER, STORE)
BASELINE_PATH = "/api/saga/start-booking/"
EARLIER_WORKER = ("--worker-class", "service_kit.server.Worker", "--threads", "8", "--keep-alive", "75")


@dataclass(frozen=True)
class System:
    """One way to book, as the load sees it."""

    name: str
    url: str
    parts: Mapping[str, str]
    "the name of each part by the process that plays it"
    databases: tuple[str, ...] = ()
    "on a server; the orchestrator's comes first"
    on_server: bool = False
    "whether any part of it uses the PostgreSQL server"


@dataclass
class Stage:
    """All processes of a run and the systems that they make up."""

    services: list[Service] = field(default_factory=list)
    systems: list[System] = field(default_factory=list)
    preparations: list[Service] = field(default_factory=list)
    "commands that have to end well before anything starts"


@dataclass
class Place:
    """Where a stage keeps its data: files in a folder, or databases of a server."""

    folder: Path
    server: Postgres | None
    urls: dict[str, str] = field(default_factory=dict)

    def database(self, name: str) -> str:
        if name not in self.urls:
            file = f"sqlite:///{self.folder / name}.sqlite3"
            self.urls[name] = self.server.create(name) if self.server else file
        return self.urls[name]


def suite(stage: Stage, place: Place, *, name: str = OURS, root: Path = ROOT, ui: bool = False) -> None:
    """The suite of the working tree, or of another checkout at `root`."""
    folder = place.folder / name
    folder.mkdir(exist_ok=True)
    config = Config.beside(folder, PYTHONPATH=_path(root), LOG_LEVEL="INFO", SETTLE_AFTER_SECONDS=LATER)
    for service in services(config):
        if service.name == "ui" and not ui:
            continue
        process = f"{name}-{service.name}"
        kept = "backend" if service.name == "recovery" else service.name
        environment = {**service.environment, "DATABASE_URL": place.database(f"{name}-{kept}")}
        moved = root / service.folder.relative_to(ROOT)
        command = _command(service, root)
        service = replace(service, name=process, folder=moved, environment=environment, command=command)
        stage.services.append(service)
        if service.port:
            stage.preparations.extend(_preparations(service, kept))
    url = f"http://{HOST}:{config.ports['backend']}{BASELINE_PATH}"
    parts = {f"{name}-{part}": part for part in PARTS}
    databases = tuple(f"{name}-{part}" for part in PARTS[:3])
    stage.systems.append(System(name, url, parts, databases=databases, on_server=bool(place.server)))


def _command(service: Service, root: Path) -> tuple[str, ...]:
    """As that revision is served: before 1.0.0 by a worker of its own, whose needs are in bench.txt."""
    if service.port is None or (_kit_of(root) / "service_kit" / "gunicorn_conf.py").is_file():
        return service.command
    kept = service.command[len(GUNICORN) :]
    threaded = () if service.name == "ui" else EARLIER_WORKER
    return (*GUNICORN[:3], "--no-control-socket", "--log-level", "warning", *threaded, *kept)


def _kit_of(root: Path) -> Path:
    """Another revision may have it where it was before 1.0.0."""
    now = root / "packages" / "service-kit"
    return now if now.is_dir() else root / "service-kit"


def _path(root: Path) -> str:
    sagas = root / "packages" / "django-sagas"
    return os.pathsep.join((str(sagas), str(_kit_of(root)), str(root), str(ROOT)))


def _preparations(service: Service, kept: str) -> Iterator[Service]:
    commands: list[tuple[str, ...]] = [("migrate", "--verbosity", "0")]
    if kept == "backend":
        commands.append(("make_schedule",))
    for command in commands:
        yield replace(service, command=(str(VENV_PYTHON), "manage.py", *command))


def loop(stage: Stage, place: Place) -> None:
    """The in-memory loop, over the participants of the suite that is on the stage already."""
    port = free_ports(1)[0]
    application = "bench.baselines.loop:application"
    stage.services.append(gunicorn(LOOP, application, port, participants(stage)))
    parts = {LOOP: "backend", f"{OURS}-payment": "payment", f"{OURS}-loyalty": "loyalty"}
    url = f"http://{HOST}:{port}{BASELINE_PATH}"
    stage.systems.append(System(LOOP, url, parts, on_server=bool(place.server)))


def participants(stage: Stage) -> dict[str, str]:
    """Where the suite's payment and loyalty services are, for what uses them too."""
    return {
        f"{part.upper()}_URL": next(each.url for each in stage.services if each.name == f"{OURS}-{part}")
        for part in ("payment", "loyalty")
    }


def textbook(stage: Stage, place: Place) -> None:
    ports = dict(zip(("backend", "payment", "loyalty"), free_ports(3), strict=True))
    urls = {f"BOOK_{part.upper()}_URL": f"http://{HOST}:{port}" for part, port in ports.items()}
    for part, port in ports.items():
        name = f"{TEXTBOOK}-{part}"
        environment = {
            **urls,
            "DATABASE_URL": place.database(name),
            "DJANGO_SETTINGS_MODULE": "bench.baselines.textbook.settings",
        }
        service = gunicorn(name, "bench.baselines.textbook.wsgi:application", port, environment)
        stage.services.append(service)
        migrate = (str(VENV_PYTHON), "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0")
        stage.preparations.append(replace(service, command=migrate))
    parts = {f"{TEXTBOOK}-{part}": part for part in ports}
    url = f"http://{HOST}:{ports['backend']}/start-booking/"
    system = System(TEXTBOOK, url, parts, databases=tuple(parts), on_server=bool(place.server))
    stage.systems.append(system)


def gunicorn(name: str, application: str, port: int, environment: Mapping[str, str]) -> Service:
    bind = ("--bind", f"{HOST}:{port}")
    return Service(
        name=name,
        command=(*GUNICORN, *bind, application),
        folder=ROOT,
        environment={**environment, "PYTHONPATH": str(ROOT)},
        port=port,
        ready_path="/ready/",
    )


def counted(service: Service) -> Service:
    """The same service under the application that counts; the loop and the UI have nothing to count."""
    application = service.command[-1]
    if service.port is None or not application.partition(":")[0].endswith(".wsgi"):
        return service
    return replace(service, command=(*service.command[:-1], "bench.counted:application"))


def prepare(stage: Stage) -> None:
    for each in stage.preparations:
        subprocess.run(each.command, cwd=each.folder, env=os.environ | dict(each.environment), check=True)
