"""The same saga on DBOS, Celery and Procrastinate, each where it is installed and its server is there."""

import shutil
from collections.abc import Callable, Mapping
from importlib.util import find_spec

from bench.postgres import Postgres
from bench.systems import BASELINE_PATH, OURS, STORE, WORKER, Stage, System, gunicorn, participants
from scripts.paths import ROOT, VENV_PYTHON
from scripts.ports import free_ports
from scripts.service import HOST, Service

DBOS, PROCRASTINATE, CELERY = "dbos", "procrastinate", "celery"
ENGINES = (DBOS, PROCRASTINATE, CELERY)
CELERY_WORKER = ("worker", "--pool", "threads", "--concurrency", "8", "--loglevel", "WARNING")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def engines(stage: Stage, server: Postgres | None, *, shared: bool, say: Callable[[str], None]) -> None:
    """Put on the stage what can be; `shared` says that the participants are on the same server."""
    for name in ENGINES:
        if reason := _missing(name, server):
            say(f"{name} is left out: {reason}")
        elif name == CELERY:
            _celery(stage, _redis_server(), shared=shared)
        else:
            assert server
            _on_postgres(stage, name, server)


def _missing(name: str, server: Postgres | None) -> str:
    if find_spec(name) is None:
        return "it is not installed; ENGINES=1 does that"
    if name == CELERY:
        return "" if _redis_server() else "no redis-server on the PATH"
    return "" if server else "no PostgreSQL"


def _redis_server() -> str:
    return shutil.which("redis-server") or ""


def _on_postgres(stage: Stage, name: str, server: Postgres) -> None:
    environment = {"ENGINE_DATABASE_URL": server.create(name)}
    _endpoint(stage, name, environment, {}, databases=(name,), on_server=True)


def _celery(stage: Stage, redis_server: str, *, shared: bool) -> None:
    """With a Redis of its own that keeps nothing on disk: the cheapest that Celery can be."""
    port = free_ports(1)[0]
    environment = {"REDIS_URL": f"redis://{HOST}:{port}/0"}
    redis, worker = f"{CELERY}-redis", f"{CELERY}-worker"
    command = (redis_server, "--port", str(port), "--bind", HOST, "--save", "", "--appendonly", "no")
    stage.services.append(Service(redis, command, ROOT))
    app = (str(VENV_PYTHON), "-m", "celery", "-A", "bench.baselines.with_celery:app")
    paths = {**participants(stage), **environment, "PYTHONPATH": str(ROOT)}
    stage.services.append(Service(worker, (*app, *CELERY_WORKER, *QUIET), ROOT, paths))
    _endpoint(stage, CELERY, environment, {redis: STORE, worker: WORKER}, on_server=shared)


def _endpoint(
    stage: Stage,
    name: str,
    environment: Mapping[str, str],
    beside: Mapping[str, str],
    *,
    on_server: bool,
    databases: tuple[str, ...] = (),
) -> None:
    port = free_ports(1)[0]
    application = f"bench.baselines.with_{name}:application"
    stage.services.append(gunicorn(name, application, port, {**participants(stage), **environment}))
    parts = {name: "backend", f"{OURS}-payment": "payment", f"{OURS}-loyalty": "loyalty", **beside}
    url = f"http://{HOST}:{port}{BASELINE_PATH}"
    stage.systems.append(System(name, url, parts, databases=databases, on_server=on_server))


def without(stage: Stage) -> Stage:
    """The stage without engines: how they use their databases is not counted."""
    return Stage(
        [each for each in stage.services if each.name.partition("-")[0] not in ENGINES],
        [each for each in stage.systems if each.name not in ENGINES],
    )
