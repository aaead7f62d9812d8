"""Processes that run side by side in threads, and are ended together."""

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from scripts.launch import launched
from scripts.signals import SEEN_WITHIN

T = TypeVar("T")
R = TypeVar("R")


class EndedError(Exception):
    """The process was ended, or not begun any more."""


class Commands:
    """Each has a session of its own: Ctrl-C reaches the one that started it, which ends them by `number`. On
    Linux they end with it however it ends."""

    def __init__(self, number: signal.Signals = signal.SIGTERM) -> None:
        self._number = number
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._ended = False

    @contextmanager
    def process(
        self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]
    ) -> Iterator[subprocess.Popen[str]]:
        """It has ended at the end of the block. Raises EndedError where `end` was called."""
        process = self._begin(command, cwd, env)
        try:
            yield process
        except BaseException:
            process.send_signal(self._number)
            raise
        finally:
            self._wait_for(process)
        if self._ended:
            raise EndedError

    def together(self, work: Callable[[T], R], items: Sequence[T], *, at_once: int) -> list[R]:
        """What `work` says of each item, `at_once` in threads. Ctrl-C and the first error end all."""
        with ThreadPoolExecutor(at_once) as pool:
            try:
                started = [pool.submit(work, item) for item in items]
                running = set(started)
                while running:
                    done, running = wait(running, SEEN_WITHIN, FIRST_EXCEPTION)
                    for each in done:
                        each.result()  # Raises what it raised.
            except BaseException:  # The pool waits for its threads, and those for their processes.
                self.end()
                raise
        return [each.result() for each in started]

    def end(self) -> None:
        """End what runs; nothing is begun after it."""
        with self._lock:
            if not self._ended:
                for process in self._running:
                    process.send_signal(self._number)
            self._ended = True

    def _begin(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[str]:
        with self._lock:
            if self._ended:
                raise EndedError
            process = subprocess.Popen(
                launched(command),
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(process)
            return process

    def _wait_for(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        try:
            with process.stdout:
                for _ in process.stdout:
                    pass  # It could not end with its output unread.
            process.wait()
        except BaseException:  # Ctrl-C once more.
            process.kill()
            raise
        finally:
            with self._lock:
                self._running.discard(process)
