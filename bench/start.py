"""`make bench-start`: seconds from `make run` to ready in a fresh copy of the tree, first and second time.

What is neither committed nor new there is left behind, so the first start makes its environment; pip and
uv keep what they have fetched before.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import goals
from bench.measure import LoadError
from scripts.booking_suite import SERVERS
from scripts.console import Console
from scripts.copies import copy_tree
from scripts.ports import free_ports
from scripts.run import stop_on_signals

MAKE_RUN = ("make", "run")
READY = "Ready after"
STOP_WITHIN = 30


def main() -> int:
    stop_on_signals()
    console = Console()
    figures = {}
    try:
        with tempfile.TemporaryDirectory(prefix="start-") as name:
            folder = copy_tree(Path(name) / "tree")
            for which in ("first", "second"):
                with running(folder) as seconds:
                    console.say(f"{which} time: {seconds:.1f} s")
                    figures[f"seconds from make run to ready, {which} time"] = seconds
    except KeyboardInterrupt:
        return 130
    goals.note("start", "sqlite", figures, how="make run in a fresh copy, packages cached")
    for line in goals.write():
        console.say(line)
    return 0


@contextmanager
def running(folder: Path) -> Iterator[float]:
    """Seconds of `make run` on free ports until it is ready. Raises LoadError."""
    names = [f"{name.upper()}_PORT" for name, _, _ in SERVERS]
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    began = time.monotonic()
    process = subprocess.Popen(
        MAKE_RUN,
        cwd=folder,
        env=os.environ | ports,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout
        said = ""
        while not said.startswith(READY):
            said = process.stdout.readline()
            if not said:
                raise LoadError("make run ended before it was ready")
        yield time.monotonic() - began
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=STOP_WITHIN)


if __name__ == "__main__":
    sys.exit(main())
