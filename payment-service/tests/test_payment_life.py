"""Authorise, capture, refund, cancel: what each does to a payment in each of its states."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django_sagas.clock import utc_now
from django_sagas.guard import barrier
from pytest_django import Settings
from service_kit.testing.calls import envelope, post, snapshot
from service_kit.testing.protocol import assert_done, assert_problem, assert_refused, assert_replay_of

from payment import housekeeping
from payment.models import LedgerEntry, Payment
from tests.conftest import AUTHORIZE, CANCEL, CAPTURE, REFUND, booking, held_at_the_bank

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE = True


def authorize(cid: str = "trip", **more: Any) -> Any:
    return assert_done(post(AUTHORIZE, envelope(cid, booking(**more))), cid)


def capture(cid: str = "settle", **data: Any) -> Any:
    return post(CAPTURE, envelope(cid, {"payment_id": "trip", **data}))


def refund(amount: float, cid: str = "refund-1", **data: Any) -> Any:
    return post(REFUND, envelope(cid, {"payment_id": "trip", "amount": amount, **data}))


def cancel(cid: str = "trip", **data: Any) -> Any:
    return post(CANCEL, envelope(cid, data))


def captured(amount: float | None = None) -> None:
    authorize()
    assert_done(capture(amount=amount or 550), "settle")


def stands(cid: str = "trip") -> tuple[str, int, int]:
    """Status, captured and refunded cents; the bank's books are the same, and so is the ledger."""
    payment = Payment.objects.get(correlation_id=cid)
    assert held_at_the_bank(payment) == payment.live
    sums = dict.fromkeys(("CAPTURED", "REFUNDED"), 0)
    for kind, amount in payment.entries.filter(kind__in=sums).values_list("kind", "amount"):
        sums[kind] += amount
    assert (sums["CAPTURED"], sums["REFUNDED"]) == (payment.captured, payment.refunded)
    return payment.status, payment.captured, payment.refunded


def expire(cid: str = "trip") -> None:
    """The clock passes the end of its authorisation."""
    payment = Payment.objects.get(correlation_id=cid)
    moved = {name: getattr(payment, name) - timedelta(days=8) for name in ("authorized_at", "capture_before")}
    Payment.objects.filter(correlation_id=cid).update(**moved)


# -- capture


def test_capture_takes_all_that_was_authorised() -> None:
    authorization = authorize()
    body = assert_done(capture(), "settle")
    told = (body["authorization_id"], body["amount"], body["captured"], body["status"])
    assert told == (authorization["authorization_id"], 550, 550, "CAPTURED")
    assert body["capture_before"].endswith("Z")
    assert stands() == ("CAPTURED", 55000, 0)


def test_capture_of_a_part_frees_the_rest() -> None:
    authorize()
    assert assert_done(capture(amount=200.5), "settle")["captured"] == 200.5
    assert stands() == ("CAPTURED", 20050, 0)


def test_capture_without_payment_id_is_of_the_payment_of_its_own_id() -> None:
    authorize("test-1")
    assert assert_done(post(CAPTURE, envelope("test-1", {})), "test-1")["captured"] == 550


def test_repeated_capture_gets_the_stored_answer_and_another_call_the_capture_as_it_is() -> None:
    captured(300)
    first = capture("settle-2", amount=100)
    assert assert_done(first, "settle-2")["captured"] == 300
    assert_replay_of(capture("settle-2", amount=100), first)
    assert_problem(capture("settle-2", amount=101), 422, "DIFFERENT_REQUEST", "settle-2")
    assert stands() == ("CAPTURED", 30000, 0)


def test_more_than_was_authorised_is_not_captured() -> None:
    authorize()
    assert_refused(capture(amount=550.01), "settle", "NOT_CAPTURABLE")
    assert stands() == ("AUTHORIZED", 0, 0)


def test_capture_after_a_cancellation_is_refused_and_the_refusal_is_sticky() -> None:
    authorize()
    cancel()
    first = capture()
    assert_refused(first, "settle", "NOT_CAPTURABLE")
    assert_replay_of(capture(), first)
    assert stands() == ("CANCELLED", 0, 0)


def test_settling_after_a_cancellation_has_nothing_to_capture() -> None:
    authorize()
    cancel()
    body = assert_done(capture(settle=True), "settle")
    assert (body["captured"], body["status"], body["message"]) == (
        0,
        "CANCELLED",
        "There was nothing to capture.",
    )


def test_settling_what_expired_and_was_cancelled_then_has_nothing_to_capture() -> None:
    authorize()
    expire()
    housekeeping.expire(now=utc_now(), batch=10)
    assert_refused(capture(settle=True), "settle", "AUTHORIZATION_EXPIRED")
    cancel()
    body = assert_done(capture(settle=True), "settle")
    assert (body["captured"], body["status"]) == (0, "EXPIRED")


