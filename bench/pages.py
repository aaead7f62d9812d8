"""Whether the pages answer in time beside much data: `make bench-pages`.

python -m bench.pages [--sagas 100000] [--days 220] [--times 40]

A suite of its own gets a schedule of so many days (about 470 flights a day) and so many finished sagas; then
each page is asked for again and again over one connection. Exit code 1 if the median of one is over 50 ms.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from bench.growth import BACKEND, QUESTIONS
from scripts.booking_suite import Config, services, settings_of
from scripts.console import Console
from scripts.paths import VENV_PYTHON
from scripts.prepare import prepare
from scripts.suite import Suite

LIMIT_MS = 50.0
DAYS_AHEAD = 30
OPEN = 200
PARTY, BOOKINGS = 9, 6
"so that the seat map has seats that are taken"


@dataclass(frozen=True)
class Timing:
    page: str
    median: float
    p95: float

    @property
    def is_in_time(self) -> bool:
        return self.median < LIMIT_MS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, usual in (("sagas", 100_000), ("days", 220), ("times", 40)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="saga-pages-") as folder:
        config, console = Config.beside(Path(folder), LOG_LEVEL="WARNING"), Console(sys.stderr)
        prepare(config, console, seed=False)
        _run(config, "manage.py", "make_schedule", f"--days={given.days}")
        _run(config, str(QUESTIONS), "fill", str(given.sagas), str(OPEN))
        # Without recovery: it would take up the open sagas that were only written.
        suite = Suite(
            [each for each in services(config) if each.name != "recovery"],
            data_dir=config.data_dir,
            console=console,
        )
        with suite:
            timings = measure(suite, given.times)
    tell(timings, sys.stdout.write)
    return 0 if all(each.is_in_time for each in timings) else 1


def _run(config: Config, *words: str) -> None:
    environment = os.environ | settings_of(config, "backend", "flight") | {"PYTHONPATH": str(BACKEND)}
    subprocess.run([str(VENV_PYTHON), *words], cwd=BACKEND, env=environment, check=True, stdout=sys.stderr)


def measure(suite: Suite, times: int) -> list[Timing]:
    day = (datetime.now(UTC) + timedelta(days=DAYS_AHEAD)).date()
    with requests.Session() as session:
        route = f"origin=DFW&destination=ORD&depart_date={day}"
        found = session.get(f"{suite.url('backend')}/api/flights/search/?{route}", timeout=30).json()
        flight = found["results"][0]["id"]
        booked = [_book(session, suite, flight) for _ in range(BOOKINGS)][-1]
        booked["flight_number"] = found["results"][0]["flight_number"]
        return [
            _time(session, page, suite.url("ui") + path, times)
            for page, path in pages(day.isoformat(), flight, booked).items()
        ]


def pages(day: str, flight: int, booked: dict[str, Any]) -> dict[str, str]:
    saga = booked["correlation_id"]
    return {
        "search": "/",
        "results": f"/flights/?origin=DFW&destination=ORD&depart={day}",
        "fare strip": f"/flights/fares/?from=DFW&to=ORD&day={day}&cabin=economy",
        "seat map": f"/book/seats/?flight={flight}&passengers=1",
        "trip": f"/trips/{booked['booking_reference']}/",
        "progress": f"/progress/{saga}/?how=1",
        "console": "/console/",
        "console, compensating": "/console/?status=COMPENSATING",
        "console, one traveller": "/console/?user=77",
        "console, one saga": f"/console/{saga}/",
        "console, a flight": f"/console/?q={booked['flight_number']}+{day}",
        "console, a name": "/console/?q=Ada+Lovelace",
        "console, all of one error": "/console/group/?why=none",
        "console, settled by hand": "/console/by-hand/",
        "lessons": "/learn/",
        "console, audit": "/console/audit/",
    }


def _book(session: requests.Session, suite: Suite, flight: int) -> dict[str, Any]:
    person = {"first_name": "Ada", "last_name": "Lovelace"}
    contact = {"email": "ada@example.com", "mobile": "+15550100"}
    body = {"flight_id": flight, "user_id": "bench", "passengers": [person] * PARTY, "contact_info": contact}
    address = f"{suite.url('backend')}/api/saga/start-booking/"
    answer: dict[str, Any] = session.post(address, json=body, timeout=30).json()
    return answer


def _time(session: requests.Session, page: str, address: str, times: int) -> Timing:
    milliseconds = []
    for _ in range(times + 1):
        began = time.perf_counter()
        session.get(address, timeout=30).raise_for_status()
        milliseconds.append((time.perf_counter() - began) * 1000)
    later = milliseconds[1:]
    return Timing(page, statistics.median(later), statistics.quantiles(later, n=20)[-1])


def tell(timings: Iterable[Timing], write: Callable[[str], object]) -> None:
    write(f"{'ms':<26}{'median':>8}{'p95':>8}\n")
    for each in timings:
        late = "" if each.is_in_time else f"   over {LIMIT_MS:g}"
        write(f"{each.page:<26}{each.median:>8.1f}{each.p95:>8.1f}{late}\n")


if __name__ == "__main__":
    sys.exit(main())
