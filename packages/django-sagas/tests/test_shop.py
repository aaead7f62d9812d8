"""The example with real processes, which are killed by SIGKILL while orders are on their way."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import tutorial
from tests.processes import free_ports

PATIENCE = 60.0
STOCK, CENTS = 8, 1999
ORDERS = [("lamp", "declined" if number % 4 == 3 else "4111") for number in range(14)]
# A dead owner's saga is taken over soon.
QUICK = (
    "SAGA_LEASE, SAGA_CALL_TIMEOUT, SAGA_RECOVERY_POLL = 2.0, 1.0, 0.1\nSAGA_FORWARD_BACKOFF = (0.1, 0.5)\n"
)
EVENTS_BETWEEN_KILLS = 7


@dataclass
class Shop:
    folder: Path
    bank: int
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def manage(self, *words: str) -> list[str]:
        return [sys.executable, "manage.py", *words]

    def run(self, *words: str) -> None:
        subprocess.run(
            self.manage(*words), cwd=self.folder, env=self.environment, check=True, capture_output=True
        )

    @property
    def environment(self) -> dict[str, str]:
        others = {
            name: value for name, value in os.environ.items() if not name.startswith(("DJANGO", "COV_"))
        }
        return {**others, "PYTHONPATH": os.pathsep.join(sys.path)}

    def begin(self, name: str) -> None:
        words = ("run_recovery",) if name == "recovery" else ("runserver", str(self.bank), "--noreload")
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                self.manage(*words), cwd=self.folder, env=self.environment, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def rows(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self.folder / "db.sqlite3")) as database:
            return database.execute(sql).fetchall()

    def open_sagas(self) -> int:
        return len(self.rows("SELECT 1 FROM sagas_saga WHERE due_at IS NOT NULL"))

    def events(self) -> int:
        ((events,),) = self.rows("SELECT COALESCE(SUM(last_sequence), 0) FROM sagas_saga")
        return int(events)

    def goes_on_from(self, events: int) -> Callable[[], bool]:
        """Until so many more events are there, or all sagas have ended."""
        return lambda: self.events() >= events + EVENTS_BETWEEN_KILLS or not self.open_sagas()

    def order(self, product: str, card: str) -> None:
        body = urllib.parse.urlencode({"product": product, "card": card}).encode()
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.bank}/orders/", body, timeout=PATIENCE
        ) as answer:
            assert answer.status == 202

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.bank}/orders/", timeout=PATIENCE) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def until(happens: Callable[[], bool], shop: Shop) -> None:
    deadline, pause = time.monotonic() + PATIENCE, threading.Event()
    while not happens():
        if time.monotonic() > deadline:
            raise AssertionError((shop.folder / "recovery.log").read_text()[-3000:])
        pause.wait(0.02)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    folder = tmp_path / "shop"
    shutil.copytree(tutorial.EXAMPLE, folder, ignore=shutil.ignore_patterns("db.sqlite3*", "__pycache__"))
    (port,) = free_ports("8001").values()
    settings = folder / "shop" / "settings.py"
    settings.write_text(settings.read_text().replace("8001", str(port)) + QUICK)
    shop = Shop(folder, port)
    shop.run("migrate")
    create = f"from orders.models import Product; Product.objects.create(name='lamp', stock={STOCK})"
    shop.run("shell", "-c", create)
    yield shop
    for name in list(shop.running):
        shop.kill(name)


def test_orders_survive_kill_9_of_every_process(shop: Shop) -> None:
    shop.begin("bank")
    until(shop.answers, shop)
    for order in ORDERS:
        shop.order(*order)
    shop.begin("recovery")
    kills = 0
    while shop.open_sagas():
        until(shop.goes_on_from(shop.events()), shop)
        # The bank dies less often: while it starts, orders wait.
        name = "bank" if kills % 3 == 2 else "recovery"
        shop.kill(name)
        shop.begin(name)
        kills += 1
    # How many it takes depends on how far a process comes between two looks.
    assert kills >= 3
    _the_books_agree(shop)


def _the_books_agree(shop: Shop) -> None:
    sagas = dict(shop.rows("SELECT correlation_id, status FROM sagas_saga"))
    orders = dict(shop.rows("SELECT saga, state FROM orders_order"))
    paid: dict[str, list[int]] = {}
    for saga, cents in shop.rows("SELECT saga, cents FROM orders_payment"):
        paid.setdefault(saga, []).append(cents)
    complete = {saga for saga, status in sagas.items() if status == "COMPLETED"}
    assert len(sagas) == len(ORDERS)
    assert set(sagas.values()) == {"COMPLETED", "COMPENSATED"}
    assert {saga for saga, state in orders.items() if state == "shipped"} == complete
    assert not [saga for saga, state in orders.items() if state == "reserved"]
    for saga in sagas:
        assert paid.get(saga, []) == ([CENTS] if saga in complete else [])
    ((left,),) = shop.rows("SELECT stock FROM orders_product")
    assert left + len(complete) == STOCK
    assert shop.rows("SELECT attention FROM sagas_saga WHERE attention <> ''") == []
