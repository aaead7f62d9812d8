"""The saga console: what it shows, and the operator's actions."""

import json
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from django_sagas.clock import utc_now
from pytest_django import Settings

from tests.desk import (
    COMPLETED,
    DECLINED,
    DEFINITIONS,
    EVENTS,
    LOYALTY,
    PAYMENT,
    RUNNING,
    SAGA,
    Desk,
    Json,
    audit_row,
    booking,
    event,
    saga,
)
from ui import diagrams
from ui.models import User
from ui.sagas import from_status
from ui.templatetags.ui import TIMES

EXPIRED = saga(
    "RUNNING",
    "DONE STARTED PENDING PENDING",
    definition="settle-trip",
    booking_reference="ABC234",
    needs_attention=True,
    attention_reason="CapturePayment fails: It has expired.",
    finished_at=None,
    actions=[
        {"name": "authorize-again", "href": f"/api/saga/{SAGA}/authorize-again/"},
        {"name": "cancel-booking", "href": "/api/bookings/ABC234/cancel/"},
    ],
)
LIST, PAGE = "/console/", f"/console/{SAGA}/"
STUCK = saga(
    "COMPENSATING",
    "DONE UNDOING REFUSED PENDING",
    needs_attention=True,
    attention_reason="CancelPayment failed 10 times",
    finished_at=None,
)


def shows(desk: Desk, status: dict[str, object]) -> None:
    desk.tells(status)
    desk.answers("/api/saga/definitions/", DEFINITIONS)
    desk.audits(audit_row())
    entry = {"correlation_id": SAGA, "kind": "AWARD", "miles": 161, "created_at": "2026-11-23T02:00:00Z"}
    other = {**entry, "correlation_id": "other", "miles": 999}
    desk.answers("/api/loyalty/demo/", {"entries": [other, entry]}, base=LOYALTY)
    desk.answers(
        f"/api/payments/{SAGA}/", {"status": "AUTHORIZED", "authorization_id": "auth-1"}, base=PAYMENT
    )


def test_list_shows_status_steps_and_outcome(client: Client, desk: Desk) -> None:
    desk.lists(COMPLETED, {**DECLINED, "correlation_id": "other"})
    text = client.get(LIST).content.decode()
    for shown in (
        "completed",
        "compensated",
        "ABC234",
        "PAYMENT_DECLINED",
        "250 ms",
        "AuthorizePayment refused",
    ):
        assert shown in text
    assert "Lovelace" not in text


def test_overview_tells_exact_counts_failures_and_what_runs_the_sagas(client: Client, desk: Desk) -> None:
    desk.lists(needs_attention=2)
    text = client.get(LIST).content.decode()
    numbers = ("98,412", "1,571", "1.5 %", "of 800 in a day")
    for shown in (*numbers, "host:7", "book-trip v1: 4 open", ">now</a>"):
        assert shown in text


def test_missing_workers_are_shown_as_a_fault(client: Client, desk: Desk) -> None:
    desk.lists(engine={"name": "procrastinate", "workers": [], "jobs_waiting": 12})
    text = client.get(LIST).content.decode()
    assert "none gives a sign of life" in text and "12 in its queue" in text


def test_pages_make_a_bounded_number_of_reads(client: Client, desk: Desk) -> None:
    desk.lists(*[{**COMPLETED, "correlation_id": f"c{n}"} for n in range(50)])
    client.get(LIST)
    assert len(desk.calls) == 3
    shows(desk, COMPLETED)
    client.get(PAGE)
    assert len(desk.calls) == 3 + 6


@pytest.mark.parametrize("typed", ["ABC234", " abc234 ", SAGA])
def test_search_by_reference_or_id_leads_to_the_saga(client: Client, desk: Desk, typed: str) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    desk.tells(COMPLETED)
    assert client.get(LIST, {"find": typed})["Location"] == PAGE


