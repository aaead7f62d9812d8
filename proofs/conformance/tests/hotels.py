"""The two example participants as processes: one in Node, one in FastAPI."""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from saga_conformance.participant import Participant

ROOT = Path(__file__).resolve().parents[3]
NODE = shutil.which("node")
EXAMPLES = {
    "node": (str(NODE), str(ROOT / "examples" / "node-participant" / "participant.mjs")),
    "fastapi": (sys.executable, str(ROOT / "examples" / "fastapi-participant" / "participant.py")),
}
HOTELS = [
    pytest.param("node", marks=pytest.mark.skipif(NODE is None, reason="node is not installed")),
    "fastapi",
]
SUPERVISE = 'while "$@" & echo $! > "$0"; wait $!; [ $? -eq 137 ]; do :; done'
"Starts the command again when it is killed; the file has its process id."
RESTART = "old=$(cat {pid}); kill -9 $old; while kill -0 $old 2>/dev/null; do sleep 0.01; done"
BODY = {"data": {"rooms": 1}}
WITHIN = 30.0


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Hotel:
    """The process, which is started again when it dies, and its file."""

    example: str
    file: Path
    keys: str = ""
    "VERIFYING_KEYS_FILE; without it every caller is let in"
    port: int = field(default_factory=free_port)

    @property
    def command(self) -> list[str]:
        return [*EXAMPLES[self.example], str(self.port), str(self.file)]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> Path:
        return self.file.with_suffix(".pid")

    def start(self) -> None:
        self.supervisor = subprocess.Popen(
            ["/bin/sh", "-c", SUPERVISE, str(self.pid), *self.command],
            env=os.environ | {"VERIFYING_KEYS_FILE": self.keys},
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            self._wait()
        except BaseException:
            self.kill()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + WITHIN
        while not self._answers():
            assert self.supervisor.poll() is None and time.monotonic() < deadline, "it does not start"
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            return bool(requests.get(self.url, timeout=WITHIN).status_code)
        except requests.ConnectionError:
            return False

    def kill(self) -> None:
        if self.supervisor.poll() is None:
            os.killpg(self.supervisor.pid, signal.SIGKILL)
        self.supervisor.wait()

    def participant(self) -> Participant:
        return Participant(
            f"{self.url}/api/saga/reserve-room/",
            f"{self.url}/api/saga/cancel-room/",
            BODY,
            other_body={"data": {"rooms": 2}},
            refused_body={"data": {"rooms": 5000}},
            refusals=["ROOM_UNAVAILABLE"],
            expected={"rooms": 1},
            restart=RESTART.format(pid=shlex.quote(str(self.pid))),
        )
