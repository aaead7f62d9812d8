"""The card, and what a bank may answer."""

import re

import pytest
from playwright.sync_api import Page, Request, expect

from tests.browser.travel import (
    BROWSER,
    CARDS,
    before_script,
    booked,
    fill_card,
    follow,
    pay,
    pay_button,
    saga_id,
    to_payment,
)
from tests.suite import Suite

pytestmark = BROWSER


def test_card_is_checked_beside_its_fields_and_its_number_is_sent_to_nobody(page: Page) -> None:
    to_payment(page)
    sent: list[str] = []

    def note(request: Request) -> None:
        # Chromium asks for the icon of the page when it likes.
        if "/static/" not in request.url:
            sent.append(f"{request.url} {request.post_data}")

    page.on("request", note)
    button, error = pay_button(page), page.locator(".errors:not(:empty)")
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
    follow(page, button)
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")
    assert "card_token=tok_declined" in sent[0]
    assert not any(re.search("0000|2034|12%20", each) for each in sent)


def test_card_that_is_chosen_before_the_script_is_there_stays_chosen(page: Page) -> None:
    card = page.locator("[value=tok_declined]")
    before_script(page, r"/simulated[^/]*\.js", lambda: card.dispatch_event("click"))
    to_payment(page)
    expect(page.get_by_label("Card number")).to_have_value("4000 0000 0000 0002")
    follow(page, pay_button(page))
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")


def test_unsure_bank_is_asked_again_by_itself_and_one_that_never_answers_can_be_left(page: Page) -> None:
    to_payment(page)
    payment = page.url
    pay(page, "tok_timeout")
    expect(page.get_by_role("heading", name="We are checking with your bank")).to_be_visible()
    expect(page.locator(".money")).to_contain_text("You will not be charged twice")
    expect(page.locator("[data-said]")).to_contain_text("We are checking with your bank.")
    assert 0 < int(page.locator("[data-seconds]").inner_text()) <= 60
    page.get_by_role("button", name="Stop this booking").click()
    expect(page.get_by_role("heading", name="Stopped")).to_be_visible()
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")
    follow(page, page.get_by_role("link", name="Try again"))
    assert page.url == payment
    pay(page, "tok_unsure")
    booked(page)


def test_double_click_on_pay_books_once(page: Page, suite: Suite) -> None:
    to_payment(page)
    fill_card(page, CARDS["tok_ok"])
    pay_button(page).dblclick()
    booked(page)
    owner = suite.get(f"/api/saga/status/{saga_id(page)}/")["user_id"]
    assert len(suite.get(f"/api/saga/?user_id={owner}")["results"]) == 1


SWITCHES = ("reserveseat", "authorizepayment", "awardmiles", "confirmbooking")


@pytest.mark.parametrize(("switch", "undone"), list(zip(SWITCHES, range(4), strict=True)))
def test_each_failure_switch_undoes_the_steps_before_it(page: Page, switch: str, undone: int) -> None:
    to_payment(page)
    page.get_by_text("Make a step fail").click()
    page.locator(f"[name=simulate_{switch}_fail]").check()
    pay(page)
    expect(page.locator(".money")).to_contain_text("Nothing was charged.")
    expect(page.locator(".live .pill.undo")).to_have_count(undone)
