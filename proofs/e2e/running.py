"""A suite of one's own on free ports and in a folder of its own, with deadlines short enough to wait for.

BACKEND_DATABASE_URL and so on, as for `make run`, put its databases elsewhere than into that folder.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from proofs.e2e.desk import Addresses
from saga_checker.books import Books, Told
from saga_checker.invariants import check
from saga_checker.memory import remember
from saga_checker.report import report
from scripts.booking_suite import SERVERS, Config, booking_suite
from scripts.console import Console
from scripts.prepare import prepare

SHORT = {
    # Another charge than payment's default: what the backend quotes is what has to be charged.
    "OTHER_CHARGES": "62.50",
    "GATEWAY_TIMEOUT_SECONDS": "0.3",
    "SAGA_CALL_TIMEOUT": "3",
    "SAGA_FORWARD_DEADLINE": "15",
    "SAGA_LEASE": "4",
    "SAGA_RECOVERY_POLL": "0.2",
    "SAGA_COMPENSATION_BACKOFF_CAP": "2",
}
LINES_SHOWN = 40


class Auditor:
    """Runs the checker on a data folder; what it saw is held against what it sees the next time."""

    def __init__(self, data_dir: Path, logs: Sequence[Path] = ()) -> None:
        elsewhere = Config.from_environment().databases
        self._addresses = {
            name: elsewhere.get(name, str(data_dir / f"{name}.sqlite3"))
            for name, _, _ in SERVERS
            if name != "ui"
        }
        self._logs = logs
        self._before: Mapping[str, Any] = {}

    def check(self, clients: Sequence[str], *, snapshot: bool) -> None:
        """Raises AssertionError with the checker's report when an invariant does not hold."""
        told = Told(clients=clients, logs=self._logs, before=self._before)
        with Books(self._addresses, told) as books:
            results = check(books, snapshot=snapshot)
            broken = any(result.findings.violations for result in results)
            assert not broken, "\n" + "\n".join(report(books, results, 0))
            self._before = remember(books)


class OwnSuite:
    """The four services and the recovery process."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="saga-e2e-")
        data_dir = Path(self._folder.name)
        self.log = data_dir / "suite.log"
        self._lines = self.log.open("w", encoding="utf-8")
        console = Console(self._lines)
        config = replace(Config.beside(data_dir, **SHORT), databases=Config.from_environment().databases)
        self._suite = booking_suite(config, console=console)
        self.auditor = Auditor(data_dir, [self.log])
        try:
            prepare(config, console, seed=False)
            self.start()
        except BaseException as error:
            error.add_note(self._last_lines())
            self.stop()
            raise

    @property
    def addresses(self) -> Addresses:
        return Addresses(*(self._suite.url(name) for name in ("ui", "backend", "loyalty", "payment")))

    def stop(self) -> None:
        self._suite.stop()
        self._lines.close()
        self._folder.cleanup()

    def kill(self, name: str) -> None:
        self._suite.kill(name)

    def kill_all(self) -> None:
        self._suite.kill_all()

    def start(self) -> None:
        self._suite.start()

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8").splitlines()[-LINES_SHOWN:])

    def wait_ready(self) -> None:
        self._suite.wait_ready()
