"""Books of the bank that differ from our ledger: each difference is found, and nothing else."""

from collections.abc import Callable

import pytest

from tests.suite import FARE, FEE, Suite

Break = Callable[[Suite], object]
PRICE = FARE + 5_000


def only_at_the_bank(kind: str, cid: str) -> Break:
    """One line of its journal is missing."""
    statement = "DELETE FROM bank_movement WHERE kind = ? AND hold = ?"
    return lambda suite: suite.run("payment", statement, kind, f"ref-{cid}")


def changed(cid: str, kind: str, amount: int) -> Break:
    statement = "UPDATE bank_movement SET amount = ? WHERE kind = ? AND hold = ?"
    return lambda suite: suite.run("payment", statement, amount, kind, f"ref-{cid}")


def without_constraints(then: Break) -> Break:
    def run(suite: Suite) -> None:
        suite.drop_constraints("payment", "bank_movement")
        then(suite)

    return run


BROKEN: dict[str, tuple[str, Break]] = {
    "hold that we do not know": (
        "which no payment names",
        lambda suite: suite.movement("leaked", "HOLD"),
    ),
    "capture that we do not know": ("the bank says", lambda suite: suite.movement("good", "CAPTURE")),
    "captured after a cancellation": (
        "ended 2 times",
        without_constraints(lambda suite: suite.movement("cancelled", "CAPTURE", 1)),
    ),
    "captured twice": (
        "ended 2 times",
        without_constraints(lambda suite: suite.movement("settled", "CAPTURE", 1)),
    ),
    "another amount captured": ("the bank says", changed("settled", "CAPTURE", 1)),
    "another amount held": ("the bank says", changed("good", "HOLD", PRICE + 1)),
    "refund that the bank has not made": ("the bank says", only_at_the_bank("REFUND", "with-a-fee")),
    "refund above the capture": ("refunded", changed("with-a-fee", "REFUND", PRICE + 1)),
    "cancelled here, held there": ("has not released", only_at_the_bank("RELEASE", "cancelled")),
    "held here, released there": ("has released", lambda suite: suite.movement("good", "RELEASE")),
    "movement without a hold": ("0 holds", only_at_the_bank("HOLD", "settled")),
    "call of a saga that stays open": ("is open", lambda suite: suite.attempt("good", "good:CapturePayment")),
}


@pytest.mark.parametrize(("text", "broken"), BROKEN.values(), ids=BROKEN.keys())
def test_difference_from_the_banks_books_is_found(suite: Suite, text: str, broken: Break) -> None:
    assert suite.violations() == {}
    broken(suite)
    found = suite.violations()
    assert set(found) == {12}
    assert any(text in each for each in found[12]), found


def test_call_under_way_explains_a_difference(suite: Suite) -> None:
    """At a snapshot: the bank has done what our ledger does not say yet."""
    suite.movement("good", "CAPTURE")
    suite.attempt("good", "settle:CapturePayment:good")
    assert suite.violations(snapshot=True) == {}


def test_hold_that_is_being_made_belongs_to_its_call(suite: Suite) -> None:
    suite.movement("new", "HOLD", key="new:AuthorizePayment")
    assert set(suite.violations(snapshot=True)) == {12}
    suite.attempt("new", "new:AuthorizePayment")
    assert suite.violations(snapshot=True) == {}


def test_hold_that_was_given_back_needs_no_payment(suite: Suite) -> None:
    suite.movement("abandoned", "HOLD")
    suite.movement("abandoned", "RELEASE")
    assert suite.violations() == {}


def test_direct_call_that_died_is_only_noted(suite: Suite) -> None:
    suite.attempt("direct", "direct:CapturePayment")
    assert suite.violations() == {}


def test_money_that_is_kept_is_the_same_in_both_books(suite: Suite) -> None:
    assert changed("with-a-fee", "REFUND", PRICE - FEE + 1)(suite) == 1
    assert set(suite.violations()) == {12}
