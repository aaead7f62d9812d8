"""How long the sagas of a dead orchestrator waited for another: its death beside the claims in the log."""

import json
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path

from proofs.chaos.standing import Held

CLAIMED = '"saga_claimed"'


@dataclass(frozen=True)
class Death:
    """An orchestrator that was killed, and the sagas that it held."""

    at: datetime
    victim: str
    left: Set[Held]


@dataclass(frozen=True)
class Claim:
    at: datetime
    correlation_id: str
    epoch: int


@dataclass(frozen=True)
class TakeOver:
    at: datetime
    "of the death"
    correlation_id: str
    seconds: float


def claims(log: Path) -> Iterator[Claim]:
    """In the order of the log. An owner killed after its claim leaves no line: the next claim counts."""
    with log.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if CLAIMED in line:
                told = _read(line.partition("| ")[2])
                if told:
                    at = datetime.fromisoformat(told["timestamp"])
                    yield Claim(at, told["correlation_id"], int(told["epoch"]))


def take_overs(deaths: Iterable[Death], claimed: Iterable[Claim]) -> list[TakeOver]:
    """What was never claimed was cancelled by its client, and has no time."""
    by_saga: dict[str, list[Claim]] = {}
    for claim in claimed:
        by_saga.setdefault(claim.correlation_id, []).append(claim)
    return [
        TakeOver(death.at, cid, (first.at - death.at).total_seconds())
        for death in deaths
        for cid, epoch in sorted(death.left)
        if (first := next((one for one in by_saga.get(cid, []) if one.epoch > epoch), None))
    ]


def percentile(values: Iterable[float], share: float) -> float:
    """The nearest rank; 0 of nothing."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0


def _read(text: str) -> dict[str, str]:
    """Nothing for a line that a kill has cut."""
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
