"""What a traveller is told of money whose authorisation has expired: what was really given back and kept."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django_sagas import json_text
from django_sagas.clock import utc_now
from django_sagas.models import SagaRow

from flight.models import Booking
from tests.audit_reads import Reads, reads, run
from tests.booked_trip import Trip, trip
from tests.expired_change import paying, refunding
from tests.saga_callers import act, audited
from tests.saga_participants import loses_its_reply, meanwhile
from tests.saga_world import Desk, World
from tests.settling import expired, settle

__all__ = ["paying", "reads", "refunding", "trip"]
"Fixtures."
TERMS = ("refund", "fee")


@pytest.fixture(autouse=True)
def fees(settings: LazySettings) -> None:
    """A cancellation costs 50.00 a passenger."""
    settings.CANCELLATION_FEES = {"economy": 5_000}


def booked_days_ago(desk: Desk) -> Any:
    booked = desk.book().json()
    Booking.objects.update(created_at=utc_now() - timedelta(days=2))
    return booked


def told_by(body: Any, *names: str) -> tuple[Any, ...]:
    return tuple(body[name] for name in names)


def quote(desk: Desk, reference: str) -> Any:
    return desk.get(f"/api/bookings/{reference}/cancel-quote/")


def cancel(desk: Desk, reference: str, **body: Any) -> Any:
    return desk.post(f"/api/bookings/{reference}/cancel/", body)


def test_quote_and_cancellation_name_nothing_of_a_payment_that_has_expired(desk: Desk, world: World) -> None:
    booked = booked_days_ago(desk)
    world.participants.expired.add(booked["correlation_id"])
    settle(desk)
    quoted = quote(desk, booked["booking_reference"])
    assert told_by(quoted, "amount", "paid", *TERMS) == (450.0, 0.0, 0.0, 0.0)
    done = cancel(desk, booked["booking_reference"], quote_id=quoted["quote_id"]).json()
    assert told_by(done, *TERMS) == (0.0, 0.0)
    assert audited(booked["correlation_id"]) == []
    result = desk.status(booked["correlation_id"])["result"]
    assert told_by(result, *TERMS) == (0.0, 0.0)
    assert result["message"].endswith("everything was undone; nothing is charged.")
    desk.recover()


def test_cancellation_names_what_is_left_where_the_payment_of_a_change_has_expired(
    trip: Trip, paying: str
) -> None:
    Booking.objects.update(created_at=utc_now() - timedelta(days=2))
    quoted = quote(trip.desk, trip.reference)
    assert told_by(quoted, "amount", "paid", *TERMS) == (550.1, 450.0, 350.0, 100.0)
    done = cancel(trip.desk, trip.reference, quote_id=quoted["quote_id"]).json()
    assert told_by(done, *TERMS) == (350.0, 100.0)
    trip.desk.recover()
    change = trip.desk.status(paying)["result"]
    assert told_by(change, "success", "difference", "miles", "not_needed") == (True, 0.0, 0, True)
    assert change["message"] == (
        f"Booking {trip.reference} was cancelled before its change was paid; the change costs nothing."
    )


def test_cancellation_names_nothing_where_a_cheaper_change_waits_for_an_expired_payment(
    trip: Trip, refunding: str
) -> None:
    quoted = quote(trip.desk, trip.reference)
    assert told_by(quoted, "amount", "paid", *TERMS) == (350.0, 0.0, 0.0, 0.0)
    assert told_by(cancel(trip.desk, trip.reference).json(), *TERMS) == (0.0, 0.0)
    trip.desk.recover()
    trip.desk.recover()
    assert told_by(trip.desk.status(refunding)["result"], "difference", "not_needed") == (0.0, True)


def test_change_that_was_paid_is_told_as_before(trip: Trip) -> None:
    settle(trip.desk)
    done = trip.change(trip.quote(trip.dearer)["quote_id"]).json()
    assert told_by(done, "difference", "miles", "not_needed") == (100.1, 100, False)


@pytest.mark.parametrize("quoted", [True, False])
@pytest.mark.parametrize("replied", [True, False])
def test_fee_that_could_not_be_kept_is_an_alarm_and_nobody_is_told_that_it_was(
    desk: Desk, world: World, quoted: bool, replied: bool
) -> None:
    """No capture has met the expiry before: the backend does not know of it."""
    booked = booked_days_ago(desk)
    reference, cid = booked["booking_reference"], booked["correlation_id"]
    agreed = quote(desk, reference)
    assert told_by(agreed, *TERMS) == (350.0, 100.0)
    world.participants.expired.add(cid)
    if not replied:
        world.participants.then("CancelPayment", loses_its_reply)
    answer = cancel(desk, reference, **({"quote_id": agreed["quote_id"]} if quoted else {}))
    assert told_by(answer.json(), *TERMS) == ((0.0, 0.0) if replied else (350.0, 100.0))
    desk.recover()
    assert told_by(desk.status(cid)["result"], *TERMS) == (0.0, 0.0)
    assert told_by(cancel(desk, reference).json(), *TERMS) == (0.0, 0.0)
    why = "100.00 USD of the fee could not be kept: the payment had expired"
    assert audited(cid) == [("", "fee-not-kept", why, "")]


@pytest.mark.parametrize(
    ("fee", "kept", "back", "missing"), [(5_000, 100.0, 0.1, ""), (6_000, 100.1, 0.0, "19.90")]
)
def test_fee_is_kept_as_far_as_money_is_left(
    trip: Trip, world: World, settings: LazySettings, fee: int, kept: float, back: float, missing: str
) -> None:
    """The booking's own authorisation expires during the cancellation; 100.10 of a change are captured."""
    settings.CANCELLATION_FEES = {"economy": fee}
    assert trip.change(trip.quote(trip.dearer)["quote_id"]).json()["success"]
    Booking.objects.update(created_at=utc_now() - timedelta(days=2))
    expires = meanwhile(lambda: world.participants.expired.add(trip.booking), before=True)
    world.participants.then("CancelPayment", expires)
    done = cancel(trip.desk, trip.reference).json()
    assert told_by(done, *TERMS) == (back, kept)
    reasons = [reason for _, action, reason, _ in audited(trip.booking) if action == "fee-not-kept"]
    assert [reason.split(" USD ")[0] for reason in reasons] == ([missing] if missing else [])


