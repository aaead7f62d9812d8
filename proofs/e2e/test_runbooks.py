"""Every command of docs/runbooks.md, on a suite with a stuck saga."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from proofs.e2e.commands import commands, run
from proofs.e2e.desk import wait
from scripts.booking_suite import Config, booking_suite, settings_of
from scripts.console import Console
from scripts.paths import ROOT
from scripts.prepare import prepare
from scripts.suite import Suite

pytestmark = pytest.mark.e2e
# Those for containers are the production drill's.
PAGE = {
    title: "\n".join(line for line in code.splitlines() if not line.startswith("docker "))
    for title, code in commands(ROOT / "docs" / "runbooks.md").items()
}
INTRODUCTION, *ALARMS = PAGE
SETTINGS = {"SAGA_ATTENTION_SECONDS": "1", "SAGA_RECOVERY_POLL": "0.2"}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config.beside(tmp_path, **SETTINGS)


@pytest.fixture
def suite(config: Config, tmp_path: Path) -> Iterator[Suite]:
    with (tmp_path / "suite.log").open("w", encoding="utf-8") as lines:
        console = Console(lines)
        prepare(config, console, seed=False)
        with booking_suite(config, console=console) as started:
            yield started


def stuck(suite: Suite) -> str:
    """A saga whose payment cannot be given back."""
    faults = {"faults": [{"step": "CancelPayment", "kind": "fail"}]}
    requests.put(f"{suite.url('payment')}/api/demo/faults/", json=faults, timeout=10).raise_for_status()
    body = {
        "flight_id": 1,
        "user_id": "runbook",
        "passengers": [{"first_name": "Ada", "last_name": "Lovelace"}],
        "contact_info": {"email": "ada@example.com", "mobile": "+15550100"},
        "simulate_confirmbooking_fail": True,
    }
    url = suite.url("backend")
    cid = requests.post(f"{url}/api/saga/start-booking/", json=body, timeout=20).json()["correlation_id"]
    status = f"{url}/api/saga/status/{cid}/"
    wait(lambda: bool(requests.get(status, timeout=10).json()["needs_attention"]), "the saga is stuck")
    return str(cid)


def test_commands_of_every_runbook_work(config: Config, suite: Suite) -> None:
    cid = stuck(suite)
    environment = settings_of(config, "backend", "flight")
    urls = {name: config.url(name) for name in config.ports}
    listed = run(PAGE[INTRODUCTION], urls, environment)
    assert cid in listed
    begin = PAGE[INTRODUCTION].splitlines()[0]
    for alarm in ALARMS:
        script = re.sub(r"\bID\b", cid, PAGE[alarm])
        assert script, alarm
        said = run(f"{begin}\n{script}", urls, environment)
        if alarm == "StuckCompensation":
            # Settled by hand, it has ended.
            assert f"{cid}  book-trip  COMPENSATED" in said, said