def test_settling_an_expired_payment_of_a_change_has_nothing_to_capture_once_the_trip_is_cancelled() -> None:
    captured()
    authorize("change", trip_id="trip")
    expire("change")
    housekeeping.expire(now=utc_now(), batch=10)
    assert_refused(
        capture("of-change", payment_id="change", settle=True), "of-change", "AUTHORIZATION_EXPIRED"
    )
    cancel()
    body = assert_done(capture("of-change", payment_id="change", settle=True), "of-change")
    assert (body["captured"], body["status"]) == (0, "EXPIRED")
    assert stands() == ("REFUNDED", 55000, 55000)


def expired_authorised_again_and_cancelled() -> None:
    authorize()
    expire()
    assert_refused(capture(settle=True), "settle", "AUTHORIZATION_EXPIRED")
    authorize("again", trip_id="trip")
    cancel()


def test_settling_with_another_payment_after_a_late_call_for_the_expired_one_ends() -> None:
    expired_authorised_again_and_cancelled()
    late = capture(settle=True)
    assert assert_done(late, "settle")["captured"] == 0
    assert_replay_of(capture(payment_id="again", settle=True), late)


def test_late_call_for_an_expired_payment_is_answered_like_the_one_for_its_successor() -> None:
    expired_authorised_again_and_cancelled()
    first = capture(payment_id="again", settle=True)
    assert assert_done(first, "settle")["captured"] == 0
    assert_replay_of(capture(settle=True), first)


@pytest.mark.parametrize("other", [{"payment_id": "other"}, {"settle": False}])
def test_capture_of_another_payment_under_one_id_is_422(other: dict[str, Any]) -> None:
    authorize("other")
    authorize()
    cancel()
    assert_done(capture(settle=True), "settle")
    assert_problem(capture(**{"settle": True, **other}), 422, "DIFFERENT_REQUEST", "settle")


def test_capture_with_another_payment_after_one_was_taken_is_422() -> None:
    authorize()
    assert_done(capture(settle=True), "settle")
    authorize("again", trip_id="trip")
    cancel()
    other = capture(payment_id="again", settle=True)
    assert_problem(other, 422, "DIFFERENT_REQUEST", "settle")


@pytest.mark.parametrize("settle", [True, False])
def test_expired_authorisation_is_refused_and_not_stored(settle: bool) -> None:
    authorize()
    expire()
    before = snapshot()
    assert_refused(capture(settle=settle), "settle", "AUTHORIZATION_EXPIRED")
    assert snapshot() == before


def test_capture_of_no_payment_is_refused_and_not_stored() -> None:
    assert_refused(capture(), "settle", "PAYMENT_NOT_FOUND")
    assert barrier.read(correlation_id="settle", step="CapturePayment") is None
    authorize()
    assert_done(capture(), "settle")


def test_settling_a_trip_that_was_cancelled_without_a_payment_has_nothing_to_capture() -> None:
    cancel()
    assert_refused(capture(), "settle", "PAYMENT_NOT_FOUND")
    body = assert_done(capture(settle=True), "settle")
    assert (body["captured"], body["status"]) == (0, "CANCELLED")


# -- refund


def test_refunds_give_back_parts_until_all_is_given_back() -> None:
    captured()
    body = assert_done(refund(50.25), "refund-1")
    assert (body["amount"], body["refunded"], body["status"]) == (50.25, 50.25, "PARTLY_REFUNDED")
    assert stands() == ("PARTLY_REFUNDED", 55000, 5025)
    assert_done(refund(499.75, "refund-2"), "refund-2")
    assert stands() == ("REFUNDED", 55000, 55000)
    numbers = LedgerEntry.objects.filter(kind="REFUNDED").order_by("id").values_list("number", flat=True)
    assert list(numbers) == [1, 2]


def test_repeated_refund_gives_back_once() -> None:
    captured()
    first = refund(50)
    assert_replay_of(refund(50), first)
    assert_problem(refund(51), 422, "DIFFERENT_REQUEST", "refund-1")
    assert stands() == ("PARTLY_REFUNDED", 55000, 5000)


@pytest.mark.parametrize(("before", "asked"), [((), 550.01), ((500,), 50.01), ((550,), 0.01)])
def test_refund_above_what_is_left_of_the_capture_is_refused_and_sticky(
    before: tuple[float, ...], asked: float
) -> None:
    captured()
    for number, amount in enumerate(before):
        refund(amount, f"earlier-{number}")
    stood = stands()
    first = refund(asked, "too-much")
    assert_refused(first, "too-much", "REFUND_TOO_HIGH")
    assert_replay_of(refund(asked, "too-much"), first)
    assert stands() == stood


