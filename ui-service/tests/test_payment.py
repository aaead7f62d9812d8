"""Paying: what is sent to the backend, and what its answers become."""

import re

import pytest
from django.test import Client
from pytest_django import Settings

from tests.buying import START, form_of, pay_page
from tests.desk import (
    COMPLETED,
    DECLINED,
    PAYMENT,
    RETURN,
    RUNNING,
    SAGA,
    Desk,
    Json,
    flight,
    turned,
)
from ui import selectors
from ui.models import Draft, User


def test_payment_starts_the_saga_and_goes_to_its_progress(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    form = form_of(client, page)
    response = client.post(page, form)
    assert response["Location"] == f"/progress/{SAGA}/"
    (sent,) = desk.sent_to(START)
    assert sent.headers["Prefer"] == "respond-async"
    assert sent.headers["Idempotency-Key"] == f"{Draft.objects.get().id}-1"
    body = desk.body(sent)
    assert body.pop("user_id").startswith("guest-")
    assert body == {
        "flights": [{"flight_id": 1, "seat_class": "economy", "seat_numbers": ["7A"]}],
        "passengers": [{"first_name": "Ada", "last_name": "Lovelace", "gender": "female"}],
        "contact_info": {"email": "ada@example.com", "mobile": "+1 555 0100"},
        "payment": {"card_token": "tok_ok"},
        "expected_amount": 211.41,
    }


SIMULATED = "Payments are simulated on this site."


@pytest.fixture
def fresh_gateway() -> None:
    """What was heard of payment's gateway before is forgotten."""
    selectors._asked_gateway.cache_clear()


@pytest.mark.usefixtures("fresh_gateway")
@pytest.mark.parametrize(("gateway", "said"), [("simulated", True), ("stripe", False)])
def test_payment_page_says_outside_demo_mode_that_payments_are_simulated(
    client: Client, desk: Desk, settings: Settings, gateway: str, said: bool
) -> None:
    settings.DEMO_MODE = False
    desk.sells().answers("/api/health/ready/", {"status": "ready", "gateway": gateway}, base=PAYMENT)
    page = pay_page(client)
    assert [SIMULATED in client.get(page).content.decode() for _ in range(2)] == [said, said]
    assert len(desk.sent_to("/api/health/ready/")) <= 2, "asked once a minute"


@pytest.mark.usefixtures("fresh_gateway")
@pytest.mark.parametrize("ready", [{"status": "not ready"}, {}])
def test_payment_page_claims_nothing_of_a_gateway_that_does_not_answer(
    client: Client, desk: Desk, settings: Settings, ready: Json
) -> None:
    settings.DEMO_MODE = False
    desk.sells().answers("/api/health/ready/", ready, status=503, base=PAYMENT)
    response = client.get(pay_page(client))
    assert response.status_code == 200 and SIMULATED not in response.content.decode()


def test_logged_in_traveller_books_under_own_id(client: Client, desk: Desk, traveller: User) -> None:
    client.force_login(traveller)
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, form_of(client, page))
    (sent,) = desk.sent_to(START)
    assert desk.body(sent)["user_id"] == traveller.traveller_id
    assert sent.headers["X-On-Behalf-Of"] == traveller.traveller_id


@pytest.mark.parametrize("earlier", [COMPLETED, RUNNING])
def test_who_has_paid_is_shown_the_booking_and_no_second_payment(
    client: Client, desk: Desk, earlier: Json
) -> None:
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, form_of(client, page))
    desk.tells(earlier)
    assert client.get(page)["Location"] == f"/progress/{SAGA}/"


@pytest.mark.parametrize(
    ("stands", "place"),
    [(COMPLETED, "/trips/ABC234/?new=1"), (DECLINED, f"/progress/{SAGA}/"), (RUNNING, f"/progress/{SAGA}/")],
)
def test_booking_that_is_made_at_once_leads_to_its_trip(
    client: Client, desk: Desk, settings: Settings, stands: Json, place: str
) -> None:
    settings.AT_ONCE_SECONDS = 0.1
    desk.sells().starts()
    desk.tells(stands)
    page = pay_page(client)
    assert client.post(page, form_of(client, page))["Location"] == place


def test_second_click_starts_nothing_more_and_ends_on_the_same_saga(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    form = form_of(client, page)
    places = {client.post(page, form)["Location"] for _ in range(2)}
    assert places == {f"/progress/{SAGA}/"}
    assert len(desk.sent_to(START)) == 1


def test_every_tab_has_the_key_of_the_draft_until_something_changes(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    key = form_of(client, page)["key"]
    assert form_of(client, page)["key"] == key
    client.post(page, {"key": key, "card_token": "tok_declined"})
    desk.tells(DECLINED)
    assert form_of(client, page)["key"] != key


def test_return_trip_is_one_booking_with_one_payment(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2)).starts()
    page = pay_page(client, RETURN)
    text = client.get(page).content.decode()
    assert "one booking" in text and "Two independent" not in text
    response = client.post(page, form_of(client, page))
    assert response["Location"] == f"/progress/{SAGA}/"
    (sent,) = desk.sent_to(START)
    body = desk.body(sent)
    assert body["flights"] == [
        {"flight_id": 1, "seat_class": "economy", "seat_numbers": ["7A"]},
        {"flight_id": 2, "seat_class": "economy", "seat_numbers": ["8B"]},
    ]
    assert body["expected_amount"] == 372.82


def test_flight_without_chosen_seats_asks_for_none(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2)).starts()
    page = pay_page(client, "flight=1&flight=2&cabin=economy&passengers=1&seats2=8B")
    client.post(page, form_of(client, page))
    out, back = desk.body(desk.sent_to(START)[0])["flights"]
    assert "seat_numbers" not in out and back["seat_numbers"] == ["8B"]


