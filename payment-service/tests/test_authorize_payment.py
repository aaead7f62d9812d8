import time
from typing import Any

import pytest
import yaml
from django.test import Client
from pytest_django import Settings
from service_kit.testing.calls import at_once, envelope, post, snapshot
from service_kit.testing.protocol import assert_done, assert_problem, assert_refused, assert_replay_of

from payment.bank.models import Movement, MovementKind
from payment.models import EntryKind, LedgerEntry
from tests.conftest import AUTHORIZE, CANCEL, TRIES, booking, held_cents

pytestmark = pytest.mark.django_db


def authorize(cid: str = "test-1", **changes: Any) -> Any:
    more = {name: changes.pop(name) for name in ("simulate_failure",) if name in changes}
    return post(AUTHORIZE, envelope(cid, booking(**changes), **more))


def with_token(token: str, cid: str = "test-1", **more: Any) -> Any:
    return authorize(cid, payment={"card_token": token}, **more)


def effects() -> dict[str, list[str]]:
    return {table: rows for table, rows in snapshot().items() if table not in TRIES}


@pytest.fixture(autouse=True)
def quick_gateway(settings: Settings) -> None:
    settings.DEMO_MODE, settings.GATEWAY_TIMEOUT_SECONDS = True, 0


def test_authorisation_answers_and_writes_the_fare_and_the_charges() -> None:
    body = assert_done(authorize(), "test-1")
    assert body["authorization_id"].startswith("auth-")
    expected = {
        "amount": 550,
        "flight_fare": 500,
        "other_charges": 50,
        "currency": "USD",
        "status": "AUTHORIZED",
    }
    assert {name: body[name] for name in expected} == expected
    (entry,) = LedgerEntry.objects.all()
    assert (entry.kind, entry.user_id, entry.currency) == (EntryKind.AUTHORIZED, "1", "USD")
    assert (entry.amount, entry.flight_fare, entry.other_charges) == (55000, 50000, 5000)
    assert entry.authorization_id == body["authorization_id"]


@pytest.mark.parametrize(("charges", "amount"), [(62.5, 56250), (0, 50000), (50, 55000), (0.01, 50001)])
def test_the_sum_of_the_quoted_parts_is_charged(charges: float, amount: int) -> None:
    body = assert_done(authorize(other_charges=charges), "test-1")
    assert (body["amount"], body["other_charges"]) == (amount / 100, charges)
    assert assert_done(post(CANCEL, envelope("test-1")), "test-1")["amount"] == amount / 100


@pytest.mark.parametrize("charges", [-1, True, "50.00", 0.001, 1_000_001, None])
def test_charges_that_are_no_amount_are_400(charges: Any) -> None:
    answer = authorize(other_charges=charges)
    assert_problem(answer, 400, "INVALID", "test-1")
    assert list(answer.json()["errors"]) == ["booking_data.other_charges"]


def test_default_charges_are_one_request_whether_sent_or_left_out_and_others_are_another() -> None:
    first = authorize()
    assert_replay_of(authorize(other_charges=50), first)
    assert_problem(authorize(other_charges=50.01), 422, "DIFFERENT_REQUEST", "test-1")


@pytest.mark.parametrize(
    ("fare", "amount", "wire"),
    [
        (0.01, 5001, b'"amount":50.01,'),
        (19.99, 6999, b'"amount":69.99,'),
        (0.1, 5010, b'"amount":50.10,'),
        (1_000_000, 100_005_000, b'"amount":1000050.00,'),
        (999_999.99, 100_004_999, b'"amount":1000049.99,'),
    ],
)
def test_amounts_are_exact_to_the_cent(fare: float, amount: int, wire: bytes) -> None:
    answer = authorize(flight_fare=fare)
    assert wire in answer.content
    assert LedgerEntry.objects.get().amount == amount