def test_refund_of_what_was_not_captured_is_refused() -> None:
    authorize()
    assert_refused(refund(1), "refund-1", "REFUND_TOO_HIGH")


def test_refund_of_no_payment_is_refused_and_not_stored() -> None:
    assert_refused(refund(1), "refund-1", "PAYMENT_NOT_FOUND")
    assert barrier.read(correlation_id="refund-1", step="RefundPayment") is None


def test_refund_of_a_trip_takes_the_newest_payment_first() -> None:
    captured(500)
    authorize("change", trip_id="trip", flight_fare=100, other_charges=0)
    assert_done(post(CAPTURE, envelope("change", {})), "change")
    assert_done(refund(150), "refund-1")
    assert (stands("change"), stands("trip")) == (
        ("REFUNDED", 10000, 10000),
        ("PARTLY_REFUNDED", 50000, 5000),
    )


def test_refund_of_a_later_payment_of_a_trip_does_not_touch_the_first() -> None:
    captured()
    authorize("change", trip_id="trip", flight_fare=100, other_charges=0)
    assert_done(post(CAPTURE, envelope("change", {})), "change")
    assert_refused(refund(150, payment_id="change"), "refund-1", "REFUND_TOO_HIGH")
    assert_done(refund(60, "refund-2", payment_id="change"), "refund-2")
    assert (stands("change")[2], stands("trip")[2]) == (6000, 0)


def test_settling_refund_after_a_cancellation_gives_nothing_back() -> None:
    captured()
    cancel(keep=100)
    body = assert_done(refund(50, settle=True), "refund-1")
    assert (body["refunded"], body["status"]) == (0, "PARTLY_REFUNDED")
    assert stands() == ("PARTLY_REFUNDED", 55000, 45000)


# -- cancel


def test_cancellation_refunds_what_was_captured() -> None:
    captured()
    body = assert_done(cancel(), "trip")
    assert (body["status"], body["amount"], body["returned"], body["kept"]) == ("REFUNDED", 550, 550, 0)
    assert stands() == ("REFUNDED", 55000, 55000)


def test_cancellation_after_a_refund_gives_back_the_rest() -> None:
    captured()
    refund(50)
    assert assert_done(cancel(), "trip")["returned"] == 500
    assert stands() == ("REFUNDED", 55000, 55000)


def test_cancellation_after_everything_was_refunded_succeeds() -> None:
    captured()
    refund(550)
    body = assert_done(cancel(), "trip")
    assert (body["status"], body["returned"]) == ("REFUNDED", 0)


def test_fee_of_a_hold_is_captured_and_the_rest_is_freed() -> None:
    authorize()
    body = assert_done(cancel(keep=100), "trip")
    assert (body["status"], body["returned"], body["kept"]) == ("CANCELLED", 450, 100)
    assert stands() == ("CAPTURED", 10000, 0)


def test_fee_of_a_capture_is_not_refunded() -> None:
    captured()
    body = assert_done(cancel(keep=100), "trip")
    assert (body["status"], body["returned"], body["kept"]) == ("REFUNDED", 450, 100)
    assert stands() == ("PARTLY_REFUNDED", 55000, 45000)


@pytest.mark.parametrize("capture_first", [True, False])
def test_fee_above_the_money_of_the_trip_keeps_all(capture_first: bool) -> None:
    authorize()
    if capture_first:
        capture()
    body = assert_done(cancel(keep=600), "trip")
    assert (body["returned"], body["kept"]) == (0, 550)
    assert stands()[2] == 0


def test_cancellation_gives_back_all_payments_of_the_trip_the_newest_first() -> None:
    captured()
    authorize("change", trip_id="trip", flight_fare=100, other_charges=0)
    authorize("change-2", trip_id="trip", flight_fare=30, other_charges=0)
    capture("settle-2", payment_id="change-2")
    body = assert_done(cancel(keep=570), "trip")
    assert (body["status"], body["returned"], body["kept"]) == ("REFUNDED", 110, 570)
    assert stands("change-2") == ("REFUNDED", 3000, 3000)
    assert stands("change") == ("CAPTURED", 2000, 0)
    assert stands("trip") == ("CAPTURED", 55000, 0)


def test_cancellation_of_a_later_payment_leaves_the_trip_alone() -> None:
    authorize()
    authorize("change", trip_id="trip", flight_fare=100, other_charges=0)
    assert_done(cancel("change"), "change")
    assert (stands("change")[0], stands("trip")[0]) == ("CANCELLED", "AUTHORIZED")
    assert assert_done(cancel(), "trip")["returned"] == 550