@pytest.mark.parametrize("user", ["ada@example.com", "u-1", "secret"])
def test_search_by_traveller_leads_to_their_sagas(client: Client, desk: Desk, user: str) -> None:
    desk.refuses("/api/bookings/SECRET/", 404, "NOT_FOUND", "none", method="GET")
    desk.refuses(f"/api/saga/status/{user}/", 404, "NOT_FOUND", "none", method="GET")
    desk.lists(COMPLETED)
    where = client.get(LIST, {"find": user})["Location"]
    client.get(where)
    assert f"user_id={quote(user, safe='')}" in str(desk.sent_to("/api/saga/")[-1].url)


@pytest.mark.parametrize("typed", ["nobody", "<script>alert(1)</script>", "a b"])
def test_search_without_a_result_says_so(client: Client, desk: Desk, typed: str) -> None:
    desk.refuses("/api/bookings/NOBODY/", 404, "NOT_FOUND", "none", method="GET")
    desk.refuses("/api/saga/status/nobody/", 404, "NOT_FOUND", "none", method="GET")
    desk.lists()
    text = client.get(LIST, {"find": typed}, follow=True).content.decode()
    assert "There is no saga, booking, ticket, flight or traveller" in text and "<script>alert" not in text


def test_audit_lists_actors_and_actions_page_by_page(client: Client, desk: Desk) -> None:
    desk.audits(audit_row(evidence="slip 7"), following="/api/audit/?kind=operator&before=7")
    text = client.get(f"{LIST}audit/").content.decode()
    for shown in ("payment is back", "slip 7", f'href="{PAGE}"', "?kind=operator&amp;before=7"):
        assert shown in text
    assert desk.query("/api/audit/") == {"kind": "operator"}


@pytest.mark.parametrize(
    ("asked", "sent"), [("kind=alarm&before=9", {"kind": "alarm", "before": "9"}), ("kind=x&before=-1", {})]
)
def test_audit_passes_on_what_is_right_only(
    client: Client, desk: Desk, asked: str, sent: dict[str, str]
) -> None:
    desk.audits()
    assert "No rows yet." in client.get(f"{LIST}audit/?{asked}").content.decode()
    assert desk.query("/api/audit/") == sent


def test_saga_shows_its_miles_and_what_operators_did(client: Client, desk: Desk) -> None:
    shows(desk, COMPLETED)
    text = client.get(PAGE).content.decode()
    assert "+161 award" in text and "999" not in text
    assert "What operators did" in text and "payment is back" in text


def test_filters_of_the_address_become_the_backends(client: Client, desk: Desk) -> None:
    desk.lists()
    client.get(f"{LIST}?status=COMPLETED&kind=settle-trip&attention=1&user=demo&since=1&cursor=abc")
    asked = [str(call.url) for call in desk.calls if "cursor=abc" in str(call.url)]
    assert len(asked) == 1
    settled = ("status=COMPLETED", "definition=settle-trip")
    for part in (*settled, "needs_attention=true", "user_id=demo", "created_after="):
        assert part in asked[0]


def test_wrong_filters_are_left_out(client: Client, desk: Desk) -> None:
    desk.lists()
    assert client.get(f"{LIST}?status=x&user=%00&since=9&kind=A%20b").status_code == 200
    wrong = ("%00", "status=x", "definition=")
    assert not any(part in str(call.url) for call in desk.calls for part in wrong)


def test_next_page_keeps_the_filters(client: Client, desk: Desk) -> None:
    desk.lists(COMPLETED, following="/api/saga/?status=COMPLETED&cursor=xyz%3D")
    text = client.get(f"{LIST}?status=COMPLETED").content.decode()
    assert "?status=COMPLETED&amp;cursor=xyz%3D" in text


def test_stuck_sagas_are_grouped_by_their_error(client: Client, desk: Desk) -> None:
    reason = "CancelPayment failed 10 times"
    desk.lists(STUCK, incidents=[{"reason": reason, "count": 2, "sagas": [SAGA, "other"]}])
    text = client.get(LIST).content.decode()
    assert f"2 sagas</b></a>: {reason}" in text and 'href="/console/other/"' in text


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


