"""The real services on free ports and a database of their own, for the browser tests."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import requests

from scripts.booking_suite import SERVERS, Config, booking_suite
from scripts.console import Console
from scripts.prepare import prepare

SECONDS = 30.0
POLL = 0.02
OPEN = ("PENDING", "RUNNING", "COMPENSATING")


def wait_for(look: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not look():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(POLL)


class Suite:
    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        self._lines = (data / "suite.log").open("w")
        self._console = Console(self._lines)
        # Of their own, whatever database the tests themselves run on.
        databases = {name: f"sqlite:///{data / name}.sqlite3" for name, _, _ in SERVERS}
        beside = Config.beside(data, LOG_LEVEL="WARNING", **environment)
        self._config = replace(beside, databases=databases)
        self._services = booking_suite(self._config, console=self._console)

    def url(self, service: str = "ui") -> str:
        return self._services.url(service)

    def start(self) -> None:
        prepare(self._config, self._console, seed=False)
        self._services.start()

    def stop(self) -> None:
        self._services.stop()
        self._lines.close()

    def kill_everything(self) -> None:
        """SIGKILL to every process, as a power cut would."""
        self._services.kill_all()

    def start_again(self) -> None:
        self._services.start()

    def kill(self, service: str) -> None:
        """SIGKILL to one service, which is started again by itself."""
        self._services.kill(service)

    def wait_ready(self, service: str) -> None:
        self._services.wait_ready(names=[service])

    @contextmanager
    def hung(self, service: str) -> Iterator[None]:
        """The service is stopped with its connections open: it takes requests and answers none."""
        self._services.send(service, signal.SIGSTOP)
        try:
            yield
        finally:
            self._services.send(service, signal.SIGCONT)

    # What a test looks at or does behind the browser's back.

    def get(self, path: str, service: str = "backend") -> Any:
        return requests.get(self.url(service) + path, timeout=10).json()

    def put_faults(self, service: str, *faults: dict[str, Any]) -> None:
        answer = requests.put(f"{self.url(service)}/api/demo/faults/", json={"faults": faults}, timeout=10)
        answer.raise_for_status()

    def clear_faults(self) -> None:
        for service in ("backend", "payment", "loyalty"):
            requests.delete(f"{self.url(service)}/api/demo/faults/", timeout=10).raise_for_status()

    def settle(self) -> None:
        """Clear the faults and end every saga: one that is left open would meet the next test's faults."""
        self.clear_faults()
        for correlation_id in self._open_sagas():
            self.retry(correlation_id)
        wait_for(lambda: not self._open_sagas(), "no saga is open")

    def _open_sagas(self) -> list[str]:
        pages = [self.get(f"/api/saga/?status={status}&limit=200") for status in OPEN]
        return [saga["correlation_id"] for page in pages for saga in page["results"]]

    def retry(self, correlation_id: str) -> None:
        address = f"{self.url('backend')}/api/saga/{correlation_id}/retry/"
        requests.post(address, json={"reason": "it is back"}, timeout=20).raise_for_status()

    def book(self, *, headers: dict[str, str] | None = None, **changes: Any) -> Any:
        """A booking by somebody else, to its end unless the headers say otherwise."""
        body = {
            "flight_id": 1,
            "user_id": "somebody",
            "passengers": [{"first_name": "Grace", "last_name": "Hopper"}],
            "contact_info": {"email": "grace@example.com", "mobile": "+15550100"},
            **changes,
        }
        address = f"{self.url('backend')}/api/saga/start-booking/"
        return requests.post(address, json=body, headers=headers, timeout=20).json()
