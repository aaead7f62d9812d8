"""Whether the money of a run on Stripe adds up, and whether the run counts."""

from collections import Counter
from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest

from proofs.chaos.given import Given
from proofs.chaos.provider import HALF_TRIPS, SHARES, Account, Bad, differences, judge
from proofs.stripe_proxy import Stripe, Trouble
from saga_checker.books import Books
from saga_checker.findings import Findings
from saga_checker.invariants import INVARIANTS, Invariant, Result, When

PRICE, FEE = 55_000, 5_000
CAPTURED = Account(held=0, captured=PRICE, refunded=0, captures=1)
HELD = Account(held=PRICE, captured=0, refunded=0, captures=0)
KEPT = Account(held=0, captured=FEE, refunded=0, captures=1)
ACCOUNTS = {"pi_captured": CAPTURED, "pi_held": HELD, "pi_fee": KEPT}
MET = Counter({"calls": 100, **{trouble.value: 6 for trouble in Trouble}})


def payment(reference: str, status: str, captured: int, live: int) -> Any:
    money = {"amount": PRICE, "captured": captured, "refunded": 0, "live": live}
    return SimpleNamespace(provider_reference=reference, status=status, **money)


def trip(status: str) -> Any:
    return SimpleNamespace(name="book-trip", status=status, amount=PRICE)


def books() -> Books:
    trips = {"a": trip("COMPLETED"), "b": trip("COMPLETED"), "c": trip("COMPENSATED")}
    others = {name: SimpleNamespace(name=name) for name in ("settle-trip", "change-trip")}
    standing = {
        "a": payment("pi_captured", "CAPTURED", PRICE, PRICE),
        "b": payment("pi_held", "AUTHORIZED", 0, PRICE),
        "c": payment("pi_fee", "CAPTURED", FEE, FEE),
    }
    found = SimpleNamespace(trips=trips, sagas=trips | others, standing=standing, kept=lambda saga: FEE)
    return cast(Books, found)


@pytest.fixture
def given(tmp_path: Any) -> Any:
    given = Given(tmp_path / "clients.jsonl")
    yield given
    given.close()


def judged(
    given: Given,
    *results: Result,
    met: Counter[str] = MET,
    accounts: Mapping[str, Account] = MappingProxyType({}),
) -> Any:
    return judge(books(), given, results, {**ACCOUNTS, **accounts}, met, 1.0)


def test_three_books_that_agree_are_clean(given: Given) -> None:
    found = judged(given)
    assert (found.wrong, list(found.too_easy()), found.captured_twice) == ([], [], 0)
    assert found.sums.ledger == found.sums.provider == found.sums.trips == 2 * PRICE + FEE


@pytest.mark.parametrize(
    ("accounts", "told"),
    [
        ({"pi_held": Account(0, PRICE, 0, 1)}, "b held, captured, refunded"),
        ({"pi_captured": Account(0, PRICE, 1, 1)}, "a held, captured, refunded"),
        ({"pi_stray": HELD}, "which no payment names"),
        ({"pi_fee": Account(0, FEE, 0, 2)}, "has captured pi_fee 2 times"),
    ],
)
def test_each_cent_that_the_provider_sees_otherwise_is_told(
    given: Given, accounts: dict[str, Account], told: str
) -> None:
    (wrong,) = differences(books(), ACCOUNTS | accounts)
    assert told in wrong
    assert any(told in each for each in judged(given, accounts=accounts).wrong)


def test_payment_that_the_provider_does_not_have_is_told() -> None:
    accounts = {reference: account for reference, account in ACCOUNTS.items() if reference != "pi_held"}
    (wrong,) = differences(books(), accounts)
    assert wrong.endswith("the provider says None")


def test_half_trip_is_counted(given: Given) -> None:
    assert HALF_TRIPS in {invariant.title for invariant in INVARIANTS}
    findings = Findings()
    findings.broken("has seats on one of two flights", "a")
    invariant = Invariant(12, When.ALWAYS, HALF_TRIPS, lambda books, find: None)
    found = judged(given, Result(invariant, findings))
    assert (found.half_trips, len(found.wrong)) == (1, 1)


@pytest.mark.parametrize("calls", [120, 121])
def test_run_counts_only_if_a_fifth_of_the_calls_was_bad(given: Given, calls: int) -> None:
    assert len(list(judged(given, met=MET | Counter(calls=calls)).too_easy())) == (calls > 120)


def test_run_without_one_of_the_troubles_does_not_count(given: Given) -> None:
    met = Counter({**MET, Trouble.LATE.value: 0, "lost": 20})
    assert list(judged(given, met=met).too_easy()) == ["no call was late"]


def test_troubles_come_in_their_shares_and_again_for_the_same_seed() -> None:
    calls = 4_000
    bad, again = (Bad("seed", Stripe("")) for _ in range(2))
    drawn = [bad() for _ in range(calls)]
    assert drawn == [again() for _ in range(calls)]
    for trouble, share in SHARES.items():
        assert drawn.count(trouble) / calls == pytest.approx(share, abs=0.02)
