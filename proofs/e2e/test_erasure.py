"""A person is erased: no field of theirs is left in any database, mail or log of the run."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from proofs.e2e.desk import wait
from proofs.e2e.guarded import PASSWORD, Browser, Signer, Trip, api, guarded, run_in
from scripts.booking_suite import SERVERS, Config, booking_suite
from scripts.console import Console
from scripts.prepare import prepare

pytestmark = pytest.mark.e2e
ACCOUNT = "quillfeather-2026"
TRIP = Trip("Zephyrine", "Quillfeather", "zephyrine@private.example", "+15557654321")
FIELDS = (ACCOUNT, TRIP.name, TRIP.last_name, TRIP.email, TRIP.mobile)


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    guard = guarded(tmp_path)
    settings = {**guard.environment, "SETTLE_AFTER_SECONDS": "1", "LIMIT_LOGINS": "10/100/300"}
    config = replace(guard, environment=settings)
    with (tmp_path / "suite.log").open("w", encoding="utf-8") as lines:
        console = Console(lines)
        prepare(config, console)
        with booking_suite(config, console=console):
            yield config


def places(config: Config) -> dict[str, list[str]]:
    """The files in which each field stands, as bytes: free pages and write-ahead logs included."""
    texts = {path.relative_to(config.data_dir).as_posix(): read(path) for path in config.data_dir.rglob("*")}
    return {
        field: sorted(name for name, text in texts.items() if field.lower().encode() in text)
        for field in FIELDS
    }


def read(path: Path) -> bytes:
    """A write-ahead log comes and goes with the connections."""
    try:
        return path.read_bytes().lower() if path.is_file() else b""
    except FileNotFoundError:
        return b""


def sweep(config: Config) -> None:
    for name, _, _ in SERVERS:
        assert run_in(config, name, "manage.py", "sweep") == "The file is compact.", name


def test_erased_person_is_found_nowhere(config: Config) -> None:
    browser = Browser(config.url("ui"))
    book(config, browser)
    browser.post("/account/profile/", {"email": TRIP.email, "password": PASSWORD})
    for _ in range(2):  # A wrong guess is counted by name.
        Browser(config.url("ui")).post("/account/login/", {"username": ACCOUNT, "password": "a guess"})
    exported = browser.post("/account/data/export/", {}).text
    assert not [field for field in FIELDS if field not in exported]
    before = places(config)
    assert all(before.values()), before
    written = {name.removesuffix("-wal") for found in before.values() for name in found}
    assert {"backend.sqlite3", "ui.sqlite3"} <= written
    # The trip is still ahead.
    assert browser.post("/account/data/", {"password": PASSWORD}).status_code == 422
    assert browser.post(
        f"/trips/{TRIP.reference}/cancel/", browser.hidden(f"/trips/{TRIP.reference}/cancel/")
    ).ok
    path = f"/api/saga/status/{TRIP.correlation_id}/"
    wait(lambda: ask(config, path)["status"] == "COMPENSATED", "the trip is cancelled")
    run_in(config, "ui", "manage.py", "erase_person", ACCOUNT, "--reason", "asked by mail")
    sweep(config)
    assert places(config) == {field: [] for field in FIELDS}
    assert ask(config, path)["booking_reference"] == TRIP.reference


def book(config: Config, browser: Browser) -> None:
    browser.register(ACCOUNT)
    browser.book(TRIP)
    path = f"/api/saga/status/{TRIP.correlation_id}/"
    wait(lambda: ask(config, path)["status"] == "COMPLETED", "the trip is booked")
    TRIP.reference = ask(config, path)["booking_reference"]
    settlement = f"/api/saga/status/{ask(config, path)['settlement']}/"
    wait(lambda: ask(config, settlement)["status"] == "COMPLETED", "the trip is settled")


def ask(config: Config, path: str) -> dict[str, str]:
    headers = {
        "Authorization": Signer.of(config, "ui").bearer("backend"),
        "X-On-Behalf-Of": "au",
        "X-On-Behalf-Of-Role": "auditor",
    }
    found: dict[str, str] = api(config.url("backend"), path, headers).json()
    return found
