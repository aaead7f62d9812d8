"""What a cancellation gives back, as a table."""

from datetime import UTC, datetime, timedelta

import pytest

from flight.cancel.fare_rules import Bought, Refund, cancellation

NOW = datetime(2030, 6, 1, 12, tzinfo=UTC)
FEES = {"economy": 5_000, "business": 10_000, "first": 15_000}
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
ONE = ("economy",)


def refund(
    cabins: tuple[str, ...] = ONE,
    *,
    booked: timedelta = HOUR,
    leaves: timedelta = 30 * DAY,
    amount: int = 45_000,
    waived: bool = False,
) -> Refund | None:
    """`booked` so long ago, `leaves` in so long."""
    bought = Bought(NOW - booked, NOW + leaves, amount, miles=400, cabins=cabins)
    return cancellation(bought, now=NOW, fees=FEES, waived=waived)


@pytest.mark.parametrize(
    ("booked", "leaves", "fee"),
    [
        (timedelta(0), 30 * DAY, 0),
        (24 * HOUR, 7 * DAY, 0),
        (24 * HOUR + SECOND, 7 * DAY, 5_000),
        (24 * HOUR, 7 * DAY - SECOND, 5_000),
        (timedelta(0), SECOND, 5_000),
        (100 * DAY, 200 * DAY, 5_000),
    ],
)
def test_a_cancellation_is_free_within_a_day_of_booking_and_a_week_before_departure(
    booked: timedelta, leaves: timedelta, fee: int
) -> None:
    assert refund(booked=booked, leaves=leaves) == Refund(45_000 - fee, fee, 400)


@pytest.mark.parametrize(
    ("cabins", "fee"),
    [
        (("economy",), 5_000),
        (("business",), 10_000),
        (("first",), 15_000),
        (("economy", "economy"), 10_000),
        (("economy", "business", "first"), 30_000),
    ],
)
def test_the_fee_is_for_each_ticket_by_its_class(cabins: tuple[str, ...], fee: int) -> None:
    assert refund(cabins, booked=2 * DAY) == Refund(45_000 - fee, fee, 400)


@pytest.mark.parametrize(("amount", "back"), [(5_001, 1), (5_000, 0), (4_999, 0), (1, 0)])
def test_the_fee_is_at_most_what_was_paid(amount: int, back: int) -> None:
    assert refund(booked=2 * DAY, amount=amount) == Refund(back, min(amount, 5_000), 400)


def test_a_waived_fee_is_none() -> None:
    assert refund(booked=2 * DAY, waived=True) == Refund(45_000, 0, 400)


@pytest.mark.parametrize("leaves", [timedelta(0), -SECOND, -DAY])
@pytest.mark.parametrize("waived", [False, True])
def test_nothing_comes_back_after_the_departure(leaves: timedelta, waived: bool) -> None:
    assert refund(leaves=leaves, waived=waived) is None
