"""A long run in parts: each has a schedule of its own from the one seed; their sums are kept in a file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from proofs.chaos.tally import Tally, total


@dataclass(frozen=True)
class Parts:
    """`file` holds the tally of each part that has ended. One that was interrupted is played anew."""

    file: Path
    number: int

    @property
    def done(self) -> Mapping[int, Tally]:
        if not self.file.exists():
            return {}
        stored = json.loads(self.file.read_text(encoding="utf-8"))
        return {int(part): Tally.from_json(tally) for part, tally in stored.items()}

    @property
    def next(self) -> int | None:
        """The first that is missing; None when all have been played."""
        done = self.done
        return next((part for part in range(1, self.number + 1) if part not in done), None)

    @property
    def is_whole(self) -> bool:
        return self.next is None

    @property
    def sum(self) -> Tally:
        return total(self.done.values())

    def seed(self, seed: str, part: int) -> str:
        return f"{seed}/{part}of{self.number}"

    def add(self, part: int, tally: Tally) -> None:
        done = {**self.done, part: tally}
        written = {number: each.to_json() for number, each in sorted(done.items())}
        partial = self.file.with_suffix(".part")
        partial.write_text(json.dumps(written), encoding="utf-8")
        partial.replace(self.file)