def test_late_capture_of_an_expired_payment_does_not_keep_its_settlement_from_ending(
    desk: Desk, world: World
) -> None:
    """It arrives after another payment was authorised and the trip cancelled, and before the next capture."""
    booked, cid = expired(desk, world)
    (early,) = [one for one in world.participants.received if one.name == "CapturePayment"]
    again = act(desk, cid, "authorize-again").json()["correlation_id"]
    cancel(desk, booked["booking_reference"])
    late = world.participants.take("CapturePayment", json_text.dumps(early.body))
    assert late.status == 200
    desk.recover()
    told = desk.status(cid)
    assert (told["status"], told["needs_attention"]) == ("COMPLETED", False)
    assert world.participants.received[-1].body["booking_data"]["payment_id"] == again
    assert world.participants.captured == {}


def test_auditor_names_a_fee_that_was_not_kept_however_old_the_booking_is(
    desk: Desk, world: World, reads: Reads
) -> None:
    booked = booked_days_ago(desk)
    cid = booked["correlation_id"]
    SagaRow.objects.filter(pk=cid).update(created_at=utc_now() - timedelta(days=40))
    world.participants.expired.add(cid)
    assert told_by(cancel(desk, booked["booking_reference"]).json(), "fee") == (0.0,)
    code, lines = run()
    kept = "450.00 USD, 100.00 kept"
    seen = "CANCELLED 450.00 USD"
    assert (code, lines[0]) == (
        1,
        f"DRIFT {cid} AuthorizePayment: expected CAPTURED {kept} or PARTLY_REFUNDED {kept}; seen {seen}",
    )
    assert world.participants.money_of(cid) == Decimal(0)


def test_a_settlement_that_waits_for_money_ends_with_the_cancellation(desk: Desk, world: World) -> None:
    booked, settlement = expired(desk, world)
    cancel(desk, booked["booking_reference"])
    desk.recover(after=0)
    assert desk.status(settlement)["status"] == "COMPLETED"


def test_a_change_that_waits_for_money_ends_with_the_cancellation(trip: Trip, paying: str) -> None:
    cancel(trip.desk, trip.reference)
    trip.desk.recover(after=0)
    assert trip.desk.status(paying)["status"] == "COMPLETED"
