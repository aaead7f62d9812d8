"""One process of the suite with everything that it started, a process group of its own."""

import io
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import cast

from scripts.console import Console
from scripts.launch import launched
from scripts.service import Service

LAST_LINES_WITHIN = 1.0
READ_BYTES = 64 * 1024
GATHER_SECONDS = 0.02
"Under load many lines come at once, and each one shown by itself would cost as much as a step of a saga."


class Child:
    def __init__(self, service: Service, console: Console) -> None:
        self.service = service
        self._console = console
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self.last_line = ""

    @property
    def pid(self) -> int | None:
        """Also the number of the process group."""
        process = self._process
        return process.pid if process else None

    def spawn(self) -> None:
        """Call it from a thread that lives as long as the child: Linux ends the child with that thread."""
        self._process = subprocess.Popen(
            launched(self.service.command),
            cwd=self.service.folder,
            env=os.environ | dict(self.service.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        pipe = cast(io.BufferedReader, self._process.stdout)
        self._reader = threading.Thread(target=self._pump, args=(pipe,), daemon=True)
        self._reader.start()

    def _pump(self, pipe: io.BufferedReader) -> None:
        with pipe:
            while data := pipe.read1(READ_BYTES):
                # To the end of its last line, so that none is cut and no character either.
                data += b"" if data.endswith(b"\n") else pipe.readline()
                texts = [
                    each.rstrip() for each in data.decode(errors="replace").removesuffix("\n").split("\n")
                ]
                self.last_line = texts[-1]
                self._console.lines(self.service.name, texts)
                time.sleep(GATHER_SECONDS)

    def running(self) -> bool:
        process = self._process
        return process is not None and process.poll() is None

    def returncode(self) -> int | None:
        process = self._process
        return process.poll() if process else None

    def send(self, number: signal.Signals) -> None:
        """Signal the whole group, of which a part may outlive its leader."""
        process = self._process
        if process is None:
            return
        # Nothing of the group may be left; macOS says the latter of a group of zombies.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)

    def kill(self) -> None:
        """SIGKILL to the whole group; the leader has ended on return."""
        process = self._process
        self.send(signal.SIGKILL)
        if process:
            process.wait()

    def forget(self) -> None:
        """The process has ended: let its last lines out."""
        if self._reader:
            self._reader.join(LAST_LINES_WITHIN)
        self._process = self._reader = None
