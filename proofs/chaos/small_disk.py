"""A file system of its own for databases, which can be filled to its last byte."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BYTES = 4 << 30
"Of the image, which takes only as much as is written to it."
BALLAST = "ballast"
PROGRAMS = ("mkfs.ext4", "mount", "umount")


@dataclass(frozen=True)
class SmallDisk:
    folder: Path

    def fill(self) -> None:
        """Nothing can grow from now on."""
        left = os.statvfs(self.folder)
        with (self.folder / BALLAST).open("wb") as ballast:
            size = left.f_bavail * left.f_frsize
            # What others take meanwhile is missing; less is tried until it fits.
            while size > 0:
                with suppress(OSError):
                    os.posix_fallocate(ballast.fileno(), 0, size)
                    return
                size -= left.f_frsize * 16

    def empty(self) -> None:
        (self.folder / BALLAST).unlink(missing_ok=True)


def why_no_disk() -> str:
    """Why there cannot be one here; empty if there can."""
    if os.geteuid():
        return "only root may mount a file system"
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    return f"{' and '.join(missing)} is missing" if missing else ""


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    """Raises CalledProcessError where mounting is not permitted, as in most containers."""
    with tempfile.TemporaryDirectory(prefix="small-disk-") as name:
        folder, image = Path(name) / "mounted", Path(name) / "image"
        Path(name).chmod(0o755)  # PostgreSQL's account passes through.
        folder.mkdir()
        with image.open("wb") as file:
            file.truncate(BYTES)
        _run("mkfs.ext4", "-q", "-m", "0", "-E", "lazy_itable_init=1", str(image))
        _run("mount", "-o", "loop", str(image), str(folder))
        try:
            yield SmallDisk(folder)
        finally:
            _run("umount", str(folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603  our own words
