"""To find a flight: places by what is typed, and days by their price."""

import math
import re
from datetime import timedelta

from playwright.sync_api import Page, Route, expect

from tests.browser import looks
from tests.browser.travel import BROWSER, DAY, await_answer, choose_first, follow

pytestmark = BROWSER


def test_marked_place_stays_marked_when_a_later_answer_comes(page: Page) -> None:
    page.goto("/")
    page.get_by_label("From", exact=True).fill("dallas-f")
    expect(page.get_by_role("option").first).to_contain_text("DFW")
    page.keyboard.press("ArrowDown")
    with page.expect_response(re.compile("origin=dallas-fo$|origin=dallas-fo&")):
        page.keyboard.type("o")
    expect(page.locator("#origin-list [aria-selected=true]")).to_contain_text("DFW")
    page.keyboard.press("Enter")
    expect(page.get_by_label("From", exact=True)).to_have_value("Dallas-Fort Worth (DFW)")


def test_answer_that_comes_after_the_choice_opens_no_list(page: Page) -> None:
    def choose(route: Route) -> None:
        page.keyboard.press("Enter")
        route.continue_()

    page.route(re.compile("origin=dallas-fo$|origin=dallas-fo&"), choose)
    page.goto("/")
    place = page.get_by_label("From", exact=True)
    place.fill("dallas-f")
    expect(page.get_by_role("option").first).to_contain_text("DFW")
    await_answer(page, "const it = document.activeElement; it.value += 'o'; htmx.trigger(it, 'input')")
    assert page.locator("#origin-list [role=option]").count() == 0
    expect(place).to_have_value("Dallas-Fort Worth (DFW)")


def test_return_to_a_city_is_found_despite_a_typing_mistake_and_its_days_chosen_by_price(page: Page) -> None:
    """By keyboard alone, up to the choice of the way out."""
    page.goto("/")
    page.get_by_role("radio", name="Return").check()
    page.get_by_label("From", exact=True).fill("chicgo")
    expect(page.get_by_role("option").first).to_contain_text("ORD")
    page.keyboard.press("Enter")
    expect(page.get_by_label("From", exact=True)).to_have_value("Chicago (ORD)")
    page.get_by_label("To", exact=True).fill("lodnon")
    expect(page.get_by_role("option").first).to_contain_text("London, all airports")
    page.keyboard.press("Enter")
    expect(page.get_by_label("To", exact=True)).to_have_value("London, all airports (LON)")

    page.get_by_label("Departure").fill(DAY.isoformat())
    page.get_by_role("button", name="Prices by day").press("Enter")
    expect(page.locator("[data-day]:focus")).to_have_attribute("data-day", DAY.isoformat())
    expect(page.locator("[data-day]:focus .p")).to_contain_text("$")
    assert looks.violations(page, "'dialog'") == []
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Choose the return.")).to_be_visible()
    page.keyboard.press("ArrowDown")
    both = page.locator("[data-day]:focus .p").inner_text()
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_be_hidden()
    for label, days in (("Departure", 1), ("Return", 8)):
        field = page.get_by_role("textbox", name=label)
        expect(field).to_have_value((DAY + timedelta(days=days)).isoformat())
    follow(page, page.get_by_role("button", name="Search"))
    expect(page.get_by_role("heading", name="Chicago – London")).to_be_visible()
    expect(page.locator(".map-box .way").first).to_be_attached()
    choose_first(page)
    expect(page.get_by_text("Outbound chosen:")).to_be_visible()
    totals = page.locator(".flight .amount").all_inner_texts()
    assert min(math.ceil(float(each[1:].replace(",", ""))) for each in totals) >= int(
        both[1:].replace(",", "")
    )
