"""The seat map, by mouse, finger and keyboard, while others take seats."""

import re

from playwright.sync_api import Page, expect

from tests.browser.travel import (
    BROWSER,
    CONNECTION,
    RESULTS,
    Open,
    await_answer,
    before_script,
    booked,
    choose_flight,
    choose_seat,
    fill_passenger,
    flights_of,
    follow,
    go_on,
    go_to_payment,
    number_of,
    pay,
    seats,
)
from tests.suite import Suite

pytestmark = BROWSER
REFRESH = "htmx.trigger('#cabin', 'refresh')"


def test_seat_is_chosen_by_keyboard(page: Page) -> None:
    choose_flight(page)
    seats(page).first.focus()
    page.keyboard.press("Space")
    expect(page.locator("[data-chosen]")).not_to_have_text("none yet")
    expect(page.locator(".cabin input:checked")).to_have_count(1)


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
    page.wait_for_url(f"**seats1={chosen}*")
    expect(page.get_by_label("First name")).to_be_visible()


def test_another_seat_takes_the_place_of_the_one_that_was_chosen_first(page: Page) -> None:
    choose_flight(page)
    for place in (0, 1):
        seats(page).nth(place).check()
    expect(page.locator(".cabin input:checked")).to_have_count(1)
    expect(seats(page).nth(1)).to_be_checked()


def test_each_passenger_gets_the_seat_chosen_for_them(page: Page) -> None:
    choose_flight(page, f"{RESULTS}&passengers=2")
    first = page.get_by_role("button", name=re.compile("^Passenger 1"))
    second = page.locator("[data-person]").last
    late, early, other = (number_of(seats(page).nth(place)) for place in (-1, -2, -3))
    for place in (-1, -2):
        seats(page).nth(place).check()
    expect(first).to_have_text(re.compile(f"{late}$"))
    expect(second).to_have_text(re.compile(f"{early}$"))
    first.click()
    seats(page).nth(-3).check()
    expect(page.locator("[data-chosen]")).to_have_text(f"{other}, {early}")
    go_on(page)
    expect(page.get_by_label("First name").first).to_be_visible()
    assert f"seats1={other}&seats1={early}" in page.url


def test_seat_lost_on_the_second_flight_is_asked_anew_for_that_flight_only(page: Page, suite: Suite) -> None:
    choose_flight(page, CONNECTION)
    first, second = choose_seat(page), choose_seat(page)
    flight = flights_of(page)[1]
    fill_passenger(page)
    assert suite.book(flight_id=flight, seat_numbers=[second])["success"]
    pay(page)
    expect(page.get_by_text(re.compile(f"Seat {second} of flight ZZ[0-9]+ is taken")).first).to_be_visible()
    follow(page, page.get_by_role("link", name=re.compile("^Choose another seat on ZZ")))
    expect(page.get_by_role("heading", name="Choose your seat: flight 2 of 2")).to_be_visible()
    other = choose_seat(page)
    expect(page.get_by_label("Last name")).to_have_value("Lovelace")
    go_to_payment(page)
    pay(page)
    booked(page)
    for seat in (first, other):
        expect(page.get_by_text(f"{seat}, Economy").first).to_be_visible()


def test_seat_taken_meanwhile_offers_another_with_everything_kept(page: Page, suite: Suite) -> None:
    choose_flight(page)
    (flight,) = flights_of(page)
    seat = choose_seat(page)
    fill_passenger(page)
    assert suite.book(flight_id=flight, seat_numbers=[seat])["success"]
    pay(page)
    follow(page, page.get_by_role("link", name="Choose another seat"))
    expect(page.get_by_label(f"Seat {seat},")).to_have_accessible_name(re.compile("taken"))
    choose_seat(page)
    expect(page.get_by_label("Last name")).to_have_value("Lovelace")
    go_to_payment(page)
    pay(page)
    booked(page)


def test_chosen_seat_taken_meanwhile_is_told_on_the_open_map_and_the_nearest_is_marked(
    page: Page, suite: Suite
) -> None:
    choose_flight(page)
    # In the middle: other stories take the first and the last seats, and with them whole rows.
    seat = seats(page).nth(seats(page).count() // 2)
    number = number_of(seat)
    seat.check()
    (flight,) = flights_of(page)
    assert suite.book(flight_id=flight, seat_numbers=[number])["success"]
    # What the page does by itself every 15 seconds.
    page.evaluate(REFRESH)
    expect(page.get_by_text(f"Seat {number} is not free any more.")).to_be_visible()
    chosen = page.locator("[data-chosen]")
    expect(chosen).to_have_text(re.compile(rf"^{number[:-1]}(?!{number[-1]})[A-Z]$"))
    nearest = chosen.inner_text()
    go_on(page)
    expect(page.get_by_label("First name")).to_be_visible()
    assert f"seats1={nearest}" in page.url


def test_seat_that_is_chosen_before_the_script_is_there_stays_chosen(page: Page) -> None:
    seat = seats(page).first
    # The page may still move while its script is awaited.
    before_script(page, r"/seats[^/]*\.js", lambda: seat.dispatch_event("click"))
    choose_flight(page)
    expect(page.locator("[data-chosen]")).to_have_text(number_of(seat))
    expect(seat).to_be_checked()


def test_map_that_changes_under_the_mouse_loses_no_click(page: Page) -> None:
    choose_flight(page)
    seat = seats(page).nth(seats(page).count() // 2)
    seat.hover()
    page.mouse.down()
    await_answer(page, REFRESH)
    page.mouse.up()
    expect(page.locator("[data-chosen]")).to_have_text(number_of(seat))


def test_seats_on_a_telephone_are_wide_enough_for_a_finger_and_continue_stays_in_view(
    open_page: Open,
) -> None:
    page = open_page(viewport={"width": 360, "height": 640})
    choose_flight(page)
    box = page.locator(".cabin .seat").first.bounding_box()
    assert box and min(box["width"], box["height"]) >= 44
    expect(page.get_by_role("button", name="Continue")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