@pytest.mark.parametrize(
    ("action", "more", "sent"),
    [
        ("retry", {}, {"reason": "because"}),
        ("cancel", {}, {"reason": "because"}),
        (
            "resolve",
            {"step": "AuthorizePayment", "evidence": "slip 7"},
            {"reason": "because", "step": "AuthorizePayment", "evidence": "slip 7"},
        ),
        (
            "authorize-again",
            {"card_token": "tok_ok"},
            {"reason": "because", "payment": {"card_token": "tok_ok"}},
        ),
    ],
)
def test_action_is_sent_with_its_reason_as_operator(
    client: Client, desk: Desk, action: str, more: dict[str, str], sent: dict[str, str]
) -> None:
    desk.answers(f"/api/saga/{SAGA}/{action}/", STUCK, status=202, method="POST")
    client.post(f"{PAGE}act/", {"action": action, "reason": "because", **more})
    (request,) = desk.sent_to(f"/api/saga/{SAGA}/{action}/")
    assert desk.body(request) == sent
    assert request.headers["X-On-Behalf-Of-Role"] == "operator"


def test_action_without_a_reason_is_not_sent(client: Client, desk: Desk) -> None:
    client.post(f"{PAGE}act/", {"action": "retry", "reason": " "})
    assert desk.calls == []


def test_refused_action_says_why(client: Client, desk: Desk) -> None:
    shows(desk, COMPLETED)
    desk.refuses(f"/api/saga/{SAGA}/cancel/", 409, "NOT_CANCELLABLE", "The booking is confirmed.")
    text = client.post(f"{PAGE}act/", {"action": "cancel", "reason": "x"}, follow=True).content.decode()
    assert "The booking is confirmed." in text


@pytest.mark.parametrize("action", ["retry", "cancel"])
def test_action_without_an_answer_leads_to_how_the_saga_stands(
    client: Client, desk: Desk, action: str
) -> None:
    shows(desk, STUCK)
    desk.answers(f"/api/saga/{SAGA}/{action}/", {}, status=503, method="POST")
    text = client.post(f"{PAGE}act/", {"action": action, "reason": "x"}, follow=True).content.decode()
    assert f"No answer to “{action}” yet." in text and "Undo tries" in text


def test_an_expired_authorisation_offers_another_one_or_the_trips_cancellation(
    client: Client, desk: Desk
) -> None:
    shows(desk, EXPIRED)
    text = client.get(PAGE).content.decode()
    assert re.findall(r'name="action" value="([^"]*)"', text) == [
        "retry",
        "authorize-again",
        "cancel-booking",
    ]
    assert 'value="tok_ok" checked' in text and "The authorisation of $211.41 has expired." in text


def test_an_expired_payment_of_a_change_offers_the_same(client: Client, desk: Desk) -> None:
    shows(desk, {**EXPIRED, "definition": "change-trip"})
    text = client.get(PAGE).content.decode()
    assert "The payment that this change captures has expired." in text
    assert 'value="authorize-again"' in text and 'value="cancel-booking"' in text


def test_the_trip_of_an_expired_authorisation_is_cancelled_as_operator(client: Client, desk: Desk) -> None:
    shows(desk, EXPIRED)
    path = "/api/bookings/ABC234/cancel/"
    desk.answers(path, {"correlation_id": "booking", "status": "COMPENSATING"}, status=202, method="POST")
    form = {"action": "cancel-booking", "reason": "no card"}
    text = client.post(f"{PAGE}act/", form, follow=True).content.decode()
    (request,) = desk.sent_to(path)
    assert desk.body(request) == {"reason": "no card"}
    assert request.headers["X-On-Behalf-Of-Role"] == "operator"
    assert "cancellation was taken: the saga is compensating" in text


def test_bulk_retry_tries_each_and_tells_each_refusal(client: Client, desk: Desk) -> None:
    desk.lists()
    desk.answers(f"/api/saga/{SAGA}/retry/", STUCK, status=202, method="POST")
    desk.refuses("/api/saga/other/retry/", 409, "NO", "It is being worked on.")
    form = {"action": "retry", "reason": "payment is back", "saga": [SAGA, "other"]}
    filtered = f"{LIST}?attention=1"
    response = client.post(f"{LIST}act/", {**form, "next": filtered}, follow=True)
    assert response.redirect_chain == [(filtered, 302)]
    text = response.content.decode()
    assert "Retry of 1 saga: 0 ended, 1 still under way." in text and "other: It is being worked on." in text


