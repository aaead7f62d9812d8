"""Two of each service and three workers on one PostgreSQL; one of each is killed under load."""

import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from proofs.e2e.replicas import Replicas, replicas
from saga_checker.books import Books, Told
from saga_checker.invariants import check
from saga_checker.report import report

pytestmark = pytest.mark.e2e
CLIENTS = 12
BOOKINGS = 600
TAKEN_WITHIN = 60.0
"How soon it usually is, `make chaos-recovery` measures."
QUIET_WITHIN = 120.0
VICTIMS = ("worker-1", "backend-1", "payment-1", "loyalty-1")


class Load:
    """Clients that book until told to stop; a try without an answer is made again with the same key."""

    def __init__(self, suite: Replicas) -> None:
        self._suite = suite
        self._numbers = count()
        self.accepted: list[str] = []
        self.tries: Counter[str] = Counter()

    def client(self) -> None:
        with requests.Session() as session:
            while (number := next(self._numbers)) < BOOKINGS:
                self.book(session, number)

    def book(self, session: requests.Session, number: int) -> None:
        headers = {"Idempotency-Key": f"load-{number}"}
        if number % 2:
            headers["Prefer"] = "respond-async"
        url, body = self._suite.url("backend") + "/api/saga/start-booking/", self._body(number)
        for _ in range(60):
            try:
                answer = session.post(url, json=body, headers=headers, timeout=20)
            except requests.RequestException:
                self.tries["no answer"] += 1
                continue
            self.tries[str(answer.status_code)] += 1
            if answer.status_code in (200, 202):
                self.accepted.append(answer.json()["correlation_id"])
                return
            assert answer.status_code in (429, 503), answer.text
            time.sleep(0.1)  # Its Retry-After, and less.
        raise AssertionError(f"booking {number} was never taken")

    def _body(self, number: int) -> dict[str, Any]:
        failing = {0: "simulate_awardmiles_fail", 1: "simulate_confirmbooking_fail"}.get(number % 5)
        return {
            "flight_id": number % 95 + 1,
            "user_id": str(number % 40),
            "passengers": [{"first_name": "Jane", "last_name": "Doe"}],
            "contact_info": {"email": "jane@example.com", "mobile": "+1234567890"},
            "payment": {"card_token": "tok_ok"},
            **({failing: True} if failing else {}),
        }


def test_one_of_each_is_killed_under_load_and_every_saga_ends_as_the_rules_say(tmp_path: Path) -> None:
    with replicas(tmp_path, each=2, workers=3) as suite:
        load = Load(suite)
        with ThreadPoolExecutor(CLIENTS + len(VICTIMS)) as pool:
            clients = [pool.submit(load.client) for _ in range(CLIENTS)]
            taken = [pool.submit(kill_when, suite, load, *victim) for victim in enumerate(VICTIMS)]
            owned = [each.result() for each in taken]
            for client in clients:
                client.result()
        suite.wait_until_quiet(QUIET_WITHIN)
        assert owned[0] > 0 and owned[1] > 0, "worker or backend was not killed in the middle of something"
        assert load.tries["no answer"] > 0, "no client met a backend that died"
        assert len(set(load.accepted)) == BOOKINGS
        ends = suite.statuses()
        assert set(ends) == {"COMPLETED", "COMPENSATED"}
        assert ends["COMPLETED"] >= 0.4 * BOOKINGS and ends["COMPENSATED"] >= 0.2 * BOOKINGS
        tell(f"{ends}; answers {dict(load.tries)}")
        check_books(suite, load.accepted)


def kill_when(suite: Replicas, load: Load, place: int, victim: str) -> int:
    """Kill it once its share of the bookings is made, and see that somebody else takes all it owned."""
    deadline = time.monotonic() + QUIET_WITHIN
    while len(load.accepted) < (place + 1) * BOOKINGS // (len(VICTIMS) + 1):
        assert time.monotonic() < deadline, f"only {len(load.accepted)} bookings were taken"
        time.sleep(0.02)
    orphans = suite.kill(victim)
    seconds = suite.wait_until_taken(orphans, TAKEN_WITHIN)
    tell(f"{victim} owned {len(orphans)} sagas; all were taken after {seconds:.1f} s")
    return len(orphans)


def tell(line: str) -> None:
    sys.stdout.write(f"\n{line}\n")


def check_books(suite: Replicas, clients: list[str]) -> None:
    told = Told(clients=clients, direct_calls=False)
    with Books(suite.databases, told) as books:
        results = check(books, snapshot=False)
        broken = any(result.findings.violations for result in results)
        assert not broken, "\n" + "\n".join(report(books, results, 0))
