"""What SQLite's file may meet. Each fault lasts as long as `pause` takes, and then is over."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

Pause = Callable[[], object]


def lock(file: Path, pause: Pause) -> None:
    """By a writer of another process."""
    with closing(sqlite3.connect(file, timeout=5, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        pause()
        other.execute("ROLLBACK")


def read_only(file: Path, pause: Pause) -> None:
    """Not even root can write to it, nor to its journal."""
    files = [file, file.with_name(f"{file.name}-wal")]
    try:
        _mark("+i", files)
        pause()
    finally:
        _mark("-i", files)


def why_not_read_only() -> str:
    """Why it cannot be done here; empty if it can. Rights on files mean nothing to whoever has them open."""
    if os.geteuid():
        return "only root can make a file immutable"
    return "" if shutil.which("chattr") else "chattr is missing"


def _mark(change: str, files: Iterable[Path]) -> None:
    there = [str(file) for file in files if file.exists()]
    subprocess.run(["chattr", change, *there], check=True, capture_output=True)  # noqa: S603, S607
