"""The whole way, from the search to the ticket."""

import re
from datetime import timedelta
from typing import Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.travel import (
    BROWSER,
    CARDS,
    CONNECTION,
    DAY,
    RESULTS,
    Open,
    booked,
    choose_first,
    choose_flight,
    choose_seat,
    fill_card,
    fill_passenger,
    follow,
    pay,
    pay_button,
    saga_id,
    search,
    to_payment,
)

pytestmark = BROWSER


def test_search_to_ticket(page: Page) -> None:
    page.goto("/")
    place = page.get_by_label("From", exact=True)
    place.fill("dallas-f")
    expect(page.get_by_role("option").first).to_contain_text("DFW")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(place).to_have_value("Dallas-Fort Worth (DFW)")
    page.get_by_label("To", exact=True).fill("ORD")
    page.get_by_label("Departure").fill(DAY.isoformat())
    follow(page, page.get_by_role("button", name="Search"))
    expect(page.locator(".strip a")).not_to_have_count(0)
    choose_first(page)
    seat = choose_seat(page)
    fill_passenger(page)
    pay(page)
    booked(page)
    expect(page.get_by_text(f"{seat}, Economy")).to_be_visible()
    page.goto("/trips/")
    expect(page.locator("article .mono")).to_have_count(1)


def test_search_to_ticket_without_javascript(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/")
    search(page)
    choose_first(page)
    choose_seat(page)
    fill_passenger(page)
    pay(page, javascript=False)
    booked(page)


def test_search_to_ticket_by_keyboard_alone(page: Page) -> None:
    press = page.keyboard.press

    def focus(wanted: str) -> None:
        """Press the Tab key until the focus is on what the JavaScript expression is true for."""
        for _ in range(80):
            if page.evaluate(f"(focused => {wanted})(document.activeElement)"):
                return
            press("Tab")
        raise AssertionError(f"the Tab key does not lead to {wanted}")

    def go_to(name: str, *, role: Literal["button", "link", "textbox"] = "textbox") -> None:
        wanted = page.get_by_role(role, name=re.compile(name)).first
        wanted.evaluate("wanted => { window.wanted = wanted }")
        focus("focused === window.wanted")

    def fill(**fields: str) -> None:
        for name, text in fields.items():
            go_to(name.replace("_", " "))
            page.keyboard.type(text)

    page.goto(RESULTS)
    expect(page.locator(".strip a")).not_to_have_count(0)
    go_to("^Choose", role="link")
    press("Enter")
    page.wait_for_url("**/book/seats/**")
    focus("focused.matches('[name^=seats]')")
    press("ArrowDown")
    press("Space")
    go_to("Continue", role="button")
    press("Enter")
    page.wait_for_url("**/book/passengers/**")
    fill(First_name="Ada", Last_name="Lovelace", Email="ada@example.com", Mobile="+15550100")
    press("Enter")
    page.wait_for_url("**/pay/")
    fill(Card_number=CARDS["tok_ok"], Expires="1234", Security_code="123")
    press("Enter")
    booked(page)
    go_to("^E-ticket", role="link")


def clicked(page: Page) -> int:
    return int(page.evaluate("sessionStorage.clicks || 0"))


def test_return_is_booked_in_twelve_clicks_with_one_total_from_seat_to_ticket(page: Page) -> None:
    """From the home page; the card and the passenger are typed."""
    page.add_init_script(
        "addEventListener('click', event => {"
        " if (event.isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1 }, true)"
    )
    page.goto("/")
    page.get_by_label("Return", exact=True).first.check()
    search(page, back=DAY + timedelta(days=7))
    choose_first(page)
    expect(page.get_by_text("Outbound chosen:")).to_be_visible()
    choose_first(page)
    totals = set()
    for heading in ("outbound", "return"):
        expect(page.get_by_role("heading", name=f"Choose your seat: {heading}")).to_be_visible()
        totals.add(page.locator(".bar-total b").inner_text())
        choose_seat(page)
    totals.add(page.locator(".summary dd.total").inner_text())
    fill_passenger(page)
    fill_card(page, CARDS["tok_ok"])
    totals.add(pay_button(page).inner_text().removeprefix("Pay "))
    follow(page, pay_button(page))
    booked(page)
    totals.add(page.locator("dd.total").inner_text())
    assert len(totals) == 1
    assert clicked(page) <= 12
    expect(page.get_by_role("img", name=re.compile("^Boarding pass code"))).to_have_count(2)
    page.goto("/trips/")
    expect(page.locator("article .mono")).to_have_count(1)


@pytest.mark.parametrize("javascript", [True, False])
def test_connection_is_chosen_booked_and_cancelled_as_one_trip(open_page: Open, javascript: bool) -> None:
    page = open_page(java_script_enabled=javascript)
    page.goto(CONNECTION)
    expect(page.get_by_text("There is no direct flight.")).to_be_visible()
    choose_first(page)
    for name in ("flight 1 of 2", "flight 2 of 2"):
        expect(page.get_by_role("heading", name=f"Choose your seat: {name}")).to_be_visible()
        choose_seat(page)
    fill_passenger(page)
    pay(page, javascript=javascript)
    booked(page)
    expect(page.get_by_role("img", name=re.compile("^Boarding pass code"))).to_have_count(2)
    follow(page, page.get_by_role("link", name="Cancel this booking"))
    expect(page.get_by_role("heading", name=re.compile("^You get back"))).to_be_visible()
    page.get_by_role("button", name="Cancel this booking").click()
    expect(page.get_by_role("heading", name="Cancelled")).to_be_visible()


def test_name_that_is_a_script_is_shown_as_text_and_never_runs(page: Page) -> None:
    name = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>'
    choose_flight(page)
    choose_seat(page)
    fill_passenger(page, name)
    expect(page.get_by_text(name)).to_be_visible()
    pay(page)
    booked(page)
    booking = saga_id(page)
    expect(page.get_by_text(f"{name} Lovelace")).to_be_visible()
    trip = re.sub(r"\?.*", "", page.url)
    for address in (trip, f"{trip}ticket/", f"{trip}cancel/", "/trips/", "/console/", f"/console/{booking}/"):
        page.goto(address)
        assert page.evaluate("window.ran") is None, address


def test_declined_card_and_a_second_try_with_everything_kept(page: Page) -> None:
    seat = to_payment(page)
    pay(page, "tok_declined")
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")
    follow(page, page.get_by_role("link", name="Try another card"))
    expect(page.get_by_text("Ada Lovelace")).to_be_visible()
    pay(page)
    booked(page)
    expect(page.get_by_text(f"{seat}, Economy")).to_be_visible()
