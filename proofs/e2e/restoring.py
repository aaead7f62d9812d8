"""`make restore-drill`: services restored to different moments, and settled as the documentation says.

While clients book and cancel, back-ups are made. Then everything is killed, and the services are restored to
moments that do not fit. The auditor has to name every saga that the checker, which shares no code with it,
finds wrong; `manage.py settle_restore` has to leave nothing to name.
"""

import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import requests

from proofs.e2e.running import SHORT
from saga_checker.books import Books, Told
from saga_checker.invariants import check
from scripts.backups.backup import back_up
from scripts.backups.restore import restore
from scripts.booking_suite import Config, booking_suite, folder, settings_of
from scripts.console import Console
from scripts.paths import VENV_PYTHON
from scripts.postgres import private_server
from scripts.prepare import prepare
from scripts.suite import Suite
from scripts.tests.waiting import eventually

BOOKINGS, CLIENTS = 120, 4
SETTINGS = {**SHORT, "SETTLE_AFTER_SECONDS": "0.5", "LOG_LEVEL": "ERROR"}
LONG_AGO = ("--since", "2000-01-01", "--settled", "0")
NAMED = re.compile(r"(?:DRIFT|LOST) (\S+) ")
STORY = {
    "as it was made": {},
    "the backend is older": {"backend": "first"},
    "the participants are older": {"payment": "first", "loyalty": "first"},
    "payment is older": {"payment": "first"},
    "loyalty is older": {"loyalty": "first"},
}
"Which service is restored to another back-up than the last."
WITHOUT_EFFECT = re.compile(
    "intent is in no event|is not recorded|are not what was answered|has not ended|call .* is open"
)
"""What the checker asks of a suite at rest too, and what moves no seat, money or mile: a participant that has
forgotten a call which was undone, or has answered it anew; a settlement that waits for its lost payment,
whose trip is named."""


@dataclass(frozen=True)
class Result:
    restored: str
    sagas: int
    drift: int
    lost: int
    wrong: int
    "sagas that the checker finds wrong"
    unnamed: int
    "of those, by the auditor not named"
    left: int
    "named after settling"
    still_wrong: int
    settled: Mapping[str, int] = field(default_factory=dict)


def drill(base: Path, databases: Mapping[str, str], *, bookings: int = BOOKINGS) -> Iterator[Result]:
    (base / "live").mkdir()
    config = replace(Config.beside(base / "live", **SETTINGS), databases=databases)
    with (base / "log").open("w") as lines:
        console = Console(lines)
        prepare(config, console, seed=False)
        _make_backups(config, base, console, bookings)
        for name, older in STORY.items():
            yield _restored(config, base, console, name, older)


