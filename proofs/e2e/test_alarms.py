"""The three alarms that must fire within a minute, in a suite with the deadlines and limits of a deployment.

Prometheus scrapes and evaluates every 5 s and then waits for the rule's `for`; what is left of the minute is
the services' own.
"""

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from scripts.booking_suite import Config, booking_suite
from scripts.console import Console
from scripts.paths import ROOT
from scripts.prepare import prepare
from scripts.suite import Suite

pytestmark = pytest.mark.e2e
MINUTE = 60.0
POLL = 0.5
TERM = re.compile(r"max(?: by \(\w+\))? ?\((\w+)\) > (\d+)")
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def suite(tmp_path: Path) -> Iterator[Suite]:
    config = Config.beside(tmp_path)
    with (tmp_path / "suite.log").open("w", encoding="utf-8") as lines:
        console = Console(lines)
        prepare(config, console, seed=False)
        with booking_suite(config, console=console) as started:
            yield started


def prometheus() -> tuple[dict[str, dict[str, Any]], float]:
    """The rules by name, and the seconds that a scrape and an evaluation may add."""
    folder = ROOT / "deploy" / "prometheus"
    rules = yaml.safe_load((folder / "alerts.yml").read_text())["groups"][0]["rules"]
    intervals = yaml.safe_load((folder / "prometheus.yml").read_text())["global"]
    added = sum(float(intervals[f"{name}_interval"][:-1]) for name in ("scrape", "evaluation"))
    return {rule["alert"]: rule for rule in rules}, added


def holds(suite: Suite, expression: str) -> bool:
    """Whether a rule's expression is true for the backend's metrics."""
    term = TERM.fullmatch(expression)
    assert term is not None, f"this test cannot read {expression}"
    text = requests.get(suite.url("backend") + "/metrics", timeout=10).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return max((one.value for one in samples if one.name == term[1]), default=0) > float(term[2])


def seconds_to_fire(suite: Suite, alert: str, began: float) -> float:
    """From `began` until it goes off at the latest: its expression has held for as long as the rule asks."""
    rules, added = prometheus()
    rule = rules[alert]
    lasting = float(rule["for"][:-1])
    since: float | None = None
    while (now := time.monotonic()) - began < MINUTE:
        if not holds(suite, rule["expr"]):
            since = None
        elif since is None:
            since = now
        elif now - since >= lasting:
            return now - began + added
        time.sleep(POLL)
    raise AssertionError(f"{alert} did not go off within {MINUTE:.0f} s")


def book(suite: Suite, *, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    body = {
        "flight_id": 1,
        "user_id": "alarmed",
        "passengers": [{"first_name": "Grace", "last_name": "Hopper"}],
        "contact_info": {"email": "grace@example.com", "mobile": "+15550100"},
        **changes,
    }
    url = suite.url("backend") + "/api/saga/start-booking/"
    return requests.post(url, json=body, headers=headers, timeout=30).json()


def plant(suite: Suite) -> dict[str, float]:
    """What must raise each alarm, and when it was done."""
    planted = {"StuckCompensation": time.monotonic()}
    fault = {"faults": [{"step": "CancelPayment", "kind": "refuse"}]}
    requests.put(suite.url("payment") + "/api/demo/faults/", json=fault, timeout=10).raise_for_status()
    assert book(suite, simulate_awardmiles_fail=True)["status"] == "COMPENSATING"
    suite.stop_one("recovery")
    planted["SagaWithoutProgress"] = time.monotonic()
    book(suite, headers=ASYNC)
    suite.stop_one("loyalty")
    planted["BreakerOpen"] = time.monotonic()
    with ThreadPoolExecutor(4) as clients:
        list(clients.map(lambda _: book(suite), range(24)))
    return planted


def test_orphan_stuck_compensation_and_open_breaker_are_alarmed_within_a_minute(suite: Suite) -> None:
    rules, _ = prometheus()
    for alert in ("StuckCompensation", "SagaWithoutProgress", "BreakerOpen"):
        assert not holds(suite, rules[alert]["expr"]), alert
    planted = plant(suite)
    with ThreadPoolExecutor(len(planted)) as watchers:
        fired = list(watchers.map(lambda each: seconds_to_fire(suite, *each), planted.items()))
    assert max(fired) <= MINUTE, dict(zip(planted, fired, strict=True))
