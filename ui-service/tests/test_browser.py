"""The real pages in a real browser, against the real services."""

import math
import re
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django_sagas.clock import utc_now
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from tests.suite import Suite, chromium, wait_for

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not chromium(), reason="no Chromium is installed (CHROMIUM_PATH or chromium on the PATH)"
    ),
]
AXE = Path(__file__).parent / "vendor" / "axe-4.14.1.min.js"
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DAY = (utc_now() + timedelta(days=21)).date()
RESULTS = f"/flights/?origin=DFW&destination=ORD&depart={DAY}"
DONE_MS = 20_000
REFRESH = "htmx.trigger('#cabin', 'refresh')"
expect.set_options(timeout=DONE_MS)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    running = Suite(tmp_path_factory.mktemp("suite"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def suite(services: Suite) -> Iterator[Suite]:
    yield services
    services.settle()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser, suite: Suite) -> Iterator[BrowserContext]:
    made = browser.new_context(base_url=suite.url(), viewport={"width": 1280, "height": 900})
    made.set_default_timeout(DONE_MS)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which any message of the policy or error of a script fails the test."""
    opened, trouble = context.new_page(), []
    opened.on("console", lambda said: trouble.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    yield opened
    assert [each for each in trouble if "status of 422" not in each] == []


def choose_first(page: Page) -> None:
    # The fares of the days around come in above the list; a click while they do may miss its link.
    page.wait_for_load_state("networkidle")
    page.get_by_role("link", name=re.compile("^Choose")).first.click()


def choose_flight(page: Page) -> None:
    page.goto(RESULTS)
    choose_first(page)


def choose_seat(page: Page) -> str:
    seat = page.locator(".cabin input[type=checkbox]").last
    seat.check(force=True)
    number = seat.get_attribute("value")
    page.get_by_role("button", name="Continue").click()
    assert number is not None
    return number


def fill_passenger(page: Page, first_name: str = "Ada") -> None:
    page.get_by_label("First name").fill(first_name)
    page.get_by_label("Last name").fill("Lovelace")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Mobile").fill("+1 555 0100")
    page.get_by_role("button", name="Continue to payment").click()


def to_payment(page: Page, first_name: str = "Ada") -> str:
    choose_flight(page)
    seat = choose_seat(page)
    fill_passenger(page, first_name)
    return seat


CARDS = {
    "tok_ok": "4242424242424242",
    "tok_declined": "4000000000000002",
    "tok_unsure": "4000000000002503",
    "tok_timeout": "4000000000000408",
}


def fill_card(page: Page, number: str, expires: str = "1234", code: str = "123") -> None:
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expires").fill(expires)
    page.get_by_label("Security code").fill(code)


def pay(page: Page, card: str = "tok_ok") -> None:
    button = page.get_by_role("button", name=re.compile("^Pay"))
    button.wait_for()
    # Until its script has run, the page shows the choice of test cards.
    page.wait_for_load_state()
    if page.get_by_label("Card number").is_visible():
        fill_card(page, CARDS[card])
    else:  # without JavaScript
        page.locator(f"[value={card}]").check()
    button.click()


def booked(page: Page) -> None:
    """The page of the trip, to which the progress leads by itself."""
    expect(page.get_by_role("heading", name="Booked", exact=True)).to_be_visible()
    page.wait_for_url("**/trips/*/?new=1")


def saga_id(page: Page) -> str:
    """Of the booking under way, or of the trip that it has become."""
    if "/trips/" not in page.url:
        return page.url.split("/progress/")[1].split("/")[0]
    link = page.get_by_role("link", name=re.compile("^How it was booked")).get_attribute("href") or ""
    return link.split("/progress/")[1].split("/")[0]


def test_search_to_ticket(page: Page) -> None:
    page.goto("/")
    page.get_by_label("From", exact=True).press_sequentially("dallas-f")
    # Shorter text had other answers; this is the one for the whole text.
    expect(page.get_by_role("option").first).to_contain_text("DFW")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_label("From", exact=True)).to_have_value("Dallas-Fort Worth (DFW)")
    page.get_by_label("To", exact=True).fill("ORD")
    page.get_by_label("Departure").fill(DAY.isoformat())
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".strip a")).not_to_have_count(0)
    choose_first(page)
    seat = choose_seat(page)
    fill_passenger(page)
    pay(page)
    booked(page)
    expect(page.get_by_text(f"{seat}, Economy")).to_be_visible()
    page.goto("/trips/")
    expect(page.locator("article .mono")).to_have_count(1)


def test_marked_place_stays_marked_when_a_later_answer_comes(page: Page) -> None:
    page.goto("/")
    page.get_by_label("From", exact=True).press_sequentially("dallas-f")
    expect(page.get_by_role("option").first).to_contain_text("DFW")
    page.keyboard.press("ArrowDown")
    with page.expect_response(re.compile("origin=dallas-fo$|origin=dallas-fo&")):
        page.keyboard.type("o")
    expect(page.locator("#origin-list [aria-selected=true]")).to_contain_text("DFW")
    page.keyboard.press("Enter")
    expect(page.get_by_label("From", exact=True)).to_have_value("Dallas-Fort Worth (DFW)")


def test_return_to_a_city_is_found_despite_a_typing_mistake_and_its_days_chosen_by_price(page: Page) -> None:
    """By keyboard alone, up to the choice of the way out."""
    page.goto("/")
    page.get_by_role("radio", name="Return").check()
    page.get_by_label("From", exact=True).press_sequentially("chicgo")
    expect(page.get_by_role("option").first).to_contain_text("ORD")
    page.keyboard.press("Enter")
    expect(page.get_by_label("From", exact=True)).to_have_value("Chicago (ORD)")
    page.get_by_label("To", exact=True).press_sequentially("lodnon")
    expect(page.get_by_role("option").first).to_contain_text("London, all airports")
    page.keyboard.press("Enter")
    expect(page.get_by_label("To", exact=True)).to_have_value("London, all airports (LON)")

    page.get_by_label("Departure").fill(DAY.isoformat())
    page.get_by_role("button", name="Prices by day").press("Enter")
    expect(page.locator("[data-day]:focus")).to_have_attribute("data-day", DAY.isoformat())
    expect(page.locator("[data-day]:focus .p")).to_contain_text("$")
    page.evaluate(AXE.read_text())
    assert page.evaluate("rules => axe.run('dialog', rules)", RULES)["violations"] == []
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
    page.get_by_role("button", name="Search").press("Enter")
    expect(page.get_by_role("heading", name="Chicago – London")).to_be_visible()
    expect(page.locator(".map-box .way").first).to_be_attached()
    choose_first(page)
    totals = page.locator(".flight .amount").all_inner_texts()
    assert min(math.ceil(float(each[1:].replace(",", ""))) for each in totals) >= int(
        both[1:].replace(",", "")
    )


def test_search_to_ticket_without_javascript(browser: Browser, suite: Suite) -> None:
    context = browser.new_context(base_url=suite.url(), java_script_enabled=False)
    page = context.new_page()
    page.goto("/")
    page.get_by_label("From", exact=True).fill("DFW")
    page.get_by_label("To", exact=True).fill("ORD")
    page.get_by_label("Departure").fill(DAY.isoformat())
    page.get_by_role("button", name="Search").click()
    choose_first(page)
    choose_seat(page)
    fill_passenger(page)
    pay(page)
    booked(page)
    context.close()


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


def test_seat_is_chosen_by_keyboard(page: Page) -> None:
    choose_flight(page)
    page.locator(".cabin input[type=checkbox]").first.focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-chosen]")).not_to_have_text("none yet")
    assert page.locator(".cabin input:checked").count() == 1


def focused_seat(page: Page) -> tuple[int, str]:
    number = page.evaluate("document.activeElement.value")
    return int(number[:-1]), number[-1]


def test_arrow_keys_lead_from_seat_to_seat_and_tab_leaves_the_map(page: Page) -> None:
    choose_flight(page)
    page.locator(".cabin input[tabindex='0']").focus()
    row, letter = focused_seat(page)
    page.keyboard.press("ArrowDown")
    # Seats that other stories have taken are passed over.
    below = focused_seat(page)
    assert below[0] > row and below[1] == letter
    page.keyboard.press("ArrowRight")
    assert focused_seat(page)[0] == below[0] and focused_seat(page)[1] > letter
    page.keyboard.press("Space")
    chosen = "".join(map(str, focused_seat(page)))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Continue"
    page.keyboard.press("Enter")
    expect(page.get_by_label("First name")).to_be_visible()
    assert f"seats1={chosen}" in page.url


def test_another_seat_takes_the_place_of_the_one_that_was_chosen_first(page: Page) -> None:
    choose_flight(page)
    seats = page.locator(".cabin input[type=checkbox]")
    for place in (0, 1):
        seats.nth(place).check(force=True)
    expect(page.locator(".cabin input:checked")).to_have_count(1)
    expect(seats.nth(1)).to_be_checked()


def test_card_is_checked_beside_its_fields_and_its_number_is_sent_to_nobody(page: Page) -> None:
    to_payment(page)
    sent: list[str] = []
    page.wait_for_load_state("networkidle")
    page.on("request", lambda request: sent.append(f"{request.url} {request.post_data}"))
    button, error = page.get_by_role("button", name=re.compile("^Pay")), page.locator(".errors:not(:empty)")
    button.click()
    expect(error).to_have_count(3)
    expect(page.get_by_label("Card number")).to_be_focused()
    for number, said in (
        ("4242 4242 4242 4241", "This is no card number"),
        ("4242 4242", "The card number is incomplete."),
        ("4111 1111 1111 1111", "Only the test cards below work here."),
    ):
        fill_card(page, number)
        button.click()
        expect(error).to_contain_text(said)
    for expires, code, said in (
        ("0120", "123", "This card has expired."),
        ("1334", "123", "There is no such month."),
        ("1234", "12", "The security code is incomplete."),
    ):
        fill_card(page, CARDS["tok_ok"], expires, code)
        button.click()
        expect(error).to_have_text(said)
    assert sent == []
    page.get_by_role("button", name="4000 0000 0000 0002").click()
    expect(page.get_by_label("Card number")).to_have_value("4000 0000 0000 0002")
    button.click()
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")
    assert "card_token=tok_declined" in sent[0]
    assert not any(re.search("0000|2034|12%20", each) for each in sent)


def test_unsure_bank_is_asked_again_by_itself_and_one_that_never_answers_can_be_left(page: Page) -> None:
    to_payment(page)
    payment = page.url
    pay(page, "tok_timeout")
    expect(page.get_by_role("heading", name="We are checking with your bank")).to_be_visible()
    expect(page.locator(".money")).to_contain_text("You will not be charged twice")
    expect(page.locator("[data-said]")).to_contain_text("We are checking with your bank.")
    left = page.locator("[data-seconds]")
    assert 40 < int(left.inner_text()) <= 60
    page.get_by_role("button", name="Stop this booking").click()
    expect(page.get_by_role("heading", name="Stopped")).to_be_visible()
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")
    page.get_by_role("link", name="Try again").click()
    assert page.url == payment
    pay(page, "tok_unsure")
    booked(page)


def test_search_to_ticket_by_keyboard_alone(page: Page) -> None:
    press = page.keyboard.press

    def go_to(name: str, *, role: Literal["button", "link", "textbox"] = "textbox") -> None:
        """The Tab key, until the focus is on it."""
        wanted = page.get_by_role(role, name=re.compile(name)).first.element_handle()
        for _ in range(80):
            if page.evaluate("wanted => document.activeElement === wanted", wanted):
                return
            press("Tab")
        raise AssertionError(f"the Tab key does not lead to {name}")

    def fill(**fields: str) -> None:
        for name, text in fields.items():
            go_to(name.replace("_", " "))
            page.keyboard.type(text)

    page.goto(RESULTS)
    page.wait_for_load_state("networkidle")
    go_to("^Choose", role="link")
    press("Enter")
    page.wait_for_url("**/book/seats/**")
    while not page.evaluate("document.activeElement.matches('[name^=seats]')"):
        press("Tab")
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


def test_each_passenger_gets_the_seat_chosen_for_them(page: Page) -> None:
    page.goto(f"{RESULTS}&passengers=2")
    choose_first(page)
    first, second = (
        page.get_by_role("button", name=re.compile("^Passenger 1")),
        page.locator("[data-person]").last,
    )
    boxes = page.locator(".cabin input[type=checkbox]")
    for place in (-1, -2):
        boxes.nth(place).check(force=True)
    late, early = (boxes.nth(place).get_attribute("value") or "" for place in (-1, -2))
    expect(first).to_have_text(re.compile(f"{late}$"))
    expect(second).to_have_text(re.compile(f"{early}$"))
    first.click()
    other = boxes.nth(-3).get_attribute("value") or ""
    boxes.nth(-3).check(force=True)
    expect(page.locator("[data-chosen]")).to_have_text(f"{other}, {early}")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("First name").first).to_be_visible()
    assert parse_qs(urlsplit(page.url).query)["seats1"] == [other, early]


def clicked(page: Page) -> int:
    return int(page.evaluate("sessionStorage.clicks || 0"))


def test_return_is_booked_in_twelve_clicks_with_one_total_from_seat_to_ticket(page: Page) -> None:
    """From the home page; the card and the passenger are typed."""
    page.add_init_script(
        "addEventListener('click', event => {"
        " if (event.isTrusted) sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1 }, true)"
    )
    page.goto("/")
    page.get_by_label("Return", exact=True).first.check(force=True)
    page.get_by_label("From", exact=True).fill("DFW")
    page.get_by_label("To", exact=True).fill("ORD")
    page.get_by_label("Departure").fill(DAY.isoformat())
    page.locator("[name=back]").fill((DAY + timedelta(days=7)).isoformat())
    page.get_by_role("button", name="Search").click()
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
    totals.add(page.get_by_role("button", name=re.compile("^Pay")).inner_text().removeprefix("Pay "))
    page.get_by_role("button", name=re.compile("^Pay")).click()
    booked(page)
    totals.add(page.locator("dd.total").inner_text())
    assert len(totals) == 1
    assert clicked(page) <= 12
    expect(page.get_by_role("img", name=re.compile("^Boarding pass code"))).to_have_count(2)
    page.goto("/trips/")
    expect(page.locator("article .mono")).to_have_count(1)


def test_declined_card_and_a_second_try_with_everything_kept(page: Page) -> None:
    seat = to_payment(page)
    pay(page, "tok_declined")
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")
    page.get_by_role("link", name="Try another card").click()
    expect(page.get_by_text("Ada Lovelace")).to_be_visible()
    pay(page)
    booked(page)
    expect(page.get_by_text(f"{seat}, Economy")).to_be_visible()


CONNECTION = f"/flights/?origin=SEA&destination=BOS&depart={DAY}"


@pytest.mark.parametrize("javascript", [True, False])
def test_connection_is_chosen_booked_and_cancelled_as_one_trip(
    browser: Browser, suite: Suite, javascript: bool
) -> None:
    context = browser.new_context(base_url=suite.url(), java_script_enabled=javascript)
    page = context.new_page()
    page.goto(CONNECTION)
    expect(page.get_by_text("There is no direct flight.")).to_be_visible()
    choose_first(page)
    for name in ("flight 1 of 2", "flight 2 of 2"):
        expect(page.get_by_role("heading", name=f"Choose your seat: {name}")).to_be_visible()
        choose_seat(page)
    fill_passenger(page)
    pay(page)
    booked(page)
    expect(page.get_by_role("img", name=re.compile("^Boarding pass code"))).to_have_count(2)
    page.get_by_role("link", name="Cancel this booking").click()
    expect(page.get_by_role("heading", name=re.compile("^You get back"))).to_be_visible()
    page.get_by_role("button", name="Cancel this booking").click()
    expect(page.get_by_role("heading", name="Cancelled")).to_be_visible(timeout=DONE_MS)
    context.close()


def test_flight_of_a_trip_is_changed_and_its_seat_chosen(page: Page) -> None:
    to_payment(page)
    pay(page)
    booked(page)
    number = page.locator(".facts dd").nth(2).inner_text()
    page.get_by_role("link", name="Change flights or seats").click()
    page.get_by_role("button", name="Show flights").click()
    choose_first(page)
    seat = page.locator("select option").last.get_attribute("value") or ""
    page.locator("select").select_option(seat)
    page.get_by_role("button", name="See the price").click()
    page.get_by_role("button", name=re.compile("change", re.IGNORECASE)).click()
    expect(page.get_by_role("heading", name="Changed", exact=True)).to_be_visible()
    expect(page.get_by_text(f"{seat}, Economy")).to_be_visible()
    expect(page.locator(".facts dd").nth(2)).not_to_have_text(number)


def test_seat_lost_on_the_second_flight_is_asked_anew_for_that_flight_only(page: Page, suite: Suite) -> None:
    page.goto(CONNECTION)
    choose_first(page)
    first, second = choose_seat(page), choose_seat(page)
    ids = parse_qs(urlsplit(page.url).query)["flight"]
    fill_passenger(page)
    assert suite.book(flight_id=int(ids[1]), seat_numbers=[second])["success"]
    pay(page)
    expect(page.get_by_text(re.compile(f"Seat {second} of flight ZZ[0-9]+ is taken")).first).to_be_visible()
    page.get_by_role("link", name=re.compile("^Choose another seat on ZZ")).click()
    expect(page.get_by_role("heading", name="Choose your seat: flight 2 of 2")).to_be_visible()
    other = choose_seat(page)
    expect(page.get_by_label("Last name")).to_have_value("Lovelace")
    page.get_by_role("button", name="Continue to payment").click()
    pay(page)
    booked(page)
    for seat in (first, other):
        expect(page.get_by_text(f"{seat}, Economy").first).to_be_visible()


def test_seat_taken_meanwhile_offers_another_with_everything_kept(page: Page, suite: Suite) -> None:
    seat = to_payment(page)
    flight = page.evaluate(
        "new URL(document.querySelector('a[href*=\"/book/seats/\"]').href).searchParams.get('flight')"
    )
    assert suite.book(flight_id=int(flight), seat_numbers=[seat])["success"]
    pay(page)
    page.get_by_role("link", name="Choose another seat").click()
    expect(page.get_by_label(f"Seat {seat},")).to_have_accessible_name(re.compile("taken"))
    choose_seat(page)
    expect(page.get_by_label("Last name")).to_have_value("Lovelace")
    page.get_by_role("button", name="Continue to payment").click()
    pay(page)
    booked(page)


def test_chosen_seat_taken_meanwhile_is_told_on_the_open_map_and_the_nearest_is_marked(
    page: Page, suite: Suite
) -> None:
    choose_flight(page)
    # In the middle: other stories take the first and the last seats, and with them whole rows.
    seats = page.locator(".cabin input[type=checkbox]")
    seat = seats.nth(seats.count() // 2)
    seat.check(force=True)
    number = seat.get_attribute("value")
    flight = int(parse_qs(urlsplit(page.url).query)["flight"][0])
    assert suite.book(flight_id=flight, seat_numbers=[number])["success"]
    # What the page does by itself every 15 seconds.
    page.evaluate(REFRESH)
    expect(page.get_by_text(f"Seat {number} is not free any more.")).to_be_visible()
    nearest = page.locator("[data-chosen]").inner_text()
    assert nearest != number and nearest[:-1] == (number or "")[:-1]
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_label("First name")).to_be_visible()
    assert f"seats1={nearest}" in page.url


def test_seat_that_is_chosen_before_the_script_is_there_stays_chosen(page: Page) -> None:
    held: list[Route] = []
    page.route(re.compile(r"/seats[^/]*\.js"), lambda route: held.append(route))
    choose_flight(page)
    seat = page.locator(".cabin input[type=checkbox]").first
    # The page may still move while its script is awaited.
    seat.dispatch_event("click")
    (script,) = held
    script.continue_()
    expect(page.locator("[data-chosen]")).to_have_text(seat.get_attribute("value") or "")
    expect(seat).to_be_checked()


def test_card_that_is_chosen_before_the_script_is_there_stays_chosen(page: Page) -> None:
    held: list[Route] = []
    page.route(re.compile(r"/simulated[^/]*\.js"), lambda route: held.append(route))
    to_payment(page)
    page.locator("[value=tok_declined]").check()
    (script,) = held
    script.continue_()
    expect(page.get_by_label("Card number")).to_have_value("4000 0000 0000 0002")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")


def test_other_colours_keep_what_is_typed_and_the_first_click_changes_them(
    browser: Browser, suite: Suite
) -> None:
    context = browser.new_context(base_url=suite.url(), color_scheme="dark")
    page = context.new_page()
    choose_flight(page)
    choose_seat(page)
    page.get_by_label("First name").fill("Ada")
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    with page.expect_response(re.compile("/theme/$")):
        page.get_by_role("button", name="Light colours").click()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != dark
    expect(page.get_by_label("First name")).to_have_value("Ada")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    expect(page.get_by_role("button", name="Dark colours")).to_be_visible()
    context.close()


def test_seats_on_a_telephone_are_wide_enough_for_a_finger_and_continue_stays_in_view(
    browser: Browser, suite: Suite
) -> None:
    context = browser.new_context(base_url=suite.url(), viewport={"width": 360, "height": 640})
    page = context.new_page()
    choose_flight(page)
    box = page.locator(".cabin .seat").first.bounding_box()
    assert box and min(box["width"], box["height"]) >= 44
    expect(page.get_by_role("button", name="Continue")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_message_on_the_first_page_is_not_covered(page: Page) -> None:
    page.goto("/book/nothing/pay/")
    told = page.get_by_text("That booking is not open in this browser.")
    expect(told).to_be_visible()
    above = told.evaluate(
        "it => { const box = it.getBoundingClientRect();"
        " return it.contains(document.elementFromPoint(box.left + 5, box.bottom - 3)); }"
    )
    assert above


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
    page.on("request", lambda request: asked.append(request.url))
    suite.clear_faults()
    suite.retry(saga)
    if where == "progress":
        booked(page)
    else:
        expect(live).to_contain_text("completed")
    assert asked[0] == f"{suite.url()}/{where}/{saga}/part/"


def test_double_click_on_pay_books_once(page: Page, suite: Suite) -> None:
    to_payment(page)
    fill_card(page, CARDS["tok_ok"])
    page.get_by_role("button", name=re.compile("^Pay")).dblclick()
    booked(page)
    owner = suite.get(f"/api/saga/status/{saga_id(page)}/")["user_id"]
    assert len(suite.get(f"/api/saga/?user_id={owner}")["results"]) == 1


def test_cancellation_shows_consequences_and_then_undoes(page: Page) -> None:
    to_payment(page)
    pay(page)
    booked(page)
    page.get_by_role("link", name="Cancel this booking").click()
    expect(page.get_by_text("is given back to your card")).to_be_visible()
    page.get_by_role("button", name="Cancel this booking").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    expect(page.get_by_text("Seats given back", exact=True)).to_be_visible()


def test_slow_cancellation_is_shown_live(page: Page, suite: Suite) -> None:
    to_payment(page)
    pay(page)
    booked(page)
    page.get_by_role("link", name="Cancel this booking").click()
    suite.put_faults("payment", {"step": "CancelPayment", "kind": "fail"})
    page.get_by_role("button", name="Cancel this booking").click()
    expect(page.get_by_text("Cancelling the payment")).to_be_visible()
    page.evaluate("window.sameDocument = true")
    suite.clear_faults()
    suite.retry(saga_id(page))
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()
    assert page.evaluate("window.sameDocument") is True


def test_console_retries_a_stuck_compensation_and_records_the_operator(page: Page, suite: Suite) -> None:
    suite.put_faults("payment", {"step": "CancelPayment", "kind": "fail"})
    stuck = suite.book(simulate_awardmiles_fail=True)["correlation_id"]
    page.goto(f"/console/{stuck}/")
    expect(page.locator(".box.undo.now")).to_have_text(re.compile("CancelPayment"))
    page.locator("#reason").fill("payment is back")
    suite.clear_faults()
    page.get_by_role("button", name="Retry now").click()
    expect(page.locator(".pill.bad", has_text="compensated").first).to_be_visible()
    expect(page.get_by_role("heading", name="What operators did")).to_be_visible()
    page.goto("/console/audit/")
    expect(page.get_by_role("row", name=re.compile(f"retry {stuck[:8]} payment is back"))).to_be_visible()


def test_operator_retries_all_of_one_error_and_finds_its_sagas_by_a_name(page: Page, suite: Suite) -> None:
    suite.put_faults("payment", {"step": "CancelPayment", "kind": "refuse"})
    person = [{"first_name": "Zebedee", "last_name": "Quillfeather"}]
    stuck = [suite.book(simulate_awardmiles_fail=True, passengers=person)["correlation_id"] for _ in range(2)]
    page.goto("/console/")
    page.get_by_role("link", name=re.compile("^Act on all")).click()
    expect(page.get_by_text(re.compile("CancelPayment at payment"))).to_be_visible()
    page.get_by_label("Reason").fill("payment is back")
    page.get_by_role("button", name="Do it to all 2 sagas").click()
    expect(page.get_by_text("Retry of 2 sagas is taken; they go on by themselves.")).to_be_visible()
    suite.clear_faults()
    page.get_by_label("Find a saga").fill("quillfeather zebedee")
    page.keyboard.press("Enter")
    expect(page.locator(".sagas tbody tr")).to_have_count(2)
    page.locator(".chart.started a").last.click()
    expect(page.locator(f"#saga-{stuck[0]}")).to_be_visible()
    wait_for(
        lambda: {suite.get(f"/api/saga/status/{each}/")["status"] for each in stuck} == {"COMPENSATED"},
        "both are undone",
    )


def place_of(page: Page, selector: str) -> tuple[float, ...]:
    box = page.locator(selector).bounding_box()
    assert box
    return box["x"], box["y"], box["width"], box["height"]


def test_console_keeps_what_is_open_focused_and_typed_while_its_saga_changes(
    page: Page, suite: Suite
) -> None:
    suite.put_faults("payment", {"step": "AuthorizePayment", "kind": "fail"})
    saga = suite.book(headers={"Prefer": "respond-async"})["correlation_id"]
    page.goto(f"/console/{saga}/")
    page.locator("#event-1 summary").click()
    page.locator("#tries-AuthorizePayment summary").click()
    page.locator("#preview-cancel summary").click()
    page.locator("#reason").fill("the bank is back")
    page.locator("#event-1-open").focus()
    before = place_of(page, "#retry")
    events = page.locator(".event-list > li").count()
    expect(page.locator(f"#event-{events + 2}")).to_be_attached()
    expect(page.locator("#event-1 details")).to_have_attribute("open", "")
    for details in ("#tries-AuthorizePayment", "#preview-cancel"):
        expect(page.locator(details)).to_have_attribute("open", "")
    expect(page.locator("#event-1-open")).to_be_focused()
    expect(page.locator("#reason")).to_have_value("the bank is back")
    # Half a pixel is what rounding makes of growing rows above.
    assert place_of(page, "#retry") == pytest.approx(before, abs=1)


@pytest.mark.parametrize("service", ["backend", "payment", "loyalty"])
def test_page_of_a_schema_works_under_its_policy(page: Page, suite: Suite, service: str) -> None:
    page.goto(f"{suite.url(service)}/api/docs/")
    operation = page.locator(".opblock-get").first
    operation.locator(".opblock-summary-control").click()
    expect(operation.locator(".opblock-body")).to_be_visible()


def test_open_streams_hold_no_thread_that_a_page_needs(suite: Suite) -> None:
    """There are more streams than threads: if each held one, the page would come after their end.

    They end after the fault does. A forward step is given up at some time, a compensation never.
    """
    suite.put_faults("backend", {"step": "CancelSeat", "kind": "fail"})
    booking = suite.book(simulate_authorizepayment_fail=True)["correlation_id"]
    address = f"{suite.url()}/api/saga/stream/{booking}/"
    with ExitStack() as stack:
        streams = [
            stack.enter_context(requests.get(address, stream=True, timeout=DONE_MS / 1000)) for _ in range(40)
        ]
        assert requests.get(suite.url(), timeout=DONE_MS / 1000).ok
        assert suite.get(f"/api/saga/status/{booking}/")["status"] == "COMPENSATING"
        suite.clear_faults()
        suite.retry(booking)
        for stream in streams:
            assert stream.text.endswith("event: end\ndata: {}\n\n")


def test_everything_killed_in_the_middle_goes_on_and_the_open_page_with_it(
    context: BrowserContext, suite: Suite
) -> None:
    """The page is not reloaded; it finds the services again by itself."""
    page = context.new_page()
    suite.put_faults("payment", {"step": "AuthorizePayment", "kind": "delay", "seconds": 8, "times": 1})
    to_payment(page)
    pay(page)
    expect(page.locator(".live")).to_contain_text("Asking your bank")
    booking = saga_id(page)
    suite.kill_everything()
    suite.start_again()
    page.wait_for_url("**/trips/*/?new=1", timeout=3 * DONE_MS)
    steps = {step["name"]: step["attempts"] for step in suite.get(f"/api/saga/status/{booking}/")["steps"]}
    assert steps["AuthorizePayment"] == 2


def run_lesson(page: Page, title: str) -> None:
    page.goto("/learn/")
    page.get_by_role("button", name=re.compile(title)).click()


def test_lesson_is_run_stepped_and_ends_with_what_payment_has_counted(page: Page, suite: Suite) -> None:
    other = suite.book()
    run_lesson(page, "The answer is lost")
    page.get_by_role("button", name="Pause").click()
    shown = page.locator("#stage-rows li:not([hidden])")
    expect(page.locator("#stage-rows li.lost")).to_be_attached()
    before = shown.count()
    page.get_by_role("button", name="Step").click()
    expect(shown).to_have_count(before + 1)
    expect(page.get_by_role("heading", name=re.compile("charge"))).to_be_hidden()
    page.get_by_label("Speed").select_option("0")
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="2 requests, 1 charge")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="2 requests, 1 charge")).to_be_attached()
    expect(page.locator("#stage-rows li.call", has_text="AuthorizePayment")).to_have_count(2)
    lesson = page.url.rstrip("/").rpartition("/")[2]
    assert suite.get(f"/api/payments/{lesson}/", "payment")["status"] in ("AUTHORIZED", "CAPTURED")
    assert suite.book()["success"] and other["success"], "its faults meet nobody else"
    page.get_by_role("button", name="Next lesson").click()
    expect(page.get_by_role("heading", name="4. The undoing comes first")).to_be_visible()
    expect(page.get_by_role("heading", name="1 request, 0 charges")).to_be_visible()


def test_lesson_without_javascript_is_a_list_of_what_happened(browser: Browser, suite: Suite) -> None:
    context = browser.new_context(base_url=suite.url(), java_script_enabled=False)
    page = context.new_page()
    run_lesson(page, "The bank says no")
    expect(page.get_by_role("heading", name="1 request, 0 charges")).to_be_visible()
    told = page.get_by_role("list", name="What happened, message by message").get_by_role("listitem")
    expect(told).to_have_text(
        [
            re.compile(words)
            for words in (
                "ui to backend: start-booking",
                "backend: ReserveSeat Done",
                "backend to payment: AuthorizePayment",
                "payment to backend: AuthorizePayment Refused: The card was declined",
                "backend: From here on: back",
                "backend: CancelSeat Undone",
                "backend to ui: Everything is undone",
            )
        ]
    )
    context.close()


READS_MS, CLICKS_MS = 10_000, 2_500
"How long a person looks at a verdict, and for the next button."


@pytest.mark.slow
def test_three_lessons_take_a_person_three_minutes(page: Page, suite: Suite) -> None:
    began = time.monotonic()
    page.goto("/learn/")
    page.wait_for_timeout(READS_MS)
    page.get_by_role("button", name=re.compile("A booking that works")).click()
    for number, verdict in (
        (1, "1 request, 1 charge"),
        (2, "1 request, 0 charges"),
        (3, "2 requests, 1 charge"),
    ):
        expect(page.get_by_role("heading", name=re.compile(f"^{number}[.]"))).to_be_visible()
        expect(page.get_by_role("heading", name=verdict)).to_be_visible()
        page.wait_for_timeout(READS_MS)
        if number < 3:
            page.wait_for_timeout(CLICKS_MS)
            page.get_by_role("button", name="Next lesson").click()
    taken = time.monotonic() - began
    sys.stdout.write(f"three lessons: {taken:.0f} s\n")
    assert taken < 180


@pytest.mark.slow
@pytest.mark.parametrize(
    ("title", "words"),
    [("The orchestrator is killed", "is dead"), ("Two orchestrators", "old token: no row has it any more")],
)
def test_orchestrator_that_dies_or_sleeps_charges_once(
    page: Page, suite: Suite, title: str, words: str
) -> None:
    run_lesson(page, title)
    if "killed" in title:
        page.get_by_role("button", name="Kill the worker now").click()
    expect(page.get_by_role("heading", name="2 requests, 1 charge")).to_be_visible(timeout=3 * DONE_MS)
    expect(page.locator("#stage-rows")).to_contain_text(words)
    tokens = re.findall(r"Token (\d+), process (\d+)", page.locator("#stage-rows").inner_text())
    assert len({token for token, _ in tokens}) == 2
    assert len({process for _, process in tokens}) == (2 if "killed" in title else 1)


def test_tickets_that_fail_to_be_issued_are_issued_at_the_next_try(page: Page, suite: Suite) -> None:
    page.goto("/faults/")
    page.get_by_label("Where").select_option("ConfirmBooking")
    page.get_by_label("What").select_option("fail")
    page.get_by_role("button", name="Set this fault").click()
    expect(page.get_by_text(re.compile("ConfirmBooking: fail"))).to_be_visible()
    to_payment(page)
    pay(page)
    booked(page)
    status = suite.get(f"/api/saga/status/{saga_id(page)}/")
    assert status["steps"][3]["attempts"] == 2


def test_console_finds_a_saga_by_its_booking_and_acts_on_several(page: Page, suite: Suite) -> None:
    booked = suite.book()
    suite.put_faults("payment", {"step": "AuthorizePayment", "kind": "fail"})
    waiting = [suite.book(user_id="bulk")["correlation_id"] for _ in range(2)]
    page.goto("/console/")
    page.get_by_label("Find a saga").fill(booked["booking_reference"])
    page.keyboard.press("Enter")
    expect(page.get_by_text(booked["correlation_id"], exact=True)).to_be_visible()
    page.goto("/console/?user=bulk")
    page.get_by_label("Tick every open saga of this page").check()
    page.locator("#bulk-reason").fill("the bank is away")
    page.get_by_role("button", name="Cancel ticked").click()
    expect(page.get_by_text(re.compile("^Cancel of 2 sagas:"))).to_be_visible()
    page.goto("/console/audit/")
    for correlation_id in waiting:
        expect(page.get_by_title(correlation_id)).to_be_visible()


SWITCHES = ("reserveseat", "authorizepayment", "awardmiles", "confirmbooking")


@pytest.mark.parametrize(("switch", "undone"), list(zip(SWITCHES, range(4), strict=True)))
def test_each_failure_switch_undoes_the_steps_before_it(page: Page, switch: str, undone: int) -> None:
    to_payment(page)
    page.get_by_text("Make a step fail").click()
    page.locator(f"[name=simulate_{switch}_fail]").check()
    pay(page)
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")
    expect(page.locator(".live .pill.undo")).to_have_count(undone)


@pytest.mark.parametrize("kind", ["refuse", "fail", "delay", "lose_reply"])
def test_each_kind_of_fault_can_be_set_and_removed(page: Page, kind: str) -> None:
    page.goto("/faults/")
    page.get_by_label("What").select_option(kind)
    page.get_by_role("button", name="Set this fault").click()
    expect(page.get_by_text(re.compile(f"AuthorizePayment: {kind}"))).to_be_visible()
    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_text("No fault is set")).to_be_visible()


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
    page.goto(CONNECTION)
    choose_first(page)
    connecting = page.url.removeprefix(suite.url())
    first = parse_qs(urlsplit(connecting).query)["flight"][0]
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
    browser: Browser, suite: Suite, scheme: str, width: int
) -> None:
    """axe-core's rules of WCAG 2.2 AA."""
    context = browser.new_context(
        base_url=suite.url(),
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    found = [each for address in every_page(page, suite) for each in troubles(page, address, width)]
    register(page)
    found += [
        each
        for address in ("/account/", "/account/profile/", "/account/password/", "/account/data/")
        for each in troubles(page, address, width)
    ]
    context.close()
    assert found == []


def register(page: Page) -> None:
    page.goto("/account/register/")
    page.get_by_label("Username").fill(f"ada-{secrets.token_hex(4)}")
    page.get_by_label("Email").fill("ada@example.com")
    page.get_by_label("Password").fill("a long enough phrase")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("Your account is ready.")).to_be_visible()


def troubles(page: Page, address: str, width: int) -> list[str]:
    page.goto(address)
    page.evaluate(AXE.read_text())
    found = [
        f"{address}: {violation['id']}: {[node['html'][:120] for node in violation['nodes'][:3]]}"
        for violation in page.evaluate("rules => axe.run(document, rules)", RULES)["violations"]
    ]
    if (wide := page.evaluate("document.documentElement.scrollWidth")) > width:
        found.append(f"{address}: {wide} pixels wide")
    return found
