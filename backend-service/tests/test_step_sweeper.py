"""Holds of direct calls expire; a saga's never do. And a saga's id is not for direct calls."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django_sagas import saga_log
from django_sagas.clock import utc_now
from pytest_django import Settings
from service_kit.testing.calls import envelope, post, snapshot
from service_kit.testing.protocol import assert_done, assert_problem, assert_refused

from flight import saga_requests, services
from flight.inventory import HeldFlight
from flight.models import Flight, Seat, SeatState
from flight.saga_sweeper import release_expired_holds
from tests.step_pairs import (
    CANCEL_BOOKING,
    CANCEL_SEAT,
    booking,
    confirm,
    confirm_pair,
    held_seats,
    reserve,
    reserve_pair,
    sold_seats,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE = True


@pytest.fixture
def later(settings: Settings) -> datetime:
    return utc_now() + timedelta(minutes=settings.HOLD_MINUTES + 1)


@pytest.fixture
def saga(flight: Flight, now: datetime) -> str:
    """The id of a saga in the log, which holds seat 12A."""
    command = saga_requests.START_BOOKING.read(booking(flight))
    state = saga_requests.new_saga(
        command,
        correlation_id="saga-1",
        flights=saga_requests.find_flights_of(command),
        scope=None,
        key=None,
        now=now,
    )
    assert saga_log.insert(state)
    (sold,) = saga_requests.find_flights_of(command)
    held = [HeldFlight.of(sold, "economy", ["12A"])]
    services.hold_seats(correlation_id="saga-1", flights=held, now=now, expires_at=None)
    return "saga-1"


def test_expired_hold_of_a_direct_call_is_released(flight: Flight, later: datetime) -> None:
    reserve(flight, "test-1", people=2)
    assert release_expired_holds(later) == 1
    assert held_seats("test-1") == 0
    assert Seat.objects.filter(state=SeatState.RELEASED).count() == 2
    assert release_expired_holds(later) == 0


def test_hold_that_has_not_expired_is_kept(flight: Flight) -> None:
    reserve(flight, "test-1")
    assert release_expired_holds(utc_now()) == 0
    assert held_seats("test-1") == 1


@pytest.mark.parametrize(("minutes", "released"), [(0, 0), (14, 0), (16, 1), (60, 1), (1440, 1)])
def test_a_hold_that_ends_later_than_any_can_since_a_clock_was_put_back_is_released(
    flight: Flight, minutes: int, released: int
) -> None:
    reserve(flight, "test-1")
    assert release_expired_holds(utc_now() - timedelta(minutes=minutes)) == released
    assert held_seats("test-1") == 1 - released


@pytest.mark.parametrize("days", [-365, 365])
def test_sagas_hold_is_kept_after_any_change_of_the_clock(saga: str, later: datetime, days: int) -> None:
    Seat.objects.update(expires_at=later)
    assert release_expired_holds(later + timedelta(days=days)) == 0
    assert held_seats(saga) == 1


def test_sagas_hold_never_expires(saga: str, later: datetime) -> None:
    assert release_expired_holds(later + timedelta(days=365)) == 0
    assert held_seats(saga) == 1


def test_sagas_hold_is_kept_even_if_it_has_an_expiry(saga: str, later: datetime) -> None:
    Seat.objects.update(expires_at=later - timedelta(minutes=1))
    assert release_expired_holds(later) == 0
    assert held_seats(saga) == 1


def test_sold_seat_is_not_swept(flight: Flight, later: datetime) -> None:
    reserve(flight, "test-1")
    confirm(flight, "test-1")
    assert release_expired_holds(later) == 0
    assert sold_seats("test-1") == 1


def test_confirming_after_the_sweep_is_refused(flight: Flight, later: datetime) -> None:
    reserve(flight, "test-1")
    release_expired_holds(later)
    assert_refused(confirm(flight, "test-1"), "test-1", "SEAT_NOT_HELD")
    assert sold_seats("test-1") == 0


def test_expired_hold_that_was_not_swept_yet_can_be_confirmed(flight: Flight, later: datetime) -> None:
    reserve(flight, "test-1")
    Seat.objects.update(expires_at=later - timedelta(days=2))
    assert_done(confirm(flight, "test-1"), "test-1")


def test_reservation_after_the_sweep_is_409_and_its_cancellation_is_the_sweepers(
    flight: Flight, later: datetime
) -> None:
    reserve(flight, "test-1")
    release_expired_holds(later)
    assert_problem(reserve(flight, "test-1"), 409, "ALREADY_COMPENSATED", "test-1")
    answer = post(CANCEL_SEAT, envelope("test-1"))
    assert (answer.json()["seats_released"], answer["Idempotent-Replayed"]) == (1, "true")


def test_seats_of_a_cancelled_booking_are_swept_when_their_hold_has_expired(
    flight: Flight, later: datetime
) -> None:
    reserve(flight, "test-1")
    confirm(flight, "test-1")
    post(CANCEL_BOOKING, envelope("test-1"))
    assert release_expired_holds(later) == 1
    assert (held_seats("test-1"), sold_seats("test-1")) == (0, 0)


@pytest.mark.parametrize("make_pair", [reserve_pair, confirm_pair])
def test_id_of_a_saga_is_409_at_the_step_endpoints_and_changes_nothing(
    flight: Flight, saga: str, make_pair: Any
) -> None:
    pair = make_pair(flight)
    before = snapshot()
    for answer in (pair.act(saga), pair.undo(saga), pair.act(saga, simulate_failure=True)):
        assert_problem(answer, 409, "SAGA_OWNED", saga)
    assert snapshot() == before
