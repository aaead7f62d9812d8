"""What a run of the bench does, from the command line and the environment."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from scripts.paths import ROOT

OUTPUT = ROOT / "var" / "bench"


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: float
    warmup: float
    clients: tuple[int, ...]
    counted: int
    postgres: bool
    engines: bool
    "DBOS, Celery and Procrastinate beside the other baselines"
    base: str
    "a revision to compare with instead of the baselines; empty for none"
    output: Path

    @property
    def name(self) -> str:
        """The name of this run's files."""
        kind = "compare-" if self.base else ""
        return f"{kind}{'postgres' if self.postgres else 'sqlite'}"


def read(arguments: list[str]) -> Plan:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="What a booking costs: the suite beside two baselines."
    )
    env = os.environ.get
    parser.add_argument("--rounds", type=int, default=env("ROUNDS", "3"), help="interleaved rounds")
    parser.add_argument("--seconds", type=float, default=env("SECONDS", "5"), help="of one load")
    parser.add_argument("--warmup", type=float, default=1.5, help="seconds before each load")
    parser.add_argument("--clients", default=env("CLIENTS", "1,8,32"), help="with commas between")
    parser.add_argument("--counted", type=int, default=300, help="bookings of the counted round")
    parser.add_argument("--db", choices=("sqlite", "postgres"), default=env("BENCH_DB", "sqlite"))
    parser.add_argument("--engines", action="store_true", default=bool(env("ENGINES")))
    parser.add_argument("--base", default=env("BASE", ""), help="another revision, instead of the baselines")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    given = parser.parse_args(arguments)
    return Plan(
        rounds=given.rounds,
        seconds=given.seconds,
        warmup=given.warmup,
        clients=tuple(int(word) for word in given.clients.split(",")),
        counted=given.counted,
        postgres=given.db == "postgres",
        engines=given.engines,
        base=given.base,
        output=given.output,
    )
