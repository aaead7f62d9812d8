"""What a back-up consists of: `manifest.json`, written last. A folder without it is no whole back-up."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.backups.sqlite import DamagedError

NAME = "manifest.json"
BLOCK = 1 << 20
ORDER = ("ui", "backend", "payment", "loyalty")
"""A caller before the services that it calls. Whatever its copy says was answered, the later copy of the
callee has done; what is too much there is found in its records, and undone."""


@dataclass(frozen=True)
class Copy:
    """One service's database in a back-up."""

    service: str
    kind: str
    "sqlite or postgres"
    file: str
    taken_at: str
    bytes: int
    sha256: str
    rows: dict[str, int]


def describe(
    folder: Path, service: str, kind: str, file: str, *, taken_at: str, rows: dict[str, int]
) -> Copy:
    path = folder / file
    return Copy(service, kind, file, taken_at, path.stat().st_size, digest(path), rows)


def write(folder: Path, copies: list[Copy]) -> None:
    draft = folder / f"{NAME}.new"
    draft.write_text(json.dumps({"copies": [asdict(copy) for copy in copies]}, indent=1))
    draft.replace(folder / NAME)


def read(folder: Path) -> list[Copy]:
    """Raises DamagedError for a back-up that is not whole, or another than was written."""
    try:
        copies = [Copy(**each) for each in json.loads((folder / NAME).read_text())["copies"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{folder} is no whole back-up: {error}") from error
    for copy in copies:
        path = folder / copy.file
        if not path.is_file() or digest(path) != copy.sha256:
            raise DamagedError(f"{path} is not the file that was written.")
    return copies


def digest(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            found.update(block)
    return found.hexdigest()
