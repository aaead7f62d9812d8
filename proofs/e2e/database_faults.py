"""What PostgreSQL does to its clients while the suite runs on it, and how the suite is watched meanwhile."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import requests

from proofs.chaos import postgres_faults
from proofs.e2e.running import LINES_SHOWN, SHORT
from proofs.threads import working
from scripts.booking_suite import Config, booking_suite
from scripts.console import Console
from scripts.postgres import SERVICES, Server, private_server
from scripts.prepare import prepare
from scripts.suite import Suite

POLL = 0.1
LOCK_TIMEOUT = 2.0
"Seconds; the services' default of DATABASE_BUSY_SECONDS."
LOCKED = {
    "backend": "sagas_saga",
    "payment": "guard_step_record",
    "loyalty": "guard_step_record",
    "ui": "ui_user",
}
OPEN = "SELECT correlation_id, epoch, last_sequence FROM sagas_saga WHERE due_at IS NOT NULL"
# A settlement is left alone for some seconds, and would look as if it did not move.
OPEN_BOOKINGS = f"{OPEN} AND name = 'book-trip'"
ENDED = "SELECT COUNT(*) FROM sagas_saga WHERE due_at IS NULL"


@dataclass
class Watched:
    """The running suite, and every answer that its callers got."""

    suite: Suite
    server: Server
    databases: dict[str, str]
    log: Path
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    odd: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str) -> str:
        return self.suite.url(name)

    def book(self, session: requests.Session) -> bool:
        """Whether the booking is complete."""
        number = next(self._numbers)
        failing = {"simulate_confirmbooking_fail": True} if number % 5 == 0 else {}
        body = {
            "flight_id": number % 95 + 1,
            "user_id": str(number % 40),
            "passengers": [{"first_name": "Jane", "last_name": "Doe"}],
            "contact_info": {"email": "jane@example.com", "mobile": "+1234567890"},
            **failing,
        }
        headers = {"Prefer": "respond-async"} if number % 3 == 0 else {}
        answer = self._call(
            "booking", session.post, "backend", "/api/saga/start-booking/", json=body, headers=headers
        )
        if answer is None or answer.status_code not in (200, 202):
            return False
        self.accepted.append(answer.json()["correlation_id"])
        return bool(answer.json()["status"] == "COMPLETED")

    def visit(self, session: requests.Session) -> bool:
        """Whether a new account could be registered, which reads and writes the UI's database."""
        session.cookies.clear()
        page = self._call("page", session.get, "ui", "/account/register/")
        if page is None or page.status_code != 200:
            return False
        form = {
            "csrfmiddlewaretoken": session.cookies["csrftoken"],
            "username": f"visitor-{next(self._numbers)}",
            "email": "jane@example.com",
            "password": "correct horse 9",
        }
        words = {"data": form, "allow_redirects": False}
        answer = self._call("register", session.post, "ui", "/account/register/", **words)
        return answer is not None and answer.status_code == 302

    def _call(self, kind: str, send: Callable[..., Any], name: str, path: str, **words: Any) -> Any:
        try:
            answer = send(self.url(name) + path, timeout=30, **words)
        except requests.RequestException as error:
            self.answers[kind, "no answer"] += 1
            self.odd.append(f"{kind}: {error!r}")
            return None
        self.answers[kind, str(answer.status_code)] += 1
        refused = answer.status_code == 503 and answer.headers.get("Retry-After")
        if answer.status_code not in (200, 202, 302) and not refused:
            self.odd.append(f"{kind}: {answer.status_code} {dict(answer.headers)} {answer.text[:300]}")
        return answer

    def seen(self) -> str:
        """What may say why something did not come."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-LINES_SHOWN:]
        return "\n".join([f"answers: {dict(self.answers)}", *self.odd[:5], *lines])

    def readiness(self, name: str) -> tuple[int, dict[str, Any]]:
        answer = requests.get(self.url(name) + "/api/health/ready/", timeout=30)
        return answer.status_code, answer.json()

    def heartbeat(self) -> datetime | None:
        _, body = self.readiness("backend")
        beat = body.get("recovery_heartbeat")
        return datetime.fromisoformat(beat) if beat else None

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.databases["backend"]) as connection:
            return connection.execute(sql.encode()).fetchall()

    def load(self, clients: int = 6) -> AbstractContextManager[None]:
        """Bookings and page views without a pause, until the block is over."""
        return working([partial(self._client, work) for work in self._works(clients)])

    def _works(self, clients: int) -> Sequence[Callable[[requests.Session], bool]]:
        return [*[self.book] * (clients - 1), self.visit]

    @staticmethod
    def _client(work: Callable[[requests.Session], bool], stop: threading.Event) -> None:
        with requests.Session() as session:
            while not stop.is_set():
                work(session)
                stop.wait(0.02)  # Not as fast as a refusal can be had.


@contextmanager
def watched(data_dir: Path, engine: str) -> Iterator[Watched]:
    with ExitStack() as stack:
        server = stack.enter_context(private_server())
        databases = server.make_databases()
        beside = Config.beside(data_dir, SAGA_ENGINE=engine, DATABASE_POOL_SIZE="6", **SHORT)
        config = replace(beside, databases=databases)
        log = data_dir / "suite.log"
        console = Console(stack.enter_context(log.open("w", encoding="utf-8")))
        prepare(config, console, seed=False)
        suite = booking_suite(config, console=console, restart=False)
        stack.callback(suite.stop)
        suite.start()
        yield Watched(suite, server, databases, log)


# The faults; each lasts about so many seconds


def read_only(watched: Watched, seconds: float) -> None:
    postgres_faults.read_only(watched.server, SERVICES, partial(time.sleep, seconds))


def restart(watched: Watched, seconds: float) -> None:
    watched.server.restart()
    time.sleep(seconds)
    watched.server.restart()


def crash(watched: Watched, seconds: float) -> None:
    watched.server.restart(mode="immediate")
    time.sleep(seconds)
    watched.server.restart(mode="immediate")


def cut(watched: Watched, seconds: float) -> None:
    """One connection after the other, ten a second."""
    for _ in range(int(seconds * 10)):
        postgres_faults.cut(watched.server, SERVICES)
        time.sleep(POLL)


def widen(watched: Watched, seconds: float) -> None:
    """As a migration does it, again and again."""
    for _ in range(int(seconds)):
        postgres_faults.migrate(watched.server, SERVICES, lambda: None)
        time.sleep(1)


def migrate(watched: Watched, seconds: float) -> None:
    """One that takes long, and keeps its lock."""
    postgres_faults.migrate(watched.server, ["backend"], partial(time.sleep, seconds))


def exhaust(watched: Watched, seconds: float) -> None:
    postgres_faults.exhaust(watched.server, SERVICES, partial(time.sleep, seconds))


def lock(watched: Watched, seconds: float) -> None:
    """Each request keeps its connection until its time-out, also one that waited for a participant first."""
    postgres_faults.lock(watched.server, LOCKED, partial(time.sleep, seconds + LOCK_TIMEOUT))


FAULTS = {each.__name__: each for each in (read_only, restart, crash, cut, widen, migrate, exhaust, lock)}
