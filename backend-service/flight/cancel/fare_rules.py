"""What a cancellation gives back: pure functions of the booking and the time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

FREE_AFTER_BOOKING = timedelta(hours=24)
FREE_BEFORE_DEPARTURE = timedelta(days=7)


@dataclass(frozen=True)
class Bought:
    """What the rules ask of a booking. Amounts are cents."""

    booked_at: datetime
    departs_at: datetime
    "of the first flight"
    amount: int
    miles: int
    cabins: tuple[str, ...]
    "the class of each ticket"


@dataclass(frozen=True)
class Refund:
    """What comes back, and what is kept; together the amount that was paid. Cents."""

    amount: int
    fee: int
    miles: int
    "taken back"


def cancellation(
    bought: Bought, *, now: datetime, fees: Mapping[str, int], waived: bool = False
) -> Refund | None:
    """What a cancellation now gives back; None once the first flight has departed.

    Free within 24 hours of the booking while the first flight leaves in seven days or later; otherwise a fee
    for each ticket by its class, at most the amount. `fees` are cents by class.
    """
    if now >= bought.departs_at:
        return None
    fee = 0 if waived or _is_free(bought, now) else sum(fees[cabin] for cabin in bought.cabins)
    kept = min(fee, bought.amount)
    return Refund(amount=bought.amount - kept, fee=kept, miles=bought.miles)


def _is_free(bought: Bought, now: datetime) -> bool:
    just_booked = now - bought.booked_at <= FREE_AFTER_BOOKING
    return just_booked and bought.departs_at - now >= FREE_BEFORE_DEPARTURE
