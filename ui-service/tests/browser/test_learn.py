"""The lessons: a saga of one's own, told message by message."""

import re
import sys
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.travel import BROWSER, DONE_MS, Open, follow, run_lesson
from tests.suite import Suite

pytestmark = BROWSER


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
    follow(page, page.get_by_role("button", name="Next lesson"))
    expect(page.get_by_role("heading", name="4. The undoing comes first")).to_be_visible()
    expect(page.get_by_role("heading", name="1 request, 0 charges")).to_be_visible()


def test_lesson_without_javascript_is_a_list_of_what_happened(open_page: Open) -> None:
    page = open_page(java_script_enabled=False)
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
