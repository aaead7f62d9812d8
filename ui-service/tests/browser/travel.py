"""What a traveller does. Each action ends when the page to which it leads is there, with its scripts."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django_sagas.clock import utc_now
from playwright.sync_api import Locator, Page, Route, expect

from scripts.chromium import chromium

# Of every module of this folder.
BROWSER = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not chromium(), reason="no Chromium is installed (CHROMIUM_PATH or chromium on the PATH)"
    ),
]
# How long something may take that is certain to come.
DONE_MS = 60_000
DAY = (utc_now() + timedelta(days=21)).date()
RESULTS = f"/flights/?origin=DFW&destination=ORD&depart={DAY}"
CONNECTION = f"/flights/?origin=SEA&destination=BOS&depart={DAY}"
CARDS = {
    "tok_ok": "4242424242424242",
    "tok_declined": "4000000000000002",
    "tok_unsure": "4000000000002503",
    "tok_timeout": "4000000000000408",
}
Open = Callable[..., Page]


def follow(page: Page, element: Locator) -> None:
    """Click what leads to another page, from one that has loaded."""
    with page.expect_event("load"):
        element.click()


def await_answer(page: Page, ask: str = "") -> None:
    """Wait until htmx has done with its next answer, to what the JavaScript asks or to a poll."""
    page.evaluate(
        "new Promise(done => { document.addEventListener('htmx:afterOnLoad', () => done(), {once: true});"
        f" {ask} }})"
    )


def before_script(page: Page, script: str, act: Callable[[], None]) -> None:
    """Act on the page between its coming and that of its script."""

    def serve(route: Route) -> None:
        act()
        route.continue_()

    page.route(re.compile(script), serve)


def search(page: Page, *, back: date | None = None) -> None:
    """By the form of the home page, which knows already whether there is a way back."""
    page.get_by_label("From", exact=True).fill("DFW")
    page.get_by_label("To", exact=True).fill("ORD")
    page.get_by_label("Departure").fill(DAY.isoformat())
    if back:
        page.locator("[name=back]").fill(back.isoformat())
    follow(page, page.get_by_role("button", name="Search"))


def choose_first(page: Page) -> None:
    # The fares of the days around come in above the list, and may move it.
    expect(page.locator(".strip:empty").filter(visible=True)).to_have_count(0)
    follow(page, page.get_by_role("link", name=re.compile("^Choose")).first)


def choose_flight(page: Page, address: str = RESULTS) -> None:
    page.goto(address)
    choose_first(page)


def seats(page: Page) -> Locator:
    """The free ones."""
    return page.locator(".cabin input[type=checkbox]")


def number_of(seat: Locator) -> str:
    number = seat.get_attribute("value")
    assert number
    return number


def go_on(page: Page) -> None:
    follow(page, page.get_by_role("button", name="Continue", exact=True))


def choose_seat(page: Page) -> str:
    # The last one that is free: no other test relies on it.
    seat = seats(page).last
    number = number_of(seat)
    seat.check()
    go_on(page)
    return number


def flights_of(page: Page) -> list[int]:
    """Those that the address of the page names."""
    return [int(each) for each in parse_qs(urlsplit(page.url).query)["flight"]]


def fill_passenger(page: Page, first_name: str = "Ada") -> None:
    page.get_by_label("First name").fill(first_name)
    page.get_by_label("Last name").fill("Lovelace")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Mobile").fill("+1 555 0100")
    go_to_payment(page)


def go_to_payment(page: Page) -> None:
    follow(page, page.get_by_role("button", name="Continue to payment"))


def to_payment(page: Page, first_name: str = "Ada") -> str:
    choose_flight(page)
    seat = choose_seat(page)
    fill_passenger(page, first_name)
    return seat


def pay_button(page: Page) -> Locator:
    return page.get_by_role("button", name=re.compile("^Pay"))


def fill_card(page: Page, number: str, expires: str = "1234", code: str = "123") -> None:
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expires").fill(expires)
    page.get_by_label("Security code").fill(code)


def pay(page: Page, card: str = "tok_ok", *, javascript: bool = True) -> None:
    if javascript:
        fill_card(page, CARDS[card])
    else:
        page.locator(f"[value={card}]").check()
    follow(page, pay_button(page))


def booked(page: Page) -> None:
    """The page of the trip, to which the progress leads by itself."""
    expect(page).to_have_url(re.compile(r"/trips/\w+/\?new=1$"))
    expect(page.get_by_role("heading", name="Booked", exact=True)).to_be_visible()


def book(page: Page) -> str:
    """The seat of a trip that is booked now."""
    seat = to_payment(page)
    pay(page)
    booked(page)
    return seat


def saga_id(page: Page) -> str:
    """Of the booking under way, or of the trip that it has become."""
    address = page.url
    if "/trips/" in address:
        address = page.get_by_role("link", name=re.compile("^How it was booked")).get_attribute("href") or ""
    return address.split("/progress/")[1].split("/")[0]


def run_lesson(page: Page, title: str) -> None:
    page.goto("/learn/")
    follow(page, page.get_by_role("button", name=re.compile(title)))
