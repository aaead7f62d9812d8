"""The quote of a cancellation, and the cancellation that holds to it."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django_sagas.clock import utc_now

from flight.cancel import quotes
from flight.models import Booking, Flight, Quote, Ticket
from tests.saga_callers import service, token
from tests.saga_participants import loses_its_reply, never_arrives
from tests.saga_world import Desk, World

FEES = {"economy": 5_000, "business": 10_000, "first": 15_000}


@pytest.fixture(autouse=True)
def fees(settings: LazySettings) -> None:
    settings.CANCELLATION_FEES = FEES
    settings.QUOTE_SECONDS = 900


def book(desk: Desk, **changes: Any) -> str:
    reference: str = desk.book(**changes).json()["booking_reference"]
    return reference


def quote(desk: Desk, reference: str, headers: dict[str, str] | None = None) -> Any:
    return desk.client.get(f"/api/bookings/{reference}/cancel-quote/", headers=headers or {})


def cancel(desk: Desk, reference: str, headers: dict[str, str] | None = None, **body: Any) -> Any:
    return desk.post(f"/api/bookings/{reference}/cancel/", body, headers=headers)


def booked_before(reference: str, days: int) -> None:
    Booking.objects.filter(pk=reference).update(created_at=utc_now() - timedelta(days=days))


def sent_with_the_cancellation(world: World) -> list[Any]:
    return [
        one.body.get("booking_data") for one in world.participants.received if one.name == "CancelPayment"
    ]


@pytest.mark.parametrize("field", ["refund", "quoteid", "quote", "amount", "fee"])
def test_a_cancellation_that_asks_for_money_by_another_name_is_refused_and_cancels_nothing(
    desk: Desk, field: str
) -> None:
    reference = book(desk)
    answer = cancel(desk, reference, None, **{field: 1})
    assert answer.status_code == 400 and list(answer.json()["errors"]) == [field]
    assert Booking.objects.get().status == "CONFIRMED"


def test_a_cancellation_in_a_form_is_refused_and_cancels_nothing(desk: Desk) -> None:
    reference = book(desk)
    path, form = f"/api/bookings/{reference}/cancel/", "quote_id=1"
    answer = desk.client.post(path, form, "application/x-www-form-urlencoded")
    assert answer.status_code == 415
    assert Booking.objects.get().status == "CONFIRMED"


def test_a_cancellation_hints_at_a_near_miss_and_strict_handling_refuses_it(desk: Desk) -> None:
    reference = book(desk)
    strict = cancel(desk, reference, {"Prefer": "handling=strict"}, reson="ill")
    assert strict.status_code == 400 and list(strict.json()["errors"]) == ["reson"]
    hint = "reson is not a known field; did you mean reason?"
    assert cancel(desk, reference, reson="ill")["Warning"] == f'299 - "{hint}"'


def test_a_free_cancellation_gives_everything_back(desk: Desk, world: World) -> None:
    reference = book(desk)
    told = quote(desk, reference)
    assert told.status_code == 200
    found = Quote.objects.get()
    assert told.json() == {
        "quote_id": str(found.id),
        "booking_reference": reference,
        "correlation_id": Booking.objects.get().correlation_id,
        "amount": 450.0,
        "paid": 450.0,
        "refund": 450.0,
        "fee": 0.0,
        "miles": 400,
        "currency": "USD",
        "expires_at": told.json()["expires_at"],
    }
    assert found.expires_at - found.created_at == timedelta(minutes=15)
    done = cancel(desk, reference, quote_id=told.json()["quote_id"])
    assert (done.status_code, done.json()["status"]) == (200, "COMPENSATED")
    assert (done.json()["refund"], done.json()["fee"], done.json()["miles"]) == (450.0, 0.0, 400)
    assert sent_with_the_cancellation(world) == [None]


@pytest.mark.parametrize("quoted", [True, False], ids=["quoted", "by the rules of the moment"])
def test_the_fee_is_durable_and_every_try_of_the_compensation_keeps_it(
    desk: Desk, world: World, quoted: bool
) -> None:
    reference = book(desk)
    booked_before(reference, 2)
    body = {"quote_id": quote(desk, reference).json()["quote_id"]} if quoted else {}
    world.participants.then("CancelPayment", loses_its_reply, never_arrives)
    waiting = cancel(desk, reference, **body)
    assert (waiting.status_code, waiting.json()["fee"], waiting.json()["refund"]) == (202, 100.0, 350.0)
    desk.recover()
    desk.recover()
    assert sent_with_the_cancellation(world) == [{"keep": 100.0}] * 3
    told = desk.status(waiting.json()["correlation_id"])["result"]
    assert (told["status"], told["fee"], told["refund"], told["miles"]) == ("COMPENSATED", 100.0, 350.0, 400)
    assert told["message"].endswith("everything was undone; a fee of 100.00 USD is charged.")
    assert cancel(desk, reference, **body).json()["fee"] == 100.0


def test_each_ticket_costs_the_fee_of_its_own_class(desk: Desk) -> None:
    reference = book(desk)
    booked_before(reference, 2)
    first = Ticket.objects.filter(booking=reference).first()
    assert first is not None
    Ticket.objects.filter(pk=first.pk).update(seat_class="business")
    assert quote(desk, reference).json()["fee"] == 150.0


def test_a_booking_that_fails_keeps_nothing(desk: Desk, world: World) -> None:
    desk.book(simulate_confirmbooking_fail=True)
    assert sent_with_the_cancellation(world) == [None]


def test_an_operator_who_turns_a_running_saga_back_keeps_nothing(desk: Desk, world: World) -> None:
    world.participants.then("AwardMiles", never_arrives)
    cid = desk.book().json()["correlation_id"]
    answer = desk.post(f"/api/saga/{cid}/cancel/").json()
    assert answer["status"] == "COMPENSATED" and "fee" not in answer
    assert sent_with_the_cancellation(world) == [None]


# How long a quote holds


def test_a_quote_holds_though_the_free_hours_run_out(desk: Desk) -> None:
    reference = book(desk)
    told = quote(desk, reference).json()
    # Quoted a minute before the first 24 hours were over, used a minute after.
    Booking.objects.update(created_at=utc_now() - timedelta(hours=24, minutes=1))
    Quote.objects.update(created_at=utc_now() - timedelta(minutes=2))
    assert cancel(desk, reference, quote_id=told["quote_id"]).json()["fee"] == 0.0


def test_an_expired_quote_cancels_nothing(desk: Desk, world: World) -> None:
    reference = book(desk)
    told = quote(desk, reference).json()
    long_ago = utc_now() - timedelta(minutes=15)
    Quote.objects.update(created_at=long_ago - timedelta(minutes=15), expires_at=long_ago)
    calls = world.participants.calls()
    refused = cancel(desk, reference, quote_id=told["quote_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "QUOTE_EXPIRED")
    assert (Booking.objects.get().status, world.participants.calls()) == ("CONFIRMED", calls)
    again = quote(desk, reference).json()
    assert again["quote_id"] != told["quote_id"]
    assert cancel(desk, reference, quote_id=again["quote_id"]).status_code == 200


def test_a_quote_that_is_no_longer_true_cancels_nothing(
    desk: Desk, world: World, settings: LazySettings
) -> None:
    reference = book(desk)
    booked_before(reference, 2)
    told = quote(desk, reference).json()
    settings.CANCELLATION_FEES = {**FEES, "economy": 5_001}
    calls = world.participants.calls()
    refused = cancel(desk, reference, quote_id=told["quote_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "QUOTE_CHANGED")
    assert (Booking.objects.get().status, world.participants.calls()) == ("CONFIRMED", calls)


def test_a_quote_ends_with_the_departure(desk: Desk, world: World, settings: LazySettings) -> None:
    settings.SALE_CLOSES_MINUTES = 0
    reference = book(desk)
    leaves = utc_now() + timedelta(minutes=1)
    Flight.objects.filter(pk=world.flight.pk).update(
        departs_at=leaves, arrives_at=leaves + timedelta(hours=2)
    )
    quote(desk, reference)
    assert Quote.objects.get().expires_at == leaves


def test_after_the_departure_there_is_neither_a_quote_nor_a_cancellation(desk: Desk, world: World) -> None:
    reference = book(desk)
    told = quote(desk, reference).json()
    left = utc_now() - timedelta(seconds=1)
    Flight.objects.filter(pk=world.flight.pk).update(departs_at=left, arrives_at=left + timedelta(hours=2))
    for answer in (quote(desk, reference), cancel(desk, reference, quote_id=told["quote_id"])):
        assert (answer.status_code, answer.json()["code"]) == (409, "DEPARTED")


def test_a_repeat_of_a_cancellation_is_answered_though_its_quote_has_expired(desk: Desk) -> None:
    reference = book(desk)
    told = quote(desk, reference).json()
    once = cancel(desk, reference, quote_id=told["quote_id"])
    Quote.objects.update(created_at=utc_now() - timedelta(hours=2), expires_at=utc_now() - timedelta(hours=1))
    twice = cancel(desk, reference, quote_id=told["quote_id"])
    assert (twice.status_code, twice.content) == (200, once.content)


def test_a_quote_that_is_asked_for_again_is_the_same(desk: Desk) -> None:
    reference = book(desk)
    assert quote(desk, reference).json() == quote(desk, reference).json()
    Quote.objects.update(created_at=utc_now() - timedelta(minutes=8))
    quote(desk, reference)
    assert Quote.objects.count() == 2


def test_expired_quotes_are_forgotten_after_a_day(desk: Desk) -> None:
    quote(desk, book(desk))
    expires = Quote.objects.get().expires_at
    assert quotes.forget_expired(expires + timedelta(days=1)) == 0
    assert quotes.forget_expired(expires + timedelta(days=1, seconds=1)) == 1


# What is no quote, and who gets one


@pytest.mark.parametrize("wrong", ["", "x", 7, None, "2F1C9F0E-4D0B-4A53-8A55-0F7F6F1F1C55", str(uuid4())])
def test_what_is_not_a_quote_of_the_booking_is_a_400_that_names_it(desk: Desk, wrong: Any) -> None:
    reference = book(desk)
    answer = cancel(desk, reference, quote_id=wrong)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["quote_id"])
    assert Booking.objects.get().status == "CONFIRMED"


def test_a_quote_of_another_booking_is_none_of_this(desk: Desk) -> None:
    mine, other = book(desk), book(desk)
    answer = cancel(desk, mine, quote_id=quote(desk, other).json()["quote_id"])
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["quote_id"])


def test_a_cancelled_booking_has_no_quote(desk: Desk) -> None:
    reference = book(desk)
    cancel(desk, reference)
    answer = quote(desk, reference)
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_CANCELLABLE")


def test_a_booking_without_a_saga_has_no_quote(desk: Desk, make_booking: Any) -> None:
    booking = make_booking("DIRECT")
    answer = quote(desk, "DIRECT")
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_CANCELLABLE")
    booking.tickets.all().delete()
    booking.delete()


@pytest.mark.parametrize(
    ("user", "role", "status", "fee"),
    [
        ("1", "traveller", 200, 100.0),
        ("1", "operator", 200, 100.0),
        ("9", "operator", 200, 0.0),
        ("9", "auditor", 200, 100.0),
        ("9", "traveller", 404, None),
    ],
)
def test_outside_demo_mode_a_quote_is_for_the_owner_and_for_the_staff(
    desk: Desk, settings: LazySettings, user: str, role: str, status: int, fee: float | None
) -> None:
    reference = book(desk)
    booked_before(reference, 2)
    settings.DEMO_MODE = False
    answer = quote(desk, reference, token(user, role))
    assert (answer.status_code, answer.json().get("fee")) == (status, fee)
    stranger, nobody = quote(desk, "ABC234", token("9")), quote(desk, reference, token("9"))
    same = {key: value for key, value in nobody.json().items() if key != "correlation_id"}
    assert (stranger.status_code, stranger.json()["detail"]) == (404, same["detail"])


def test_an_operators_cancellation_keeps_no_fee(desk: Desk, world: World, settings: LazySettings) -> None:
    reference = book(desk)
    booked_before(reference, 2)
    theirs = quote(desk, reference).json()
    settings.DEMO_MODE = False
    headers = service("9", "operator")
    refused = cancel(desk, reference, headers, reason="they called", quote_id=theirs["quote_id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "QUOTE_CHANGED")
    done = cancel(desk, reference, headers, reason="they called")
    assert (done.json()["status"], done.json()["fee"], done.json()["refund"]) == ("COMPENSATED", 0.0, 450.0)
    assert sent_with_the_cancellation(world) == [None]


def test_the_terms_stand_in_the_take_overs_commit(desk: Desk, world: World) -> None:
    """Before anything is undone, in the row that the compensations' bodies derive from."""
    reference = book(desk)
    booked_before(reference, 2)
    path = f"/api/bookings/{reference}/cancel/"
    answer = desk.post(path, {}, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    row = world.row(answer.json()["correlation_id"])
    assert row.facts["cancellation"] == {"amount": 35_000, "fee": 10_000, "miles": 400}
