"""Two releases of the backend whose bookings have different steps: what a deploy goes to, and back from.

The first books with today's table, and knows CountTrip as a retired step: the release that an operator
deploys before a new step is used, so that there is a way back. The second uses CountTrip, and awards the
miles before the payment is authorised.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from proofs.chaos.plan import CALLERS
from scripts.booking_suite import folder
from scripts.service import Service

PATCHES = Path(__file__).with_name("releases")
VERSIONS = (1, 2)
REMOTE = ("AuthorizePayment", "CancelPayment", "AwardMiles", "ReverseMiles")


@dataclass(frozen=True)
class Release:
    folder: Path
    version: int
    "of its definition of a booking"

    def run(self, service: Service) -> Service:
        """An orchestrator of this release; other services stay as they are."""
        return replace(service, folder=self.folder) if service.name in CALLERS else service


def positions(version: int) -> list[str]:
    """Where a saga of that table is at rest between two commits: before each call to a participant."""
    return [position(version, name) for name in REMOTE]


def position(version: int, step: str) -> str:
    return f"version {version}, {step}"


@contextmanager
def releases() -> Iterator[tuple[Release, Release]]:
    """Raises CalledProcessError where a patch does not fit the backend any more."""
    with tempfile.TemporaryDirectory(prefix="saga-releases-") as name:
        first, second = (Path(name, number, "backend-service") for number in ("first", "second"))
        for place in (first, second):
            shutil.copytree(folder("backend"), place, ignore=shutil.ignore_patterns("__pycache__", ".*"))
            patch = PATCHES / f"{place.parent.name}.patch"
            command = ("git", "apply", "-C1", str(patch))
            subprocess.run(command, cwd=place.parent, check=True, capture_output=True)  # noqa: S603  our own
        yield Release(first, VERSIONS[0]), Release(second, VERSIONS[1])
