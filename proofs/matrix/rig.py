"""The services of one rig, each loaded once, with databases of their own; the driver's end of their wires."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.booking_suite import Config, folder, settings_of
from scripts.console import Console
from scripts.paths import ROOT, VENV_PYTHON
from scripts.postgres import private_server
from scripts.prepare import prepare

PACKAGES = {"backend": "flight", "payment": "payment", "loyalty": "loyalty"}
Answer = dict[str, Any]


class BrokenRigError(Exception):
    """A service of the rig ended without a fault; its log says why."""


@dataclass
class Ran:
    """What one job said at its end, and how it ended."""

    said: Answer = field(default_factory=dict)
    killed: bool = False


class Zygote:
    """A service that runs each job in a fork of itself."""

    def __init__(self, name: str, kind: str, environment: Mapping[str, str], log: Path) -> None:
        self._name, self._is_busy = name, False
        paths = os.pathsep.join(str(path) for path in (ROOT, folder(name)))
        with log.open("a") as output:
            self._process = subprocess.Popen(
                [str(VENV_PYTHON), "-m", "proofs.matrix.inside", kind],
                cwd=folder(name),
                env=os.environ | dict(environment) | {"PYTHONPATH": paths},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
            )
        assert self._hear() == {"ready": True}

    def run(self, job: Answer, *, answer: Callable[[Answer], Answer]) -> Ran:
        """Do a job in a process of its own; `answer` says what it is to do at each point that it reaches."""
        if self._is_busy:
            raise BrokenRigError(f"{self._name} is asked for a job while it does one")
        ran, self._is_busy = Ran(), True
        self._tell(job)
        while "ended" not in (message := self._hear()):
            if "said" in message:
                ran.said = message["said"]
            else:
                self._tell(answer(message))
        self._is_busy = False
        if message["ended"] not in (0, -signal.SIGKILL):
            raise BrokenRigError(f"{self._name}: exit code {message['ended']}")
        ran.killed = message["ended"] != 0
        return ran

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _tell(self, message: Answer) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def _hear(self) -> Answer:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise BrokenRigError(f"{self._name} has ended")
        heard: Answer = json.loads(line)
        return heard


@dataclass(frozen=True)
class Rig:
    """Two orchestrators, since one may hang while the other goes on, and two participants."""

    first: Zygote
    second: Zygote
    participants: Mapping[str, Zygote]
    databases: Mapping[str, str]
    "where the checker finds them"
    log: Path


@contextmanager
def rig(place: Path, *, database: str) -> Iterator[Rig]:
    """Databases with a schedule of flights, and the services on them; all ended on leaving."""
    with ExitStack() as stack:
        place.mkdir(parents=True, exist_ok=True)
        config = Config.beside(place)
        addresses = {name: str(place / f"{name}.sqlite3") for name in PACKAGES}
        if database == "postgres":
            server = stack.enter_context(private_server(durable=False))
            addresses = server.make_databases(tuple(PACKAGES))
            config = Config(config.ports, config.data_dir, config.environment, addresses)
        log = place / "rig.log"
        console = Console(stack.enter_context(log.open("w", encoding="utf-8")))
        prepare(config, console, seed=False)

        def zygote(name: str, kind: str) -> Zygote:
            environment = settings_of(config, name, PACKAGES[name])
            # A settlement begins when its story says so, and nothing waits by the real clock for a dead
            # twin: the commits of a story would then depend on the machine's speed.
            environment |= {"LOG_LEVEL": "ERROR", "SETTLE_AFTER_SECONDS": "0", "GATEWAY_TIMEOUT_SECONDS": "0"}
            made = Zygote(name, kind, environment, log)
            stack.callback(made.close)
            return made

        participants = {name: zygote(name, "participant") for name in ("payment", "loyalty")}
        yield Rig(zygote("backend", "backend"), zygote("backend", "backend"), participants, addresses, log)
