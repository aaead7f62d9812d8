"""The README's first booking: its commands as they stand, on a suite as `make run` starts it."""

import json
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
import requests

from proofs.e2e.commands import commands, each, run
from proofs.e2e.desk import TERMINAL, wait
from scripts.booking_suite import Config, booking_suite, settings_of
from scripts.console import Console
from scripts.follow import log_file
from scripts.paths import ROOT
from scripts.prepare import prepare

pytestmark = pytest.mark.e2e
PAGE = commands(ROOT / "README.md")
# What a reader copies out of an answer.
COPIED = {name: name.upper() for name in ("correlation_id", "booking_reference", "quote_id")}
QUIET = 'curl() { command curl --silent --show-error --fail-with-body "$@"; }'


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    config = Config.beside(tmp_path)
    with (tmp_path / "said").open("w") as out, closing(Console(out, kept=log_file(tmp_path))) as console:
        prepare(config, console, seed=False)
        with booking_suite(config, console=console):
            yield config


def has_ended(backend: str, saga: str) -> bool:
    """Of a step that was called directly there is no saga."""
    status = requests.get(f"{backend}/api/saga/status/{saga or 'none'}/", timeout=10)
    return status.status_code == 404 or status.json()["status"] in TERMINAL


def test_commands_of_the_readme_work_one_after_the_other(config: Config) -> None:
    start, *first_booking = each(PAGE["Run it"])
    assert start == "make run"
    environment = settings_of(config, "backend", "flight")
    urls = {name: config.url(name) for name in config.ports}
    copied: dict[str, str] = {}
    for written in [*first_booking, *each(PAGE["Seven lessons"])]:
        command = written
        for name, placeholder in COPIED.items():
            command = command.replace(placeholder, copied.get(name, placeholder))
        said = run(f"{QUIET}\n{command}", urls, environment)
        if said.startswith("{"):
            copied |= {name: value for name, value in json.loads(said).items() if name in COPIED}
            wait(partial(has_ended, urls["backend"], copied.get("correlation_id", "")), command)
    assert copied.keys() == COPIED.keys()
