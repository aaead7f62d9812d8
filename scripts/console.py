"""What the terminal shows: one line at a time, each with the name of the service that said it."""

import os
import sys
import threading
from typing import TextIO

COLOURS = ("36", "35", "34", "33", "32", "31")


class Console:
    def __init__(self, out: TextIO | None = None) -> None:
        self._out = out if out is not None else sys.stdout
        self._lock = threading.Lock()
        self._colour = self._out.isatty() and "NO_COLOR" not in os.environ
        self._names: list[str] = []

    def say(self, text: str = "") -> None:
        """A line of the runner's own."""
        self._write(f"{text}\n")

    def line(self, name: str, text: str) -> None:
        """A line of the service `name`."""
        self._write(f"{self._prefix(name)} {text}\n")

    def _prefix(self, name: str) -> str:
        if name not in self._names:
            self._names.append(name)
        prefix = f"{name:<8} |"
        if not self._colour:
            return prefix
        return f"\x1b[{COLOURS[self._names.index(name) % len(COLOURS)]}m{prefix}\x1b[0m"

    def _write(self, text: str) -> None:
        with self._lock:
            try:
                self._out.write(text)
                self._out.flush()
            except (OSError, ValueError):
                # The terminal is gone. The services go on, and their pipes must still be read.
                pass
