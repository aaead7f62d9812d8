"""Money is an integer of minor units (cents) inside and a number with two decimals on the wire."""

from decimal import Decimal

CENT = Decimal("0.01")
CENTS_PER_UNIT = 100


def to_cents(amount: Decimal) -> int:
    """Cents of an amount that has at most two decimals. Raises ValueError for a finer amount."""
    cents = int(amount * CENTS_PER_UNIT)
    # The product is rounded to the context's 28 digits; dividing again shows a loss.
    if to_wire(cents) != amount:
        raise ValueError(f"{amount} has more than two decimals")
    return cents


def to_wire(cents: int) -> Decimal:
    return Decimal(cents) * CENT
