"""How long open sagas wait when every orchestrator dies at once: `make chaos-recovery` (OPEN=, DB=, ENGINE=).

Payment is stopped while the sagas pile up, so that backend and recovery hold some of them and the rest wait;
then both are killed. The time runs from the kill to the saga's next claim, restart of the processes included.
Exit code 0 when the 99th percentile keeps its limit and every saga ends, else 1.
"""

import argparse
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from proofs.chaos.arena import Place, undisturbed
from proofs.chaos.desk import Desk
from proofs.chaos.given import START
from proofs.chaos.offers import find_offers
from proofs.chaos.plan import CALLERS
from proofs.chaos.standing import open_held, open_sagas, statuses, wait_until
from proofs.chaos.takeovers import Death, claims, percentile, take_overs
from proofs.chaos.travellers import booking

IN_REQUESTS = 4
"As many as may wait for one participant; the other threads go on accepting."
LIMITS = ((100, 15.0), (1_000, 30.0))
"Seconds of the 99th percentile, with so many open."


def measure(folder: Path, *, database: str, engine: str, count: int, rounds: int) -> list[float]:
    """Seconds for each saga of each round. Raises NotTerminalError."""
    environment = {"SAGA_ENGINE": engine}
    with undisturbed(folder, database=database, environment=environment) as field:
        flights = find_offers(field.backend).plenty
        deaths = [_round(field, flights, count, number) for number in range(rounds)]
        return [one.seconds for one in take_overs(deaths, claims(field.log))]


def _round(field: Place, flights: Sequence[int], count: int, number: int) -> Death:
    desk, log = Desk(field.backend), field.databases["backend"]
    bodies = [booking(flights[k % len(flights)], f"traveller-{number}-{k}") for k in range(count)]
    field.suite.send("payment", signal.SIGSTOP)
    cut = [threading.Thread(target=desk.post, args=(START, body)) for body in bodies[:IN_REQUESTS]]
    for one in cut:
        one.start()
    with ThreadPoolExecutor(IN_REQUESTS) as pool:
        list(pool.map(partial(desk.post, START, Prefer="respond-async"), bodies[IN_REQUESTS:]))
    wait_until(lambda: open_sagas(statuses(log)) >= count)
    at = datetime.now(UTC)
    for victim in CALLERS:
        field.suite.kill(victim)
    left = open_held(log)
    field.suite.send("payment", signal.SIGCONT)
    for one in cut:
        one.join()
    wait_until(lambda: not open_sagas(statuses(log)))
    field.suite.wait_ready()
    return Death(at, "all", left)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="saga-recovery-") as name:
        seconds = measure(
            Path(name), database=options.db, engine=options.engine, count=options.open, rounds=options.rounds
        )
    limit = next((limit for most, limit in LIMITS if options.open <= most), LIMITS[-1][1])
    p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
    sys.stdout.write(
        f"DB={options.db} ENGINE={options.engine}, {options.open:,} open, {options.rounds} rounds,"
        f" {len(seconds):,} claims: p50 {p50:.1f} s, p99 {p99:.1f} s (limit {limit:.0f} s),"
        f" max {max(seconds):.1f} s\n"
    )
    return int(p99 > limit)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="proofs.chaos.recovery", description=__doc__)
    parser.add_argument("--open", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--engine", choices=("local", "procrastinate"), default="local")
    return parser


if __name__ == "__main__":
    sys.exit(main())
