"""Two sagas of one trip at the same time: one runs from beginning to end while a call of the other is on its
way, before that call takes effect or after it. The invariants are checked when everything has ended."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from django.conf import LazySettings

from flight.models import Booking
from tests.booked_trip import Trip, trip
from tests.saga_callers import act
from tests.saga_participants import meanwhile
from tests.saga_world import Desk, World
from tests.settling import settlement_of

__all__ = ["trip"]
"A fixture."

before_or_after = pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
OF_A_CHANGE = [
    ("dearer", "AuthorizePayment"),
    ("dearer", "CapturePayment"),
    ("dearer", "AdjustMiles"),
    ("cheaper", "CapturePayment"),
    ("cheaper", "RefundPayment"),
    ("cheaper", "AdjustMiles"),
]
OF_A_CANCELLATION = ["ReverseMiles", "CancelPayment"]
PAID = {"dearer": Decimal("550.10"), "cheaper": Decimal(350)}


@pytest.fixture(autouse=True)
def settled_at_once(world: World, settings: LazySettings) -> None:
    """A booking's settlement is due from the start, so that it is run without a step of the clock."""
    settings.SETTLE_AFTER_SECONDS = 0


def settles(trip: Trip) -> Callable[[], object]:
    return lambda: Desk(trip.world).recover(after=0)


def cancels(trip: Trip) -> Callable[[], object]:
    return lambda: Desk(trip.world).post(f"/api/bookings/{trip.reference}/cancel/")


def expires(trip: Trip, payment: str) -> Callable[[], object]:
    return lambda: trip.world.participants.expired.add(payment)


def happens(trip: Trip, call: str, what: Callable[[], object], *, before: bool) -> None:
    trip.world.participants.then(call, meanwhile(what, before=before))


def settlement(trip: Trip) -> str:
    return settlement_of(trip.desk, {"correlation_id": trip.booking})


# A change and the settlement


@before_or_after
@pytest.mark.parametrize(("kind", "call"), OF_A_CHANGE)
def test_settlement_while_a_change_goes_on(
    trip: Trip, world: World, kind: str, call: str, before: bool
) -> None:
    happens(trip, call, settles(trip), before=before)
    trip.changed(getattr(trip, kind))
    assert world.row(settlement(trip)).status == "COMPLETED"
    assert trip.state()[1] == PAID[kind]


@before_or_after
@pytest.mark.parametrize("kind", ["dearer", "cheaper"])
def test_change_while_the_settlement_captures(trip: Trip, world: World, kind: str, before: bool) -> None:
    quote = trip.quote(getattr(trip, kind))["quote_id"]
    happens(trip, "CapturePayment", lambda: trip.change(quote), before=before)
    settles(trip)()
    assert world.row(settlement(trip)).status == "COMPLETED"
    assert trip.state()[1] == PAID[kind]


# A cancellation and the settlement


@before_or_after
@pytest.mark.parametrize("fee", [0, 5_000])
def test_cancellation_while_the_settlement_captures(
    trip: Trip, world: World, settings: LazySettings, fee: int, before: bool
) -> None:
    settings.CANCELLATION_FEES = {"economy": fee}
    Booking.objects.update(created_at=trip.flight.departs_at.replace(year=2020))
    happens(trip, "CapturePayment", cancels(trip), before=before)
    settles(trip)()
    assert world.row(settlement(trip)).status == "COMPLETED"
    assert world.row(trip.booking).status == "COMPENSATED"
    assert world.participants.money_of(trip.booking) == 2 * Decimal(fee) / 100


@before_or_after
@pytest.mark.parametrize("call", OF_A_CANCELLATION)
def test_settlement_while_a_booking_is_cancelled(trip: Trip, world: World, call: str, before: bool) -> None:
    happens(trip, call, settles(trip), before=before)
    assert trip.cancel().json()["status"] == "COMPENSATED"
    assert world.row(settlement(trip)).status == "COMPLETED"
    assert world.participants.money_of(trip.booking) == 0


# A change and a cancellation


@before_or_after
@pytest.mark.parametrize(("kind", "call"), OF_A_CHANGE)
def test_cancellation_while_a_change_goes_on_is_refused(
    trip: Trip, world: World, kind: str, call: str, before: bool
) -> None:
    answers: list[int] = []
    happens(trip, call, lambda: answers.append(trip.cancel().status_code), before=before)
    trip.changed(getattr(trip, kind))
    assert (answers, trip.state()[1]) == ([409], PAID[kind])


@before_or_after
@pytest.mark.parametrize("call", OF_A_CANCELLATION)
def test_change_while_a_booking_is_cancelled_is_refused(
    trip: Trip, world: World, call: str, before: bool
) -> None:
    quote, answers = trip.quote(trip.dearer)["quote_id"], list[int]()
    happens(trip, call, lambda: answers.append(trip.change(quote).status_code), before=before)
    assert trip.cancel().json()["status"] == "COMPENSATED"
    assert answers == [409]


# An expiry at any moment


@before_or_after
@pytest.mark.parametrize("call", OF_A_CANCELLATION)
def test_payment_that_expires_while_its_booking_is_cancelled(
    trip: Trip, world: World, call: str, before: bool
) -> None:
    happens(trip, call, expires(trip, trip.booking), before=before)
    assert trip.cancel().json()["status"] == "COMPENSATED"
    assert world.participants.money_of(trip.booking) == 0


@pytest.mark.parametrize("call", ["AuthorizePayment", "CapturePayment"])
def test_bookings_payment_that_expires_while_a_dearer_change_goes_on_concerns_the_settlement_only(
    trip: Trip, world: World, call: str
) -> None:
    happens(trip, call, expires(trip, trip.booking), before=True)
    trip.changed(trip.dearer)
    settles(trip)()
    assert len(trip.desk.status(settlement(trip))["actions"]) == 2
    assert act(trip.desk, settlement(trip), "authorize-again").json()["status"] == "COMPLETED"
    settles(trip)()
    assert trip.state()[1] == PAID["dearer"]


def test_bookings_payment_that_expires_while_a_cheaper_change_captures_it_is_authorised_again(
    trip: Trip, world: World
) -> None:
    happens(trip, "CapturePayment", expires(trip, trip.booking), before=True)
    answer = trip.change(trip.quote(trip.cheaper)["quote_id"])
    assert answer.status_code == 202
    trip.desk.recover()
    assert act(trip.desk, settlement(trip), "authorize-again").json()["status"] == "COMPLETED"
    trip.desk.recover()
    assert world.row(answer.json()["correlation_id"]).status == "COMPLETED"
    assert trip.state()[1] == PAID["cheaper"]
