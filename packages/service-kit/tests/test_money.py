from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from service_kit.money import to_cents, to_wire


@given(st.integers(0, 10**14))
def test_cents_come_back_from_the_wire(cents: int) -> None:
    assert to_cents(to_wire(cents)) == cents


@given(st.decimals(0, 1_000_000, places=2))
def test_two_decimals_are_exact(amount: Decimal) -> None:
    assert to_wire(to_cents(amount)) == amount


@pytest.mark.parametrize("amount", ["0.001", "1.999", "1E-30", "999999.995"])
def test_finer_amount_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match="more than two decimals"):
        to_cents(Decimal(amount))


def test_amount_finer_than_the_decimal_context_is_refused() -> None:
    with pytest.raises(ValueError, match="more than two decimals"):
        to_cents(Decimal("0.1000000000000000000000000000000000001"))


@pytest.mark.parametrize(
    ("amount", "cents"), [("500", 50000), ("500.0", 50000), ("5E2", 50000), ("0.010", 1)]
)
def test_spelling_of_an_amount_does_not_matter(amount: str, cents: int) -> None:
    assert to_cents(Decimal(amount)) == cents