def test_cancellation_of_a_trip_whose_own_payment_never_came_gives_back_the_others() -> None:
    authorize("change", trip_id="trip")
    first = cancel()
    assert assert_done(first, "trip")["returned"] == 550
    assert stands("change")[0] == "CANCELLED"
    assert_replay_of(cancel(), first)
    answer = post(AUTHORIZE, envelope("trip", booking()))
    assert_problem(answer, 409, "ALREADY_COMPENSATED", "trip")


def test_cancellation_of_a_trip_whose_own_card_was_declined_gives_back_the_others() -> None:
    declined = post(AUTHORIZE, envelope("trip", booking(payment={"card_token": "tok_declined"})))
    assert_refused(declined, "trip", "PAYMENT_DECLINED")
    authorize("change", trip_id="trip")
    assert assert_done(cancel(), "trip")["returned"] == 550
    assert stands("change")[0] == "CANCELLED"


def test_cancellation_of_an_expired_payment_has_nothing_to_give_back() -> None:
    authorize()
    Payment.objects.update(status="EXPIRED")
    body = assert_done(cancel(), "trip")
    assert (body["status"], body["returned"]) == ("CANCELLED", 0)


@pytest.mark.parametrize("is_noted", [True, False])
@pytest.mark.parametrize("keep", [0, 50])
def test_cancellation_names_nothing_of_a_hold_that_has_run_out(keep: int, is_noted: bool) -> None:
    authorize()
    expire()
    if is_noted:
        housekeeping.expire(now=utc_now(), batch=10)
    body = assert_done(cancel(keep=keep), "trip")
    assert (body["status"], body["returned"], body["kept"]) == ("CANCELLED", 0, 0)
    assert Payment.objects.get().status == "EXPIRED"
    assert [entry.kind for entry in LedgerEntry.objects.order_by("id")] == ["AUTHORIZED", "EXPIRED"]
    assert assert_done(capture(settle=True), "settle")["status"] == "EXPIRED"


def test_fee_is_kept_of_what_was_taken_where_another_hold_has_run_out() -> None:
    captured()
    authorize("change", trip_id="trip")
    expire("change")
    body = assert_done(cancel(keep=50), "trip")
    assert (body["status"], body["returned"], body["kept"]) == ("REFUNDED", 500, 50)
    assert stands() == ("PARTLY_REFUNDED", 55000, 50000)


@pytest.mark.parametrize("keep", [-1, True, "50", 0.001, 1_000_001])
def test_fee_that_is_no_amount_is_400(keep: Any) -> None:
    authorize()
    answer = cancel(keep=keep)
    assert_problem(answer, 400, "INVALID", "trip")
    assert list(answer.json()["errors"]) == ["booking_data.keep"]


def test_an_amount_may_stand_beside_the_data() -> None:
    authorize()
    assert assert_done(post(CAPTURE, envelope("trip", amount=100.0)), "trip")["captured"] == 100
    assert assert_done(post(REFUND, envelope("trip", {}, amount=40)), "trip")["refunded"] == 40
    assert stands() == ("PARTLY_REFUNDED", 10_000, 4_000)


def test_one_amount_in_two_places_is_400() -> None:
    authorize()
    answer = post(CAPTURE, envelope("trip", {"amount": 1}, amount=2))
    assert_problem(answer, 400, "INVALID", "trip")
    assert "amount" in answer.json()["errors"]


def test_amounts_are_exact_to_the_cent() -> None:
    authorize(flight_fare=0.1, other_charges=0.2)
    assert b'"captured":0.30,' in capture().content
    refund(0.1)
    assert Payment.objects.get().refunded == Decimal(10)


def test_payment_shows_what_was_captured_and_given_back(client: Any) -> None:
    captured(500)
    refund(20)
    shown = client.get("/api/payments/trip/").json()
    names = ("status", "amount", "captured", "refunded", "returned", "trip_id")
    assert tuple(shown[name] for name in names) == ("PARTLY_REFUNDED", 550, 500, 20, 70, "trip")


def test_authorisation_past_its_end_is_shown_expired(client: Any) -> None:
    authorize()
    expire()
    shown = client.get("/api/payments/trip/").json()
    assert (shown["status"], shown["captured"], shown["returned"]) == ("EXPIRED", 0, 550)


def test_trip_id_is_in_the_fingerprint_only_if_it_was_sent() -> None:
    authorize("change", trip_id="trip")
    other = post(AUTHORIZE, envelope("change", booking(trip_id="another")))
    assert_problem(other, 422, "DIFFERENT_REQUEST", "change")
