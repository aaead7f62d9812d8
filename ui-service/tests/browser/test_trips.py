"""A trip that is booked: changed, and cancelled."""

import re

from playwright.sync_api import Page, expect

from tests.browser.travel import BROWSER, book, choose_first, follow, number_of, seats

pytestmark = BROWSER


def test_flight_of_a_trip_is_changed_and_its_seat_chosen(page: Page) -> None:
    book(page)
    number = page.locator(".facts dd").nth(2).inner_text()
    follow(page, page.get_by_role("link", name="Change flights or seats"))
    follow(page, page.get_by_role("button", name="Show flights"))
    choose_first(page)
    # Nobody else chooses the last one.
    chosen = seats(page).last
    seat = number_of(chosen)
    chosen.check()
    follow(page, page.get_by_role("button", name="See the price"))
    page.get_by_role("button", name=re.compile("change", re.IGNORECASE)).click()
    expect(page.get_by_role("heading", name="Changed", exact=True)).to_be_visible()
    expect(page.get_by_text(f"{seat}, Economy")).to_be_visible()
    expect(page.locator(".facts dd").nth(2)).not_to_have_text(number)


def test_cancellation_shows_consequences_and_then_undoes(page: Page) -> None:
    book(page)
    follow(page, page.get_by_role("link", name="Cancel this booking"))
    expect(page.get_by_text("is given back to your card")).to_be_visible()
    page.get_by_role("button", name="Cancel this booking").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(page.get_by_text("Seats given back", exact=True)).to_be_visible()