def _make_backups(config: Config, base: Path, console: Console, bookings: int) -> None:
    suite = booking_suite(config, console=console)
    with suite:
        load = Load(suite.url("backend"), bookings)
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(load.client) for _ in range(CLIENTS)]
            for number, name in enumerate(("first", "last"), start=1):
                load.wait_for(number * bookings // 3)
                back_up(config, base / name, console)
            for client in clients:
                client.result()
        suite.kill_all()


def _restored(config: Config, base: Path, console: Console, name: str, older: Mapping[str, str]) -> Result:
    for moment in ("last", "first"):
        services = [each for each in config.ports if older.get(each, "last") == moment]
        if services:
            restore(config, base / moment, console, only=services, overwrite=True)
    with booking_suite(config, console=console) as suite:
        # A settlement whose payment is lost waits until its trip is cancelled.
        _wait_until_quiet(suite, but="settle-trip")
        wrong = _wrong(config)
        named, drift, lost = _audited(config)
        settled = _manage(config, "settle_restore", *LONG_AGO, "--apply", "--reason", "the drill")
        _wait_until_quiet(suite)
        left, _, _ = _audited(config)
        _book_once_more(suite)
        _wait_until_quiet(suite)
        still = _wrong(config)
    (base / f"{name}.txt").write_text(
        "\n".join([*map(str, sorted(wrong.items())), settled, *map(str, still.items())])
    )
    return Result(
        name,
        _sagas(config),
        drift,
        lost,
        len(wrong),
        len(wrong.keys() - named),
        len(left),
        len(still),
        {
            verb: len(re.findall(f"^{verb} ", settled, re.M))
            for verb in ("AGAIN", "UNDO", "CANCEL", "NOTE", "PERSON")
        },
    )


class Load:
    """Clients that book, and cancel every third trip after some others."""

    def __init__(self, url: str, bookings: int) -> None:
        self._url, self._bookings = url, bookings
        self._numbers = count()
        self._made: list[str] = []
        self._changed = threading.Condition()
        self._asked = 0

    def wait_for(self, number: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._asked >= number, timeout=300)

    def client(self) -> None:
        with requests.Session() as session:
            while (number := next(self._numbers)) < self._bookings:
                self._book(session, number)
                if number % 3 == 2:
                    self._cancel(session)
                with self._changed:
                    self._asked += 1
                    self._changed.notify_all()

    def _book(self, session: requests.Session, number: int) -> None:
        answer = session.post(f"{self._url}/api/saga/start-booking/", json=booking(number), timeout=30)
        assert answer.status_code in (200, 202), answer.text
        if reference := answer.json().get("booking_reference"):
            self._made.append(reference)

    def _cancel(self, session: requests.Session) -> None:
        """A trip that was booked a while ago: the back-ups lie between."""
        if len(self._made) > self._bookings // 6:
            reference = self._made.pop(0)
            answer = session.post(f"{self._url}/api/bookings/{reference}/cancel/", timeout=30)
            assert answer.status_code in (200, 202), answer.text


def booking(number: int) -> dict[str, Any]:
    failing = {0: "simulate_awardmiles_fail", 1: "simulate_confirmbooking_fail"}.get(number % 8)
    return {
        "flight_id": number % 90 + 1,
        "user_id": f"user-{number % 20}",
        "passengers": [{"first_name": "Jane", "last_name": "Doe"}],
        "contact_info": {"email": "jane@example.com", "mobile": "+1234567890"},
        **({failing: True} if failing else {}),
    }


def _book_once_more(suite: Suite) -> None:
    answer = requests.post(f"{suite.url('backend')}/api/saga/start-booking/", json=booking(5), timeout=30)
    assert answer.json()["success"] is True, answer.text


def _wait_until_quiet(suite: Suite, but: str = "") -> None:
    """No saga of another definition is open."""
    url = f"{suite.url('backend')}/api/saga/?status="

    def is_quiet() -> bool:
        found = [requests.get(f"{url}{status}", timeout=10).json()["results"]
                 for status in ("PENDING", "RUNNING", "COMPENSATING")]  # fmt: skip
        return all(saga["definition"] == but for page in found for saga in page)

    assert eventually(is_quiet, within=120), "sagas are still open"


def _audited(config: Config) -> tuple[set[str], int, int]:
    """The sagas that the auditor names, and how many lines of each kind."""
    text = _manage(config, "audit_sagas", *LONG_AGO)
    assert "UNVERIFIED" not in text, text
    named = set(NAMED.findall(text))
    with Books(_addresses(config), Told()) as books:
        # The auditor names a settlement where the checker names its trip.
        named |= {
            trip
            for trip, sagas in books.settlements.items()
            if named & {each.correlation_id for each in sagas}
        }
    return named, text.count("DRIFT "), text.count("LOST ")


def _wrong(config: Config) -> dict[str, list[str]]:
    """What the checker finds, by correlation id."""
    found: dict[str, list[str]] = {}
    with Books(_addresses(config), Told()) as books:
        for result in check(books, snapshot=False):
            for one in (one for one in result.findings.violations if not WITHOUT_EFFECT.search(one.text)):
                found.setdefault(one.correlation_id, []).append(one.text)
    found.pop("", None)  # Sums, which follow from the sagas.
    return found


def _sagas(config: Config) -> int:
    with Books(_addresses(config), Told()) as books:
        return len(books.sagas)


def _addresses(config: Config) -> dict[str, str]:
    return {
        name: config.databases.get(name, str(config.data_dir / f"{name}.sqlite3"))
        for name in ("backend", "payment", "loyalty")
    }


def _manage(config: Config, *command: str) -> str:
    done = subprocess.run(  # noqa: S603  our own program
        [str(VENV_PYTHON), "manage.py", *command],
        cwd=folder("backend"),
        env=os.environ | settings_of(config, "backend", "flight"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1) and " sagas checked" in done.stdout, done.stderr
    return done.stdout


@contextmanager
def chosen_databases(kind: str) -> Iterator[Mapping[str, str]]:
    if kind != "postgres":
        yield {}
        return
    with private_server() as server:
        yield server.make_databases()


def main() -> int:
    bookings = int(os.environ.get("BOOKINGS") or BOOKINGS)
    good = True
    with (
        tempfile.TemporaryDirectory(prefix="restore-") as name,
        chosen_databases(os.environ.get("DB", "")) as urls,
    ):
        for result in drill(Path(name), urls, bookings=bookings):
            sys.stdout.write(f"{result}\n")
            sys.stdout.flush()
            good = good and not result.unnamed and not result.left
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
