"""Time from Pay until the trip's page says "Booked", in a Chromium: `make bench-booked`.

python -m bench.booked [--times 20]

A suite of its own, a new browser window for each booking. Exit code 1 if one takes over a second.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from scripts.booking_suite import Config, booking_suite
from scripts.chromium import ARGUMENTS, chromium
from scripts.console import Console
from scripts.prepare import prepare

LIMIT_MS = 1000.0
DAYS_AHEAD = 30
CARD = {"Card number": "4242424242424242", "Expires": "1234", "Security code": "123"}
PERSON = {"First name": "Ada", "Last name": "Lovelace", "Email": "ada@example.com", "Mobile": "+15550100"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=20)
    given = parser.parse_args()
    console = Console(sys.stderr)
    with tempfile.TemporaryDirectory(prefix="saga-booked-") as folder:
        config = Config.beside(Path(folder), LOG_LEVEL="WARNING")
        prepare(config, console, seed=False)
        with booking_suite(config, console=console) as suite:
            milliseconds = list(_bookings(suite.url("ui"), given.times))
    tell(milliseconds, sys.stdout.write)
    return 0 if milliseconds and max(milliseconds) <= LIMIT_MS else 1


def _bookings(address: str, times: int) -> Iterator[float]:
    """Milliseconds of each. The first one, with which the services warm up, is left out."""
    day = (datetime.now(UTC) + timedelta(days=DAYS_AHEAD)).date()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        for number in range(times + 1):
            context = browser.new_context(base_url=address)
            page = context.new_page()
            _to_payment(page, f"/flights/?origin=DFW&destination=ORD&depart={day}")
            took = _pay(page)
            context.close()
            if number:
                sys.stderr.write(f"  {number} of {times}: {took:.0f} ms\n")
                yield took
        browser.close()


def _to_payment(page: Page, results: str) -> None:
    page.goto(results)
    page.get_by_role("link", name="Choose").first.click()
    page.locator(".cabin input[type=checkbox]").last.check()
    page.get_by_role("button", name="Continue", exact=True).click()
    for label, value in PERSON.items():
        page.get_by_label(label).fill(value)
    page.get_by_role("button", name="Continue to payment").click()
    for label, value in CARD.items():
        page.get_by_label(label).fill(value)


def _pay(page: Page) -> float:
    """Milliseconds from the click until the heading is on the screen."""
    button, booked = (
        page.get_by_role("button", name="Pay"),
        page.get_by_role("heading", name="Booked", exact=True),
    )
    began = time.perf_counter()
    button.click()
    booked.wait_for()
    return (time.perf_counter() - began) * 1000


def tell(milliseconds: Sequence[float], write: Callable[[str], object]) -> None:
    in_time = sum(each <= LIMIT_MS for each in milliseconds)
    median, longest = statistics.median(milliseconds), max(milliseconds)
    write(
        f"{in_time} of {len(milliseconds)} within a second; median {median:.0f}, at most {longest:.0f} ms\n"
    )


if __name__ == "__main__":
    sys.exit(main())