@pytest.mark.parametrize(
    ("action", "after", "kind", "words"),
    [
        ("retry", STUCK, "warn", "and not done yet: it is compensating. CancelPayment failed 10 times"),
        ("retry", COMPLETED, "good", "Tried again: the saga is completed now."),
        ("cancel", STUCK, "info", "goes on by itself"),
        ("resolve", DECLINED, "good", "Settled by hand: the saga is compensated now."),
        ("authorize-again", COMPLETED, "good", "Authorised again: the saga is completed now."),
        ("authorize-again", DECLINED, "bad", "not authorised: Your bank refused the payment."),
    ],
)
def test_outcome_of_an_action_is_reported_as_it_is(
    client: Client, desk: Desk, action: str, after: Json, kind: str, words: str
) -> None:
    shows(desk, after)
    desk.answers(f"/api/saga/{SAGA}/{action}/", after, status=202, method="POST")
    form = {
        "action": action,
        "reason": "x",
        "step": "AuthorizePayment",
        "evidence": "slip 7",
        "card_token": "t",
    }
    text = client.post(f"{PAGE}act/", form, follow=True).content.decode()
    notes = re.findall(rf'<div class="note {kind}"><svg.*?</svg><p>(.*?)</p>', text, re.DOTALL)
    assert any(words in note for note in notes)


def test_bulk_action_without_a_reason_keeps_what_was_ticked_and_filtered(client: Client, desk: Desk) -> None:
    desk.lists(RUNNING, {**RUNNING, "correlation_id": "other"})
    form = {"action": "retry", "reason": "", "saga": [SAGA], "next": f"{LIST}?status=RUNNING"}
    response = client.post(f"{LIST}act/", form)
    text = response.content.decode()
    assert response.status_code == 422 and "give a reason" in text
    assert re.findall(r'value="([^"]*)" checked', text) == [SAGA]
    assert "status=RUNNING" in str(desk.sent_to("/api/saga/")[-1].url)


@pytest.mark.parametrize(
    ("found", "where"),
    [([COMPLETED], PAGE), ([COMPLETED, {**COMPLETED, "correlation_id": "b"}], f"{LIST}?id=0b54a8b7")],
)
def test_search_by_the_short_id_leads_to_the_saga(
    client: Client, desk: Desk, found: list[Json], where: str
) -> None:
    desk.refuses("/api/saga/status/0b54a8b7/", 404, "NOT_FOUND", "none", method="GET")
    shows(desk, COMPLETED)
    desk.lists(*found)
    assert client.get(LIST, {"find": SAGA[:8]})["Location"] == where
    assert client.get(where).status_code == 200
    assert all("id_prefix=0b54a8b7" in str(call.url) for call in desk.sent_to("/api/saga/"))


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


def test_only_stuck_compensations_can_be_settled_by_hand(client: Client, desk: Desk) -> None:
    shows(desk, STUCK)
    assert "Settled by hand" in client.get(PAGE).content.decode()
    shows(desk, RUNNING)
    assert "Settled by hand" not in client.get(PAGE).content.decode()


@pytest.mark.parametrize(
    ("role", "sees", "acts"), [("traveller", 403, 403), ("auditor", 200, 403), ("operator", 200, 302)]
)
def test_console_is_for_its_roles_outside_demo_mode(
    client: Client, desk: Desk, traveller: User, settings: Settings, role: str, sees: int, acts: int
) -> None:
    settings.DEMO_MODE = False
    User.objects.filter(pk=traveller.pk).update(role=role)
    client.force_login(traveller)
    desk.lists()
    assert client.get(LIST).status_code == sees
    assert client.post(f"{PAGE}act/", {"action": "retry", "reason": ""}).status_code == acts


def test_visitor_sees_no_console_outside_demo_mode(client: Client, desk: Desk, settings: Settings) -> None:
    settings.DEMO_MODE = False
    for page in (LIST, PAGE, f"{PAGE}export.json", f"{LIST}audit/"):
        assert client.get(page).status_code == 403
    assert client.get("/faults/").status_code == 404


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
