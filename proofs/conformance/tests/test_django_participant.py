"""The participant of the tutorial, in plain Django with the guard, keeps every rule."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from saga_conformance.participant import Participant
from saga_conformance.report import HELD, examine
from tests.hotels import free_port

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "shop"
PATIENCE = 60.0


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[str]:
    """The address of its steps."""
    folder, port = tmp_path / "shop", free_port()
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("db.sqlite3*", "__pycache__"))
    others = {name: value for name, value in os.environ.items() if not name.startswith("DJANGO")}
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "-v0"], cwd=folder, env=others, check=True)
    with (tmp_path / "log").open("w") as log:
        serve = [*manage, "runserver", str(port), "--noreload"]
        server = subprocess.Popen(serve, cwd=folder, env=others, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}/api/saga"
    try:
        _wait_for(f"{address}/charge-card/")
        yield address
    finally:
        server.kill()
        server.wait()


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            requests.get(address, timeout=PATIENCE)
        except requests.ConnectionError:
            assert time.monotonic() < deadline, "it does not answer"
        else:
            return


def test_it_keeps_every_rule(bank: str) -> None:
    participant = Participant(
        f"{bank}/charge-card/",
        f"{bank}/refund-card/",
        {"data": {"cents": 5, "card": "4111"}},
        other_body={"data": {"cents": 6, "card": "4111"}},
        refused_body={"data": {"cents": 5, "card": "declined"}},
        refusals=["DECLINED"],
        expected={"cents": 5},
    )
    tried = {finding.rule: finding for finding in examine(participant)}
    others = {rule: finding.verdict for rule, finding in tried.items() if finding.verdict != HELD}
    assert others == {"a restart forgets nothing": "not tried"}