def test_cancellation_gives_the_whole_amount_back_in_an_entry_of_its_own() -> None:
    authorized = authorize().json()
    body = assert_done(post(CANCEL, envelope("test-1")), "test-1")
    assert body["message"]
    assert (body["authorization_id"], body["amount"], body["status"]) == (
        authorized["authorization_id"],
        550,
        "CANCELLED",
    )
    rows: list[dict[str, Any]] = list(map(dict, LedgerEntry.objects.order_by("id").values()))
    first, second = rows
    assert (first["kind"], second["kind"]) == ("AUTHORIZED", "CANCELLED")
    differing = {name for name in first if first[name] != second[name]}
    assert differing == {"id", "kind", "created_at", "attempt"}


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient_funds", "tok_never_seen"])
def test_card_that_is_not_approved_is_refused_and_holds_nothing(token: str) -> None:
    assert_refused(with_token(token), "test-1", "PAYMENT_DECLINED")
    assert LedgerEntry.objects.count() == 0


def test_card_token_is_in_no_row() -> None:
    with_token("tok_ok", "test-1")
    with_token("tok_declined", "test-2")
    assert "tok_" not in repr(snapshot())


def test_gateway_that_never_answers_is_503_and_stores_nothing() -> None:
    before = effects()
    for _ in range(2):
        answer = with_token("tok_timeout")
        assert_problem(answer, 503, "GATEWAY_TIMEOUT", "test-1")
        assert int(answer["Retry-After"]) >= 1
    assert effects() == before


def test_answer_of_the_gateway_that_is_lost_is_asked_for_and_holds_the_money_once(settings: Settings) -> None:
    settings.GATEWAY_TIMEOUT_SECONDS = 0.05
    assert_problem(with_token("tok_unsure"), 503, "GATEWAY_TIMEOUT", "test-1")
    assert_done(with_token("tok_unsure"), "test-1")
    assert Movement.objects.filter(kind=MovementKind.HOLD).count() == 1
    assert LedgerEntry.objects.count() == 1


def test_gateway_time_out_is_cancelled_by_a_tombstone_and_then_409() -> None:
    with_token("tok_timeout")
    assert_done(post(CANCEL, envelope("test-1")), "test-1")
    assert_problem(with_token("tok_timeout"), 409, "ALREADY_COMPENSATED", "test-1")
    assert held_cents("test-1") == 0


def test_gateway_time_out_under_a_used_id_is_422() -> None:
    first = authorize()
    assert_problem(with_token("tok_timeout"), 422, "DIFFERENT_REQUEST", "test-1")
    assert_replay_of(authorize(), first)


def test_id_of_a_gateway_time_out_takes_another_card_afterwards() -> None:
    with_token("tok_timeout")
    assert_done(authorize(), "test-1")


def test_simulated_failure_does_not_wait_for_the_gateway(settings: Settings) -> None:
    settings.GATEWAY_TIMEOUT_SECONDS = 60
    assert_refused(with_token("tok_timeout", simulate_failure=True), "test-1", "SIMULATED_FAILURE")


@pytest.mark.django_db(transaction=True)
def test_waiting_for_the_gateway_holds_no_transaction_open(settings: Settings) -> None:
    settings.GATEWAY_TIMEOUT_SECONDS, settings.DATABASE_BUSY_SECONDS = 1.0, 0.3
    waited, done = at_once(lambda: with_token("tok_timeout", "test-1"), lambda: authorize("test-2"))
    assert (waited.status_code, done.status_code) == (503, 200)


def test_gateway_time_out_is_over_after_its_setting(settings: Settings) -> None:
    settings.GATEWAY_TIMEOUT_SECONDS = 0.2
    began = time.monotonic()
    with_token("tok_timeout")
    assert 0.2 <= time.monotonic() - began < 2


@pytest.mark.parametrize("booking_data", [{}, booking(user_id=2), {"anything": [1]}])
def test_compensation_takes_any_booking_data(booking_data: dict[str, Any]) -> None:
    authorize()
    assert_done(post(CANCEL, envelope("test-1", booking_data)), "test-1")


def test_empty_payment_that_schemathesis_sent_is_the_default_card_as_the_schema_says(
    client: Client,
) -> None:
    answer = post(AUTHORIZE, envelope("empty-1", booking(payment={})))
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    components = yaml.safe_load(client.get("/api/schema/").content)["components"]["schemas"]
    assert "required" not in components["Card"]
