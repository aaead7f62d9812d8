"""CPU of a trip of two flights, and of a booking that a worker runs, beside one flight that its request runs.

python -m bench.kinds [--rounds 5] [--bookings 160]    `make bench-kinds`

On PostgreSQL, all services, workers and the server. The kinds take turns under the same load; a ratio is the
median of the rounds' ratios. The two ratios are noted for `bench.goals`.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import requests

from bench import goals
from bench.machine import cpu_seconds
from bench.replicas import booking
from bench.systems import LATER
from proofs.e2e.replicas import Replicas, replicas

CLIENTS = 8
POLL = 0.2
MOST_SECONDS = 120.0
PAIRS = 40
RATIOS = {"two": "CPU, trip of two flights to one", "worker": "CPU, run by a worker to run by the request"}
OPEN = "SELECT COUNT(*) FROM sagas_saga WHERE due_at < now() + INTERVAL '1 hour'"
# One trip for each first flight, so that none is sold out.
TWO_FLIGHTS = """
    SELECT DISTINCT ON (first.id) first.id, second.id FROM flight_flight first
    JOIN flight_flight second ON second.origin_id = first.destination_id
        AND second.departs_at > first.arrives_at + INTERVAL '2 hours'
        AND second.departs_at < first.arrives_at + INTERVAL '1 day'
    WHERE first.departs_at > now() + INTERVAL '1 day' ORDER BY first.id, second.id LIMIT %s"""
Asked = tuple[dict[str, Any], dict[str, str]]
"a body of start-booking, and its headers"
_number = count()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bookings", type=int, default=160)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        replicas(Path(folder), each=1, workers=1, SETTLE_AFTER_SECONDS=LATER) as suite,
    ):
        kinds = {"one": _one, "two": _two(suite.read(TWO_FLIGHTS, PAIRS)), "worker": _left_to_a_worker}
        for asked in kinds.values():
            _cpu(suite, asked, given.bookings)  # Warms up.
        rounds = [
            {kind: _cpu(suite, asked, given.bookings) for kind, asked in kinds.items()}
            for _ in range(given.rounds)
        ]
    _tell(rounds, f"{given.rounds} rounds of {given.bookings} bookings")
    return 0


def _one(number: int) -> Asked:
    return booking(number), {}


def _two(pairs: Sequence[tuple[int, int]]) -> Callable[[int], Asked]:
    def asked(number: int) -> Asked:
        body = booking(number)
        del body["flight_id"]
        return body | {"flights": [{"flight_id": flight} for flight in pairs[number % len(pairs)]]}, {}

    return asked


def _left_to_a_worker(number: int) -> Asked:
    return booking(number), {"Prefer": "respond-async"}


def _cpu(suite: Replicas, asked: Callable[[int], Asked], bookings: int) -> dict[str, float]:
    """Milliseconds a booking, by kind of process."""
    with psycopg.connect(suite.databases["backend"], autocommit=True) as connection:
        before = cpu_seconds(suite.pids())
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(lambda _: _client(suite, asked, bookings // CLIENTS), range(CLIENTS)))
        _wait_until_quiet(connection)
        after = cpu_seconds(suite.pids())
    made = bookings // CLIENTS * CLIENTS
    cpu: dict[str, float] = {}
    for name in after:
        kind = name.partition("-")[0]
        cpu[kind] = cpu.get(kind, 0.0) + (after[name] - before[name]) * 1000 / made
    return cpu


def _client(suite: Replicas, asked: Callable[[int], Asked], bookings: int) -> None:
    url = suite.url("backend") + "/api/saga/start-booking/"
    with requests.Session() as session:
        for _ in range(bookings):
            body, headers = asked(next(_number))
            answer = session.post(url, json=body, headers=headers, timeout=30)
            answer.raise_for_status()
            assert answer.json()["status"] in ("PENDING", "COMPLETED"), answer.text


def _wait_until_quiet(connection: psycopg.Connection[Any]) -> None:
    """On one connection: a new one for each look would cost the server as much as a booking."""
    deadline = time.monotonic() + MOST_SECONDS
    while connection.execute(OPEN).fetchone() != (0,):
        assert time.monotonic() < deadline, "sagas are still open"
        time.sleep(POLL)  # Between two looks at the sagas.


def _tell(rounds: Sequence[Mapping[str, Mapping[str, float]]], how: str) -> None:
    for line in _lines(rounds):
        sys.stdout.write(line + "\n")
    goals.note("kinds", "postgres", ratios(rounds), how=how)


def _lines(rounds: Sequence[Mapping[str, Mapping[str, float]]]) -> Iterator[str]:
    for kind in rounds[0]:
        parts = {part: statistics.median(each[kind][part] for each in rounds) for part in rounds[0][kind]}
        told = ", ".join(f"{part} {cpu:.2f}" for part, cpu in parts.items())
        yield f"{kind}: {sum(parts.values()):.2f} ms CPU a booking: {told}"
    for figure, ratio in ratios(rounds).items():
        yield f"{figure}: {ratio:.2f}"


def ratios(rounds: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[str, float]:
    """By figure, from each round's milliseconds by kind of booking and of process."""
    wholes = [{kind: sum(parts.values()) for kind, parts in each.items()} for each in rounds]
    return {
        figure: statistics.median(each[kind] / each["one"] for each in wholes)
        for kind, figure in RATIOS.items()
    }


if __name__ == "__main__":
    sys.exit(main())