def test_failure_switches_are_sent_in_demo_mode(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, {**form_of(client, page), "simulate_awardmiles_fail": "on"})
    assert desk.body(desk.sent_to(START)[0])["simulate_awardmiles_fail"] is True


def test_failure_switches_and_test_cards_are_not_there_outside_demo_mode(
    client: Client, desk: Desk, settings: Settings
) -> None:
    settings.DEMO_MODE = False
    desk.sells().starts()
    page = pay_page(client)
    text = client.get(page).content.decode()
    assert "simulate_" not in text and "tok_declined" not in text
    client.post(page, {**form_of(client, page), "simulate_awardmiles_fail": "on"})
    assert "simulate_awardmiles_fail" not in desk.body(desk.sent_to(START)[0])


@pytest.mark.parametrize("token", ["4111111111111111", "", "tok_ok\n", "tok_" + "x" * 99])
def test_anything_but_an_opaque_token_is_refused_before_it_is_sent(
    client: Client, desk: Desk, token: str
) -> None:
    desk.sells().starts()
    page = pay_page(client)
    response = client.post(page, {**form_of(client, page), "card_token": token})
    assert response.status_code == 422
    assert "Choose a card." in response.content.decode()
    assert desk.sent_to(START) == []


def test_fields_of_the_card_have_no_name_and_are_never_posted(client: Client, desk: Desk) -> None:
    desk.sells()
    text = client.get(pay_page(client)).content.decode()
    fields = re.findall(r"<input[^>]* data-card=[^>]*>", text)
    assert len(fields) == 4 and all("autocomplete=" in each for each in fields)
    assert not any(re.search(r"\sname=", each) for each in fields)


def test_there_is_no_field_for_a_card_outside_demo_mode(
    client: Client, desk: Desk, settings: Settings
) -> None:
    settings.DEMO_MODE = False
    desk.sells()
    assert "cc-number" not in client.get(pay_page(client)).content.decode()


def test_first_try_counts_where_it_had_arrived_with_another_card(client: Client, desk: Desk) -> None:
    desk.sells()
    detail = "This key came before with another body."
    desk.refuses(START, 422, "IDEMPOTENCY_KEY_REUSED", detail, correlation_id=SAGA)
    desk.tells(RUNNING)
    page = pay_page(client)
    response = client.post(page, form_of(client, page), follow=True)
    assert response.redirect_chain == [(f"/progress/{SAGA}/", 302)]
    assert "Your first try had reached us." in response.content.decode()


def test_refused_field_is_shown_with_the_form_as_it_was(client: Client, desk: Desk) -> None:
    desk.sells()
    errors = {"passengers[0].first_name": "must not hold control characters"}
    desk.refuses(START, 400, "INVALID", "wrong", errors=errors)
    page = pay_page(client)
    text = client.post(page, {**form_of(client, page), "card_token": "tok_declined"}).content.decode()
    assert "must not hold control characters" in text
    assert 'value="tok_declined" checked' in text


def test_backend_away_keeps_the_key_so_that_a_second_try_is_safe(client: Client, desk: Desk) -> None:
    desk.sells()
    desk.answers(START, {}, status=503, method="POST")
    page = pay_page(client)
    form = form_of(client, page)
    response = client.post(page, form)
    text = response.content.decode()
    assert response.status_code == 503 and "you will not be charged twice" in text
    assert f'name="key" value="{form["key"]}"' in text


def test_changed_price_is_shown_before_paying(client: Client, desk: Desk) -> None:
    desk.sells()
    page = pay_page(client)
    dearer = [{"seat_class": "economy", "fare": 200.00, "seats": 156, "seats_left": 9}]
    desk.answers("/api/flights/1/", flight(seat_classes=dearer))
    text = client.get(page).content.decode()
    assert "The price has changed" in text and "$250.00" in text


def test_changed_price_of_one_flight_changes_the_total_of_the_trip(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2)).starts()
    page = pay_page(client, RETURN)
    dearer = [{"seat_class": "economy", "fare": 200.00, "seats": 156, "seats_left": 9}]
    desk.answers("/api/flights/2/", turned(2, seat_classes=dearer))
    text = client.get(page).content.decode()
    assert "The price has changed" in text and "Pay $411.41" in text
    client.post(page, form_of(client, page))
    assert desk.body(desk.sent_to(START)[0])["expected_amount"] == 411.41
