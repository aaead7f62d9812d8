"""The console's page of one saga: both lanes, its events, its tries."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django_sagas.clock import utc_now

from tests.console_pages import PAGE, STUCK, shows
from tests.desk import (
    COMPLETED,
    DECLINED,
    EVENTS,
    LOYALTY,
    PAYMENT,
    RUNNING,
    SAGA,
    Desk,
    event,
    saga,
)
from ui.console import diagrams
from ui.templatetags.ui import TIMES
from ui.view_models.sagas import from_status


def test_saga_shows_its_miles_and_what_operators_did(client: Client, desk: Desk) -> None:
    shows(desk, COMPLETED)
    text = client.get(PAGE).content.decode()
    assert "+161 award" in text and "+999" not in text
    assert "What operators did" in text and "payment is back" in text


def test_saga_shows_both_lanes_attempts_and_every_event(client: Client, desk: Desk) -> None:
    shows(desk, COMPLETED)
    text = client.get(PAGE).content.decode()
    for shown in (
        "ReserveSeat",
        "Cancel<wbr>Booking",
        "not needed",
        "auth-1",
        "SAGA_STEP_COMPLETED",
        "&quot;sequence&quot;: 4",
    ):
        assert shown in text
    assert text.count("event_id") == len(EVENTS)


def test_running_saga_is_live_and_finished_one_is_not(client: Client, desk: Desk) -> None:
    shows(desk, RUNNING)
    assert "sse-connect" in client.get(PAGE).content.decode()
    shows(desk, COMPLETED)
    assert "sse-connect" not in client.get(PAGE).content.decode()
    assert client.get(f"{PAGE}part/", headers={"HX-Request": "true"}).status_code == 286


def test_other_service_away_does_not_hide_the_saga(client: Client, desk: Desk) -> None:
    desk.tells(COMPLETED)
    desk.answers(f"/api/payments/{SAGA}/", {}, status=503, base=PAYMENT)
    desk.answers("/api/loyalty/demo/", {}, status=503, base=LOYALTY)
    desk.answers("/api/audit/", {}, status=503)
    assert client.get(PAGE).status_code == 200


def test_export_is_one_json_file_with_status_and_events(client: Client, desk: Desk) -> None:
    desk.tells(COMPLETED)
    response = client.get(f"{PAGE}export.json")
    found = json.loads(response.content)
    assert found["saga"]["status"] == "COMPLETED" and len(found["events"]) == len(EVENTS)
    assert response["Content-Disposition"] == f'attachment; filename="saga-{SAGA}.json"'


def test_export_and_page_of_more_than_1000_events_have_every_one(client: Client, desk: Desk) -> None:
    every = [event(number, "SAGA_STEP_UNKNOWN", step="AwardMiles") for number in range(1, 1143)]
    following = f"/api/saga/events/{SAGA}/whatever-the-backend-says/"
    shows(desk, STUCK)
    desk.answers(f"/api/saga/events/{SAGA}/", {"events": every[:1000], "next": following})
    desk.answers(following, {"events": every[1000:], "next": None})
    found = json.loads(client.get(f"{PAGE}export.json").content)
    assert [each["sequence"] for each in found["events"]] == list(range(1, 1143))
    assert client.get(PAGE).content.decode().count("event_id") == 1142


def test_error_of_a_stuck_undo_stands_in_the_head_and_at_its_step(client: Client, desk: Desk) -> None:
    shows(desk, STUCK)
    error = {"step": "AuthorizePayment", "compensation": "CancelPayment", "error": "it answered 500"}
    desk.tells(STUCK, [*EVENTS[:3], event(4, "SAGA_COMPENSATION_FAILED", **error, error_code="HTTP_500")])
    text = client.get(PAGE).content.decode()
    assert "Failing call</dt><dd><b>Cancel<wbr>Payment</b> at payment</dd>" in text
    assert '<dt>Last answer</dt><dd title="it answered 500">' in text and "Failing for" in text
    assert re.search(r'box undo now incident"><b>Cancel<wbr>Payment</b>.*?it answered 500</span></div>', text)
    assert "Cancel<wbr>Payment → Cancel<wbr>Seat" in text, "what is still to come"
    assert "it answered 500 <code>HTTP_500</code>" in text
    assert '<div class="box forward done"><b>Authorize<wbr>Payment</b>' in text, "the step itself was done"


def test_actions_stand_above_all_that_grows(client: Client, desk: Desk) -> None:
    shows(desk, STUCK)
    text = client.get(PAGE).content.decode()
    assert text.index('id="saga-head"') < text.index('id="act"') < text.index("<h2>Steps</h2>")


def test_fragment_renews_the_head_and_the_actions(client: Client, desk: Desk) -> None:
    shows(desk, STUCK)
    text = client.get(f"{PAGE}part/", headers={"HX-Request": "true"}).content.decode()
    assert text.count('hx-swap-oob="true"') == 2 and text.count("hx-preserve") >= len(EVENTS)
    shows(desk, COMPLETED)
    text = client.get(f"{PAGE}part/", headers={"HX-Request": "true"}).content.decode()
    assert "there is nothing to do" in text and 'name="reason"' not in text


def test_what_a_cancellation_would_undo_is_shown_before_it_is_pressed(client: Client, desk: Desk) -> None:
    shows(desk, RUNNING)
    desk.answers(f"/api/payments/{SAGA}/", {"status": "AUTHORIZED", "amount": 211.41}, base=PAYMENT)
    text = client.get(PAGE).content.decode()
    preview = text[text.index('id="preview-cancel"') : text.index("</details>")]
    told = re.findall(r"<li><b>(\w+)</b> at (\w+): (.*?)</li>", preview)
    assert [(name, at) for name, at, _ in told] == [("CancelPayment", "payment"), ("CancelSeat", "backend")]
    assert "($211.41, authorized now)" in told[0][2] and "may have happened" in told[0][2]
    assert "may have happened" not in told[1][2]


def test_saga_that_has_ended_says_where_it_failed(client: Client, desk: Desk) -> None:
    shows(desk, DECLINED)
    desk.tells(DECLINED, [event(1, "SAGA_STEP_FAILED", step="AuthorizePayment", error="No funds.")])
    text = client.get(PAGE).content.decode()
    assert "Failed at</dt><dd><b>Authorize<wbr>Payment</b> at payment" in text and "No funds." in text
    assert "Next try" not in text and 'id="preview' not in text


def test_tries_of_one_call_are_one_row_that_opens(client: Client, desk: Desk) -> None:
    tried = [
        event(number, kind, step="AwardMiles", attempt=(number + 1) // 2, error="gone")
        for number in range(1, 7)
        for kind in (["SAGA_STEP_STARTED", "SAGA_STEP_UNKNOWN"][(number + 1) % 2],)
    ]
    shows(desk, RUNNING)
    desk.tells(RUNNING, tried)
    text = client.get(PAGE).content.decode()
    assert text.count(f"AwardMiles {TIMES}3") == 1 and text.count('<rect class="bar warn"') == 3
    assert "AwardMiles: 3 tries</summary>" in text


def test_compensation_settled_by_hand_ends_in_the_chart(client: Client, desk: Desk) -> None:
    step = {"step": "AuthorizePayment", "compensation": "CancelPayment"}
    settled = [
        event(1, "SAGA_COMPENSATION_STEP_STARTED", **step, attempt=1),
        event(2, "SAGA_COMPENSATION_RESOLVED", **step, actor="demo"),
    ]
    by_hand = saga("COMPENSATED", "UNDONE RESOLVED REFUSED PENDING", resolved_manually=True)
    shows(desk, by_hand)
    desk.tells(by_hand, settled)
    text = client.get(PAGE).content.decode()
    assert 'class="bar undone"' in text and 'class="bar now"' not in text


def test_attempts_are_drawn_from_their_events(client: Client, desk: Desk) -> None:
    late = (utc_now() - timedelta(seconds=2)).isoformat()
    retried = [
        event(1, "SAGA_STEP_STARTED", step="AuthorizePayment", attempt=1),
        event(2, "SAGA_STEP_UNKNOWN", step="AuthorizePayment", attempt=1, error="timed out"),
        {**event(3, "SAGA_STEP_STARTED", step="AuthorizePayment", attempt=2), "timestamp": late},
    ]
    shows(desk, RUNNING)
    desk.tells(RUNNING, retried)
    text = client.get(PAGE).content.decode()
    assert 'class="bar warn"' in text and f"AuthorizePayment {TIMES}2" in text and 'class="bar now"' in text


@pytest.mark.parametrize(
    ("status", "states", "undo"),
    [
        ("RUNNING", "DONE STARTED PENDING PENDING", ["if needed"] * 4),
        ("COMPLETED", "DONE DONE DONE DONE", ["not needed"] * 4),
        ("COMPENSATING", "DONE UNDOING REFUSED PENDING", ["waits", "undoing", "not needed", "not needed"]),
        (
            "COMPENSATED",
            "UNDONE REFUSED PENDING PENDING",
            ["undone", "not needed", "not needed", "not needed"],
        ),
    ],
)
def test_undo_lane_says_what_each_compensation_is_at(status: str, states: str, undo: list[str]) -> None:
    drawn = diagrams.lanes(from_status(saga(status, states)))
    assert [pair.undo.state for pair in drawn] == undo


def test_saga_that_is_stuck_for_hours_is_shown_with_its_newest_tries(client: Client, desk: Desk) -> None:
    long = [
        {**event(number, kind, step="AwardMiles", attempt=number // 2 + 1, error="x" * 200), "timestamp": at}
        for number in range(1, 1001)
        for kind in (["SAGA_STEP_STARTED", "SAGA_STEP_UNKNOWN"][number % 2 - 1],)
        for at in ((utc_now() + timedelta(seconds=number)).isoformat(),)
    ]
    shows(desk, STUCK)
    desk.tells(STUCK, long)
    text = client.get(PAGE).content.decode()
    assert text.count('<rect class="bar') == diagrams.MOST_BARS
    assert "The newest tries" in text and text.count("event_id") == 1000
