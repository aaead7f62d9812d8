"""How pages look: colours, widths, and what a screen reader makes of them."""

import re
import secrets

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import troubles
from tests.browser.travel import (
    BROWSER,
    CONNECTION,
    RESULTS,
    Open,
    booked,
    choose_flight,
    choose_seat,
    fill_passenger,
    flights_of,
    pay,
    run_lesson,
    saga_id,
    to_payment,
)
from tests.suite import Suite

pytestmark = BROWSER


def test_other_colours_keep_what_is_typed_and_the_first_click_changes_them(open_page: Open) -> None:
    page = open_page(color_scheme="dark")
    choose_flight(page)
    choose_seat(page)
    page.get_by_label("First name").fill("Ada")
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    with page.expect_response(re.compile("/theme/$")):
        page.get_by_role("button", name="Light colours").click()
    expect(page.locator("html")).not_to_have_css("background-color", dark)
    expect(page.get_by_label("First name")).to_have_value("Ada")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    expect(page.get_by_role("button", name="Dark colours")).to_be_visible()


def test_message_on_the_first_page_is_not_covered(page: Page) -> None:
    page.goto("/book/nothing/pay/")
    told = page.get_by_text("That booking is not open in this browser.")
    expect(told).to_be_visible()
    above = told.evaluate(
        "it => { const box = it.getBoundingClientRect();"
        " return it.contains(document.elementFromPoint(box.left + 5, box.bottom - 3)); }"
    )
    assert above


def every_page(page: Page, suite: Suite) -> list[str]:
    """The address of each kind of page, with something on it that is as wide as it may be."""
    to_payment(page, "W" * 100)
    payment = page.url
    pay(page, "tok_declined")
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")
    failed = saga_id(page)
    page.goto(payment)
    pay(page)
    booked(page)
    trip = re.sub(r"\?.*", "", page.url).removeprefix(suite.url())
    choose_flight(page, CONNECTION)
    connecting = page.url.removeprefix(suite.url())
    first = flights_of(page)[0]
    choose_seat(page)
    choose_seat(page)
    fill_passenger(page, "W" * 100)
    review = page.url
    pay(page)
    booked(page)
    long_trip = re.sub(r"\?.*", "", page.url).removeprefix(suite.url())
    run_lesson(page, "The bank says no")
    expect(page.locator("#verdict h2")).to_be_visible()
    lesson = page.url.removeprefix(suite.url())
    to_payment(page, "W" * 100)
    seats = page.locator('a[href*="/book/seats/"]').first.get_attribute("href") or ""
    return [
        *("/", RESULTS, CONNECTION, f"{RESULTS}&cabin=first", "/flights/?origin=nowhere"),
        *("/where/", "/where/?from=LHR", "/pages/emissions/"),
        *(seats, seats.replace("/seats/", "/passengers/"), payment, f"/progress/{failed}/"),
        *(trip, f"{trip}ticket/", f"{trip}cancel/", "/trips/", "/trips/find/", "/miles/"),
        *(connecting, review, long_trip, f"{long_trip}ticket/", f"{long_trip}cancel/"),
        *(f"{long_trip}change/", f"{long_trip}change/?leg=1", f"{long_trip}change/?leg=1&flight={first}"),
        *("/account/login/", "/account/register/", "/account/reset/", "/account/reset/sent/", "/outbox/"),
        *("/how-it-works/", "/learn/"),
        *("/pages/about/", "/pages/contact/", "/pages/privacy/", "/pages/terms/", "/nothing/"),
        *("/console/", f"/console/{failed}/", "/console/audit/", "/faults/", lesson),
        *("/console/group/?why=none", "/console/by-hand/"),
    ]


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 360)])
def test_no_page_has_an_accessibility_violation_or_overflows(
    open_page: Open, suite: Suite, scheme: str, width: int
) -> None:
    """axe-core's rules of WCAG 2.2 AA."""
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    found = [each for address in every_page(page, suite) for each in troubles(page, address, width)]
    register(page)
    found += [
        each
        for address in ("/account/", "/account/profile/", "/account/password/", "/account/data/")
        for each in troubles(page, address, width)
    ]
    assert found == []


def register(page: Page) -> None:
    page.goto("/account/register/")
    page.get_by_label("Username").fill(f"ada-{secrets.token_hex(4)}")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill("a long enough phrase")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("Your account is ready.")).to_be_visible()
