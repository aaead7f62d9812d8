"""PostgreSQL fails under load: callers meet nothing worse than a 503, and within ten seconds all is well
again without a process being started anew. DATABASE_FAULT_SECONDS sets how long each fault lasts.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import requests

from proofs.e2e.database_faults import ENDED, FAULTS, OPEN, OPEN_BOOKINGS, Watched, watched
from saga_checker.books import Books, Told
from saga_checker.invariants import check
from saga_checker.report import report
from scripts.postgres import SERVICES

pytestmark = pytest.mark.e2e
FAULT_SECONDS = float(os.environ.get("DATABASE_FAULT_SECONDS", "3"))
HEALED_WITHIN = 10.0
QUIET_WITHIN = 120.0
HARMLESS = {"widen"}


@pytest.fixture(scope="module", params=["local", "procrastinate"])
def suite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(tmp_path_factory.mktemp("faults"), request.param) as running:
        yield running


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_worse_than_a_503_and_all_is_well_within_ten_seconds(suite: Watched, fault: str) -> None:
    suite.answers.clear()
    suite.odd.clear()
    pids = {name: suite.suite.pid(name) for name in suite.suite.names}
    try:
        with suite.load():
            wait_for(lambda: suite.answers["booking", "200"] > 0, QUIET_WITHIN)
            FAULTS[fault](suite, FAULT_SECONDS)
            over, began = datetime.now(UTC), time.monotonic()
            before = {saga: seen for saga, *seen in suite.read(OPEN_BOOKINGS)}
            healed = wait_for_all(signs(suite, over, before), began)
    except AssertionError as error:
        error.add_note(suite.seen())
        raise
    tell(f"{fault}: {dict(suite.answers)}; healed after {healed}")
    assert not suite.odd, "\n".join(suite.odd[:5])
    assert fault in HARMLESS or any(status == "503" for _, status in suite.answers), "it was not felt"
    assert pids == {name: suite.suite.pid(name) for name in suite.suite.names}
    check_books(suite)


def signs(suite: Watched, over: datetime, before: dict[str, list[object]]) -> dict[str, Callable[[], bool]]:
    """What shows that all is well."""

    def beats() -> bool:
        beat = suite.heartbeat()
        return beat is not None and beat > over

    def every_saga_moved() -> bool:
        """None is open and as it was when the fault was over."""
        return not any(before.get(saga) == seen for saga, *seen in suite.read(OPEN_BOOKINGS))

    return {
        "ready": lambda: all(suite.readiness(name)[0] == 200 for name in SERVICES),
        "booking": lambda: alone(suite.book),
        "page": lambda: alone(suite.visit),
        "heartbeat": beats,
        "sagas": every_saga_moved,
    }


def alone(work: Callable[[requests.Session], bool]) -> bool:
    """With a session of its own."""
    with requests.Session() as session:
        return work(session)


def wait_for_all(signs: dict[str, Callable[[], bool]], began: float) -> dict[str, float]:
    with ThreadPoolExecutor(len(signs)) as pool:
        waits = {sign: pool.submit(wait_for, well, HEALED_WITHIN, began) for sign, well in signs.items()}
        return {sign: wait.result() for sign, wait in waits.items()}


def wait_for(is_so: Callable[[], bool], within: float, began: float | None = None) -> float:
    """The seconds that it took since `began`."""
    began = time.monotonic() if began is None else began
    while not is_so():
        assert time.monotonic() - began < within, f"not so after {within} s"
        time.sleep(0.05)
    return round(time.monotonic() - began, 1)


def check_books(suite: Watched) -> None:
    """Nothing acknowledged is lost, and every saga ends as the rules say."""
    wait_for(lambda: not suite.read(OPEN), QUIET_WITHIN)
    assert suite.read(ENDED)[0][0] >= len(set(suite.accepted))
    told = Told(clients=suite.accepted, direct_calls=False)
    databases = {name: url for name, url in suite.databases.items() if name != "ui"}
    with Books(databases, told) as books:
        results = check(books, snapshot=False)
        broken = any(result.findings.violations for result in results)
        assert not broken, "\n" + "\n".join(report(books, results, 0))


def tell(line: str) -> None:
    sys.stdout.write(f"\n{line}\n")
