"""One line that says how the run stands: rewritten on a terminal, now and then a new one elsewhere."""

import sys
import threading
from collections.abc import Callable
from typing import TextIO

EVERY, EVERY_ELSEWHERE = 1.0, 10.0


class Progress:
    def __init__(self, line: Callable[[], str], out: TextIO = sys.stdout) -> None:
        self._line, self._out = line, out
        self._terminal = out.isatty()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._show, name="progress", daemon=True)

    def __enter__(self) -> "Progress":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()
        self._write()
        self._out.write("\n" if self._terminal else "")

    def _show(self) -> None:
        while not self._end.wait(EVERY if self._terminal else EVERY_ELSEWHERE):
            self._write()

    def _write(self) -> None:
        line = self._line()
        self._out.write(f"\r\x1b[2K{line}" if self._terminal else f"{line}\n")
        self._out.flush()
