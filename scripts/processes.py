"""Which processes a group holds, told by /proc or, where there is none, by ps."""

import subprocess
from collections.abc import Collection
from pathlib import Path

PROC = Path("/proc")


def group(number: int, command: list[str]) -> list[int]:
    """The process ids of the group `number` that run `command`. A number may have been given
    to strangers since it was noted; another command tells them apart."""
    return [pid for pid, pgid, text in _all() if pgid == number and text == " ".join(command)]


def living(pids: Collection[int]) -> list[int]:
    """Which of these are there. One that is ending loses its command before its ports, and is still there."""
    return [pid for pid, _, _ in _all() if pid in pids]


def _all() -> list[tuple[int, int, str]]:
    """Number, group and command of each process, without zombies."""
    return _by_proc() if PROC.joinpath("self/stat").exists() else _by_ps()


def _by_proc() -> list[tuple[int, int, str]]:
    rows = []
    for folder in PROC.glob("[0-9]*"):
        try:
            # The second field is a name in parentheses that may hold anything.
            fields = folder.joinpath("stat").read_text().rpartition(")")[2].split()
            words = folder.joinpath("cmdline").read_bytes().rstrip(b"\0").split(b"\0")
        except OSError:
            continue
        if fields[0] not in "ZX":
            rows.append((int(folder.name), int(fields[2]), b" ".join(words).decode(errors="replace")))
    return rows


def _by_ps() -> list[tuple[int, int, str]]:
    output = subprocess.run(
        ["ps", "-axww", "-o", "pid=,pgid=,stat=,command="], capture_output=True, text=True, check=True
    ).stdout
    # Of one that is ending the command is missing.
    parts = [[*line.split(None, 3), ""] for line in output.splitlines()]
    return [(int(part[0]), int(part[1]), part[3]) for part in parts if part[2][0] not in "ZX"]
