"""What an operator does to a saga from the console, and what they are told of it."""

import re

import pytest
from django.test import Client

from tests.console_pages import LIST, PAGE, STUCK, shows
from tests.desk import (
    COMPLETED,
    DECLINED,
    RUNNING,
    SAGA,
    Desk,
    Json,
    saga,
)

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


def test_only_stuck_compensations_can_be_settled_by_hand(client: Client, desk: Desk) -> None:
    shows(desk, STUCK)
    assert "Settled by hand" in client.get(PAGE).content.decode()
    shows(desk, RUNNING)
    assert "Settled by hand" not in client.get(PAGE).content.decode()
