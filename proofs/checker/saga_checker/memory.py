"""What one run remembers for the next, so that changes over time can be judged too."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from saga_checker.books import Books


def remember(books: Books) -> dict[str, Any]:
    return {
        "sagas": {cid: (saga.status, saga.epoch, saga.last_sequence) for cid, saga in books.sagas.items()},
        "records": {f"{cid} {step}": record.state for (cid, step), record in books.record.items()},
    }


def load(path: Path | None) -> Mapping[str, Any]:
    """Nothing on the first run."""
    if path is None or not path.is_file():
        return {}
    remembered: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return remembered


def save(path: Path, books: Books) -> None:
    path.write_text(json.dumps(remember(books)), encoding="utf-8")
