"""What the terminal shows: one line at a time, each with the name of the service that said it."""

import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from scripts.kept_log import KeptLog

COLOURS = ("36", "35", "34", "33", "32", "31")


class Console:
    def __init__(self, out: TextIO | None = None, *, kept: Path | None = None, hidden: str = "") -> None:
        """With `kept`, what the services say goes into that file as well, a new one when it is full.

        A line with the text `hidden` is kept and not shown.
        """
        self._hidden = hidden
        self._out = out if out is not None else sys.stdout
        self._lock = threading.Lock()
        self._colour = self._out.isatty() and "NO_COLOR" not in os.environ
        self._names: list[str] = []
        self._kept = KeptLog(kept, self.say) if kept else None

    def close(self) -> None:
        """The kept file is whole; the terminal stays open."""
        if self._kept:
            self._kept.close()

    def say(self, text: str = "") -> None:
        """A line of the runner's own."""
        self._write(f"{text}\n")

    def line(self, name: str, text: str) -> None:
        """A line of the service `name`."""
        self.lines(name, [text])

    def lines(self, name: str, texts: Sequence[str]) -> None:
        """Lines of the service `name`, in one piece."""
        prefix = self._prefix(name)
        shown = [text for text in texts if self._hidden not in text] if self._hidden else texts
        self._write("".join([f"{prefix} {text}\n" for text in shown]))
        if self._kept:
            self._kept.keep("\n".join([f"{_plain_prefix(name)} {text}" for text in texts]))

    def _prefix(self, name: str) -> str:
        if name not in self._names:
            self._names.append(name)
        prefix = _plain_prefix(name)
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


def _plain_prefix(name: str) -> str:
    return f"{name:<8} |"
