"""A booking under way: its page changes by itself, and outlives reloads and crashes."""

import re
from contextlib import ExitStack

import pytest
import requests
from playwright.sync_api import Page, Route, expect

from tests.browser.travel import (
    BROWSER,
    DONE_MS,
    Open,
    await_answer,
    book,
    booked,
    follow,
    pay,
    saga_id,
    to_payment,
)
from tests.suite import Suite, wait_for

pytestmark = BROWSER


def test_reload_during_progress_shows_the_same_booking_live(page: Page, suite: Suite) -> None:
    suite.put_faults("payment", {"step": "AuthorizePayment", "kind": "fail"})
    to_payment(page)
    pay(page)
    expect(page.locator(".live")).to_contain_text("Asking your bank")
    first = saga_id(page)
    page.reload()
    assert saga_id(page) == first
    suite.clear_faults()
    suite.retry(first)
    booked(page)
    assert saga_id(page) == first


def without_polls(page: Page) -> None:
    """Of what changes a page by itself only the events are left."""

    def serve(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub(r", every \d+s", "", answer.text()))

    page.route(re.compile(r"/(progress|console)/[0-9a-f-]{36}/$"), serve)


@pytest.mark.parametrize("where", ["progress", "console"])
def test_page_of_a_saga_changes_with_its_events(page: Page, suite: Suite, where: str) -> None:
    without_polls(page)
    suite.put_faults("payment", {"step": "AuthorizePayment", "kind": "fail"})
    saga = suite.book(headers={"Prefer": "respond-async"})["correlation_id"]
    page.goto(f"/{where}/{saga}/")
    live = page.locator("[sse-connect]")
    expect(live).to_contain_text(re.compile("Asking your bank|UNKNOWN", re.IGNORECASE))
    asked: list[str] = []
    kinds = ("document", "xhr", "fetch")
    page.on("request", lambda it: asked.append(it.url) if it.resource_type in kinds else None)
    suite.clear_faults()
    suite.retry(saga)
    if where == "progress":
        booked(page)
        assert len([url for url in asked if "/trips/" in url]) == 1
    else:
        expect(live).to_contain_text("completed")
    assert asked[0] == f"{suite.url()}/{where}/{saga}/part/"


def test_button_of_a_page_that_changes_between_press_and_release_is_pressed(page: Page) -> None:
    to_payment(page)
    pay(page, "tok_timeout")
    stop = page.get_by_role("button", name="Stop this booking")
    stop.hover()
    page.mouse.down()
    await_answer(page)
    page.mouse.up()
    expect(page.get_by_role("heading", name="Stopped")).to_be_visible()


def test_slow_cancellation_is_shown_live(page: Page, suite: Suite) -> None:
    book(page)
    follow(page, page.get_by_role("link", name="Cancel this booking"))
    suite.put_faults("payment", {"step": "CancelPayment", "kind": "fail"})
    follow(page, page.get_by_role("button", name="Cancel this booking"))
    expect(page.get_by_text("Cancelling the payment")).to_be_visible()
    page.evaluate("window.sameDocument = true")
    suite.clear_faults()
    suite.retry(saga_id(page))
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    assert page.evaluate("window.sameDocument") is True


def test_open_streams_hold_no_thread_that_a_page_needs(suite: Suite) -> None:
    """There are more streams than threads: if each held one, the page would come after their end.

    They end after the fault does. A forward step is given up at some time, a compensation never.
    """
    suite.put_faults("backend", {"step": "CancelSeat", "kind": "fail"})
    booking = suite.book(simulate_authorizepayment_fail=True)["correlation_id"]
    address = f"{suite.url()}/api/saga/stream/{booking}/"

    def status() -> str:
        return str(suite.get(f"/api/saga/status/{booking}/")["status"])

    wait_for(lambda: status() == "COMPENSATING", "it goes back")
    with ExitStack() as stack:
        streams = [
            stack.enter_context(requests.get(address, stream=True, timeout=DONE_MS / 1000)) for _ in range(40)
        ]
        assert requests.get(suite.url(), timeout=DONE_MS / 1000).ok
        assert status() == "COMPENSATING"
        suite.clear_faults()
        suite.retry(booking)
        for stream in streams:
            assert stream.text.endswith("event: end\ndata: {}\n\n")


def test_everything_killed_in_the_middle_goes_on_and_the_open_page_with_it(
    open_page: Open, suite: Suite
) -> None:
    """The page is not reloaded; it finds the services again by itself."""
    page = open_page()
    suite.put_faults("payment", {"step": "AuthorizePayment", "kind": "delay", "seconds": 8, "times": 1})
    to_payment(page)
    pay(page)
    expect(page.locator(".live")).to_contain_text("Asking your bank")
    booking = saga_id(page)
    suite.kill_everything()
    suite.start_again()
    page.wait_for_url("**/trips/*/?new=1", timeout=3 * DONE_MS)
    steps = {step["name"]: step["attempts"] for step in suite.get(f"/api/saga/status/{booking}/")["steps"]}
    assert steps["AuthorizePayment"] >= 2
