"""A bug as a value: where it goes, what it replaces, and which tests ought to find it."""

from dataclasses import dataclass
from pathlib import Path

SAGAS, KIT, BACKEND = "packages/django-sagas", "packages/service-kit", "backend-service"
PAYMENT, LOYALTY = "payment-service", "loyalty-service"


class Rotten(Exception):
    """The text that a mutant replaces is not there exactly once: the code has moved on."""


@dataclass(frozen=True)
class Mutant:
    name: str
    file: str
    edits: tuple[tuple[str, str], ...]
    "text before and after; each before stands exactly once in the file"
    folder: str
    "where the tests are run"
    tests: tuple[str, ...]
    only: str = ""
    "of these, the ones whose name holds this, as pytest's -k takes it"

    def source(self, root: Path) -> Path:
        return root / self.file

    def planted(self, source: str) -> str:
        """The file with the bug in it. Raises Rotten."""
        for before, after in self.edits:
            if source.count(before) != 1 or before == after:
                raise Rotten(f"{self.name}: found {source.count(before)} times in {self.file}: {before!r}")
            source = source.replace(before, after)
        return source
