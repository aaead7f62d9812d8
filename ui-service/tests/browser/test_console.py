"""What operators see and do, and the switches of demo mode."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.travel import BROWSER, book, follow, saga_id
from tests.suite import Suite, wait_for

pytestmark = BROWSER


def test_console_retries_a_stuck_compensation_and_records_the_operator(page: Page, suite: Suite) -> None:
    suite.put_faults("payment", {"step": "CancelPayment", "kind": "fail"})
    stuck = suite.book(simulate_awardmiles_fail=True)["correlation_id"]
    page.goto(f"/console/{stuck}/")
    expect(page.locator(".box.undo.now")).to_have_text(re.compile("CancelPayment"))
    page.locator("#reason").fill("payment is back")
    # The fault goes after the click: without it the saga might end by itself, and the button with it.
    follow(page, page.get_by_role("button", name="Retry now"))
    suite.clear_faults()
    expect(page.locator(".pill.bad", has_text="compensated").first).to_be_visible()
    page.goto(f"/console/{stuck}/")
    expect(page.get_by_role("heading", name="What operators did")).to_be_visible()
    page.goto("/console/audit/")
    expect(page.get_by_role("row", name=re.compile(f"retry {stuck[:8]} payment is back"))).to_be_visible()


def test_operator_retries_all_of_one_error_and_finds_its_sagas_by_a_name(page: Page, suite: Suite) -> None:
    suite.put_faults("payment", {"step": "CancelPayment", "kind": "refuse"})
    person = [{"first_name": "Zebedee", "last_name": "Quillfeather"}]
    stuck = [suite.book(simulate_awardmiles_fail=True, passengers=person)["correlation_id"] for _ in range(2)]
    page.goto("/console/")
    follow(page, page.get_by_role("link", name=re.compile("^Act on all")))
    expect(page.get_by_text(re.compile("CancelPayment at payment"))).to_be_visible()
    page.get_by_label("Reason").fill("payment is back")
    follow(page, page.get_by_role("button", name="Do it to all 2 sagas"))
    expect(page.get_by_text("Retry of 2 sagas is taken; they go on by themselves.")).to_be_visible()
    suite.clear_faults()
    find(page, "quillfeather zebedee")
    expect(page.locator(".sagas tbody tr")).to_have_count(2)
    follow(page, page.locator(".chart.started a").last)
    expect(page.locator(f"#saga-{stuck[0]}")).to_be_visible()
    wait_for(
        lambda: {suite.get(f"/api/saga/status/{each}/")["status"] for each in stuck} == {"COMPENSATED"},
        "both are undone",
    )


def find(page: Page, text: str) -> None:
    with page.expect_event("load"):
        page.get_by_label("Find a saga").fill(text)
        page.get_by_label("Find a saga").press("Enter")


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


def test_console_finds_a_saga_by_its_booking_and_acts_on_several(page: Page, suite: Suite) -> None:
    booked = suite.book()
    suite.put_faults("payment", {"step": "AuthorizePayment", "kind": "fail"})
    waiting = [suite.book(user_id="bulk")["correlation_id"] for _ in range(2)]
    page.goto("/console/")
    find(page, booked["booking_reference"])
    expect(page.get_by_text(booked["correlation_id"], exact=True)).to_be_visible()
    page.goto("/console/?user=bulk")
    page.get_by_label("Tick every open saga of this page").check()
    page.locator("#bulk-reason").fill("the bank is away")
    follow(page, page.get_by_role("button", name="Cancel ticked"))
    expect(page.get_by_text(re.compile("^Cancel of 2 sagas:"))).to_be_visible()
    page.goto("/console/audit/")
    for correlation_id in waiting:
        expect(page.get_by_title(correlation_id)).to_be_visible()


def set_fault(page: Page, kind: str, *, where: str = "") -> Locator:
    """What the page then says of it."""
    page.goto("/faults/")
    if where:
        page.get_by_label("Where").select_option(where)
    page.get_by_label("What").select_option(kind)
    follow(page, page.get_by_role("button", name="Set this fault"))
    return page.get_by_text(re.compile(f"{where or 'AuthorizePayment'}: {kind}"))


@pytest.mark.parametrize("kind", ["refuse", "fail", "delay", "lose_reply"])
def test_each_kind_of_fault_can_be_set_and_removed(page: Page, kind: str) -> None:
    expect(set_fault(page, kind)).to_be_visible()
    follow(page, page.get_by_role("button", name="Remove all"))
    expect(page.get_by_text("No fault is set")).to_be_visible()


def test_tickets_that_fail_to_be_issued_are_issued_at_the_next_try(page: Page, suite: Suite) -> None:
    expect(set_fault(page, "fail", where="ConfirmBooking")).to_be_visible()
    book(page)
    status = suite.get(f"/api/saga/status/{saga_id(page)}/")
    assert status["steps"][3]["attempts"] == 2


@pytest.mark.parametrize("service", ["backend", "payment", "loyalty"])
def test_page_of_a_schema_works_under_its_policy(page: Page, suite: Suite, service: str) -> None:
    page.goto(f"{suite.url(service)}/api/docs/")
    operation = page.locator(".opblock-get").first
    operation.locator(".opblock-summary-control").click()
    expect(operation.locator(".opblock-body")).to_be_visible()
