"""One suite per data folder, and an end to what an earlier one left running there."""

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from scripts.child import Child
from scripts.processes import group, living

GONE_WITHIN = 5.0
NOTES = "suite.json"


class TakenError(Exception):
    """Another suite runs on this data folder."""


class Claim:
    """Holds `suite.lock`, which the system frees when this process ends, however it ends, and notes
    in `suite.json` which process groups were started."""

    def __init__(self, folder: Path) -> None:
        self._notes = folder / NOTES
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(folder / "suite.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            pid = self._read().get("pid", "unknown")
            raise TakenError(
                f"A suite runs already on {folder} (pid {pid}). Stop it, or choose another DATA_DIR."
            ) from None

    def _read(self) -> dict[str, object]:
        return _read(self._notes)

    def end_leftovers(self) -> int:
        """Kill what an earlier suite started and did not end; how many processes that were."""
        groups = self._read().get("groups")
        left = _alive(groups)
        for pid in left:
            _kill(pid)
        deadline = time.monotonic() + GONE_WITHIN
        while living(left) and time.monotonic() < deadline:
            time.sleep(0.02)
        return len(left)

    def note(self, children: Iterable[Child]) -> None:
        groups = [[child.pid, list(child.service.command)] for child in children if child.pid]
        draft = self._notes.with_suffix(".new")
        draft.write_text(json.dumps({"pid": os.getpid(), "groups": groups}))
        draft.replace(self._notes)

    def release(self) -> None:
        with suppress(OSError):  # Of a folder that can only be read now. What has ended, no start ends again.
            self._notes.unlink()
        os.close(self._lock)


def kill_services(folder: Path) -> int:
    """SIGKILL to every process of the suite's services, whose runner lives on; how many those were."""
    running = _alive(_read(folder / NOTES).get("groups"))
    for pid in running:
        _kill(pid)
    return len(running)


def _read(notes: Path) -> dict[str, object]:
    try:
        read = json.loads(notes.read_text())
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _alive(groups: object) -> list[int]:
    if not isinstance(groups, list):
        return []
    return [pid for number, command in groups for pid in group(number, command)]


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
