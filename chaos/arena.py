"""The suite as in production, but on free ports, in a folder of its own, and with a proxy on each edge."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.clock import Clock
from chaos.network import Network
from chaos.plan import CALLERS, EDGES, PARTICIPANTS, Plan
from scripts.booking_suite import Config, services
from scripts.console import Console
from scripts.ports import free_ports
from scripts.postgres import private_server
from scripts.prepare import prepare
from scripts.service import HOST, Service
from scripts.suite import Suite

READY_WITHIN = 90.0
LONGEST_PAUSE = 0.5
"Whoever dies is started again at once: what is killed often shall also run often."
DATABASES = ("backend", "payment", "loyalty")


@dataclass(frozen=True)
class Arena:
    suite: Suite
    network: Network
    databases: Mapping[str, str]
    "where the checker finds them"
    log: Path

    @property
    def backend(self) -> str:
        return self.suite.url("backend")


@contextmanager
def arena(
    folder: Path, plan: Plan, clock: Clock, *, database: str, environment: Mapping[str, str]
) -> Iterator[Arena]:
    """All of it runs and is ready; everything is ended on leaving."""
    with ExitStack() as stack:
        config = Config.beside(folder, **environment)
        addresses = {name: str(folder / f"{name}.sqlite3") for name in DATABASES}
        if database == "postgres":
            server = stack.enter_context(private_server())
            addresses = server.make_databases(DATABASES)
            config = replace(config, databases=addresses)
        log = folder / "suite.log"
        console = Console(stack.enter_context(log.open("w", encoding="utf-8")))
        prepare(config, console, seed=False)
        ports = dict(zip(EDGES, free_ports(len(EDGES)), strict=True))
        network = Network(
            {edge: (port, config.ports[edge.partition("-")[2]]) for edge, port in ports.items()}, plan, clock
        )
        stack.enter_context(network)
        suite = Suite(_through(ports, config), data_dir=folder, console=console, longest_pause=LONGEST_PAUSE)
        stack.callback(suite.stop)
        suite.start(READY_WITHIN)
        yield Arena(suite, network, addresses, log)


def _through(ports: Mapping[str, int], config: Config) -> list[Service]:
    """The services without the pages; who calls a participant calls it through that edge's proxy."""
    return [_proxied(one, ports) for one in services(config) if one.name != "ui"]


def _proxied(service: Service, ports: Mapping[str, int]) -> Service:
    if service.name not in CALLERS:
        return service
    urls = {
        f"{participant.upper()}_URL": f"http://{HOST}:{ports[f'{service.name}-{participant}']}"
        for participant in PARTICIPANTS
    }
    return replace(service, environment={**service.environment, **urls})
