"""The suite from end to end: every step, every compensation, every failure, repeats, crowds and kill -9.

    python test_saga_implementation.py                against running services, a line for each scenario
    python test_saga_implementation.py --data var     and their databases are checked as well
    python test_saga_implementation.py --own          against a suite that it starts, and kills, itself
    python -m pytest test_saga_implementation.py      the same under pytest (`make e2e`)

The addresses come from UI_URL, BACKEND_URL, LOYALTY_URL and PAYMENT_URL, or from --backend and so on.
The scenarios stand in proofs/e2e/, and read like this:

    made = desk.book(booking(flight_id, simulate_awardmiles_fail=True))
    assert made["status"] == "COMPENSATED"
"""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import count, groupby
from pathlib import Path
from typing import Any

import requests

from proofs.e2e.bookings import bookings
from proofs.e2e.changes import changes
from proofs.e2e.conformance import conformance
from proofs.e2e.crowds import crowds
from proofs.e2e.desk import Addresses, Desk
from proofs.e2e.edges import edges
from proofs.e2e.raw import raw
from proofs.e2e.running import Auditor, OwnSuite
from proofs.e2e.scenario import Scenario
from proofs.e2e.settlements import settlements
from proofs.e2e.steps import steps
from proofs.e2e.turns import turns

GROUPS = (steps, conformance, bookings, turns, settlements, changes, edges, raw, crowds)
SCENARIOS = [scenario for group in GROUPS for scenario in group.scenarios]


CHECK_EVERY = 10


# -- as a script


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    with _desk(options) as desk:
        if not _is_running(desk):
            print("The services do not answer. Start them with `make run`, or give --own.", file=sys.stderr)
            return 2
        chosen = [one for one in SCENARIOS if options.only in str(one) and (desk.processes or not one.own)]
        failed = [scenario for _, told in groupby(chosen, _group) for scenario in _tell(desk, list(told))]
        print(f"\n{len(chosen) - len(failed)} of {len(chosen)} scenarios are as they should be")
    return 1 if failed else 0


def _tell(desk: Desk, scenarios: list[Scenario]) -> Iterator[object]:
    """Run a group; yields what failed."""
    print(f"\n{scenarios[0].group}")
    for scenario in scenarios:
        if not _line(str(scenario), lambda scenario=scenario: scenario.run(desk)):
            yield scenario
    last = scenarios[-1].group == GROUPS[-1].title
    check = desk.close_the_books if last else lambda: desk.check_books(snapshot=True)
    if not _line("the three databases agree", check):
        yield "books"


def _line(what: str, run: Any) -> bool:
    began = time.monotonic()
    try:
        run()
    except (AssertionError, LookupError, TypeError, ValueError, requests.RequestException):
        print(f"FAIL  {what}\n{traceback.format_exc()}", flush=True)
        return False
    print(f"ok    {what} ({time.monotonic() - began:.1f} s)", flush=True)
    return True


def _group(scenario: Scenario) -> str:
    return scenario.group


@contextmanager
def _desk(options: argparse.Namespace) -> Iterator[Desk]:
    if options.own:
        own = OwnSuite()
        try:
            yield Desk(own.addresses, own, own.auditor)
        finally:
            own.stop()
    else:
        given = {name: url for name in asdict(Addresses()) if (url := getattr(options, name))}
        auditor = Auditor(options.data) if options.data else None
        yield Desk(replace(Addresses(), **given), books=auditor)


def _is_running(desk: Desk) -> bool:
    try:
        return all(desk.get(name, "/api/health/").status == 200 for name in asdict(desk.addresses))
    except requests.RequestException:
        return False


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name, usual in asdict(Addresses()).items():
        parser.add_argument(f"--{name}", default=os.environ.get(f"{name.upper()}_URL"), help=usual)
    parser.add_argument("--data", type=Path, help="the services' data folder, if it can be read from here")
    parser.add_argument("--own", action="store_true", help="start a suite of its own and end it")
    parser.add_argument("--only", default="", metavar="WORDS", help="only scenarios with these words")
    return parser.parse_args(arguments)


# -- under pytest, in any order


class Session:
    """The suite that the tests of this run share."""

    own: OwnSuite
    desk: Desk
    turn = count(1)


def setup_module() -> None:
    Session.own = OwnSuite()
    Session.desk = Desk(Session.own.addresses, Session.own, Session.own.auditor)


def teardown_module() -> None:
    try:
        Session.desk.close_the_books()
    finally:
        Session.own.stop()


def pytest_generate_tests(metafunc: Any) -> None:
    metafunc.parametrize("scenario", SCENARIOS, ids=[str(one).replace(" ", "_") for one in SCENARIOS])


def test_scenario(scenario: Scenario) -> None:
    scenario.run(Session.desk)
    if next(Session.turn) % CHECK_EVERY == 0:
        Session.desk.check_books(snapshot=True)


if __name__ == "__main__":
    sys.exit(main())
