"""Bookings a second of 1 + 1 and of 2 + 2 backends and workers, and which process has used the CPU.

python -m bench.replicas [--rounds 5] [--slow SECONDS]    `make bench-replicas`

Both stand side by side, each on a PostgreSQL server of its own, and are loaded in turn. Payment and loyalty
have as many replicas as the backend. Every second booking is accepted at once and left to the workers.
With --slow each payment takes so much longer, as a real gateway does: then waiting bounds the rate.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import requests

from bench.machine import cpu_seconds
from bench.systems import LATER
from proofs.e2e.replicas import Replicas, replicas

SIZES = (1, 2)
SECONDS, CLIENTS = 6.0, 12
FLIGHTS = 95
SLOW = {"step": "AuthorizePayment", "kind": "delay"}
_number = count()


@dataclass(frozen=True)
class Round:
    rate: float
    milliseconds: float
    "median answer of those that wait for the end"
    cpu: Counter[str]
    "milliseconds a saga, by kind of process"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow", type=int, default=0, metavar="SECONDS")
    given = parser.parse_args()
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in SIZES]
        pairs = zip(folders, SIZES, strict=True)
        suites = [
            stack.enter_context(replicas(folder, each=size, workers=size, SETTLE_AFTER_SECONDS=LATER))
            for folder, size in pairs
        ]
        for suite in suites:
            if given.slow:
                suite.put_faults("payment", SLOW | {"seconds": given.slow})
            _round(suite)  # Warms up.
        rounds = [[_round(suite) for suite in suites] for _ in range(given.rounds)]
    for size, measured in zip(SIZES, zip(*rounds, strict=True), strict=True):
        _tell(size, measured)
    return 0


def _round(suite: Replicas) -> Round:
    before, began = cpu_seconds(suite.pids()), time.monotonic()
    ends = began + SECONDS
    with ThreadPoolExecutor(CLIENTS) as pool:
        told = pool.map(lambda _: _client(suite, ends), range(CLIENTS))
        answers = [one for each in told for one in each]
    suite.wait_until_quiet(60)
    seconds, after = time.monotonic() - began, cpu_seconds(suite.pids())
    cpu: Counter[str] = Counter()
    for name in after:
        cpu[name.partition("-")[0]] += round((after[name] - before[name]) * 1e6 / len(answers))
    waited = [ms for ms, asynchronous in answers if not asynchronous]
    return Round(len(answers) / seconds, statistics.median(waited), cpu)


def _client(suite: Replicas, ends: float) -> list[tuple[float, bool]]:
    url, answers = suite.url("backend") + "/api/saga/start-booking/", []
    with requests.Session() as session:
        while time.monotonic() < ends:
            number, began = next(_number), time.perf_counter()
            headers = {"Prefer": "respond-async"} if number % 2 else {}
            answer = session.post(url, json=booking(number), headers=headers, timeout=30)
            answer.raise_for_status()
            answers.append(((time.perf_counter() - began) * 1000, bool(number % 2)))
    return answers


def booking(number: int) -> dict[str, object]:
    return {
        "flight_id": number % FLIGHTS + 1,
        "user_id": str(number % 1000),
        "passengers": [{"first_name": "Jane", "last_name": "Doe"}],
        "contact_info": {"email": "jane@example.com", "mobile": "+1234567890"},
        "payment": {"card_token": "tok_ok"},
    }


def _tell(size: int, measured: tuple[Round, ...]) -> None:
    rate = statistics.median(each.rate for each in measured)
    waited = statistics.median(each.milliseconds for each in measured)
    sys.stdout.write(f"{size} + {size}: {rate:.1f} sagas/s, median answer {waited:.0f} ms\n")
    for kind in measured[0].cpu:
        used = statistics.median(each.cpu[kind] for each in measured) / 1000
        sys.stdout.write(f"    {kind:<12} {used:6.2f} ms CPU a saga\n")


if __name__ == "__main__":
    sys.exit(main())
