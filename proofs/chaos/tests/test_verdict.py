"""What fails a run, and what keeps it from counting."""

import signal
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from proofs.chaos.aftermath import Aftermath
from proofs.chaos.desk import Answer
from proofs.chaos.edge import Passed
from proofs.chaos.faults import Fault
from proofs.chaos.given import Given, Wish
from proofs.chaos.killer import Struck
from proofs.chaos.outages import Trouble
from proofs.chaos.profiles import PR
from proofs.chaos.vandal import Happened
from proofs.chaos.verdict import Evidence, judge
from proofs.spec.models import BOOKING
from proofs.spec.records import Checked, Trace
from saga_checker.books import Books

CHANGE, KEPT = "change-0", 5_000
SMALL = replace(PR, least_sagas=10, least_kills=1, least_outages=1)
CRASHED = Aftermath([Happened(3, 4, Trouble.CRASH, "")], Counter(crash=1), {}, [], (0.5,))
HARD = Evidence(
    seconds=60,
    struck=[Struck(1, "backend", signal.SIGKILL), Struck(2, "recovery", signal.SIGSTOP)],
    outages=CRASHED,
    calls=[Passed(1, "backend-payment", "authorize-payment", "x", fault.value, 0) for fault in Fault],
    quiet_after=3.0,
    last_booking="COMPLETED",
    old_calls=[],
    complaints=Counter(),
    take_overs=[],
)


def books(completed: int, compensated: int) -> Books:
    """No more than what a verdict asks besides the invariants."""
    statuses = ["COMPLETED"] * completed + ["COMPENSATED"] * compensated
    sagas = {
        f"saga-{number}": SimpleNamespace(status=status, name="book-trip")
        for number, status in enumerate(statuses)
    }
    refused = SimpleNamespace(told={"error": "[Errno 111] Connection refused"})
    paid = dict.fromkeys(sagas, SimpleNamespace(status="CAPTURED"))
    gone = dict.fromkeys(("saga-1", CHANGE), SimpleNamespace(status="EXPIRED"))
    return cast(
        Books,
        SimpleNamespace(
            sagas=sagas,
            trips=sagas,
            events={"saga-0": [refused]},
            standing=paid | gone,
            changes=[SimpleNamespace(correlation_id=CHANGE)],
            live_money=lambda trip: KEPT,
        ),
    )


@pytest.fixture
def given(tmp_path: Any) -> Any:
    given = Given(tmp_path / "clients.jsonl")
    yield given
    given.close()


def told(given: Given, status: str, correlation_id: str, **wish: Any) -> None:
    one = Wish("plain", {}, **wish)
    given.sent(one)
    given.answered(one, Answer(200, {"correlation_id": correlation_id, "status": status}, correlation_id))


def verdict(
    given: Given,
    evidence: Evidence = HARD,
    completed: int = 6,
    compensated: int = 4,
    modelled: Checked | None = None,
) -> Any:
    read = books(completed, compensated)
    return judge(read, given, evidence, SMALL, whole=True, results=[], modelled=modelled)


def test_hard_run_without_a_broken_promise_counts_and_is_clean(given: Given) -> None:
    told(given, "COMPLETED", "saga-0")
    found = verdict(given)
    assert (found.violations, found.too_easy) == (0, [])


def test_a_record_that_the_specification_does_not_have_is_a_violation(given: Given) -> None:
    told(given, "COMPLETED", "saga-0")
    found = verdict(given, modelled=Checked(10, 2, (Trace("saga-0", BOOKING, (), ()),)))
    assert (found.violations, found.suspects) == (1, ["saga-0"])


@pytest.mark.parametrize(
    ("status", "correlation_id"), [("COMPLETED", "saga-9"), ("COMPENSATED", "saga-0"), ("COMPLETED", "gone")]
)
def test_another_answer_than_a_client_received_is_a_violation(
    given: Given, status: str, correlation_id: str
) -> None:
    told(given, status, correlation_id)
    found = verdict(given)
    assert (found.violations, found.suspects) == (1, [correlation_id])


def test_booking_that_had_to_fail_and_is_complete_is_a_violation(given: Given) -> None:
    told(given, "", "saga-0", must_fail=True)
    assert verdict(given).violations == 1


def test_key_that_became_two_sagas_is_a_violation(given: Given) -> None:
    wish = Wish("repeated", {}, "key")
    given.sent(wish)
    for cid in ("saga-0", "saga-1"):
        given.answered(wish, Answer(202, {"correlation_id": cid}, cid))
    assert verdict(given).violations == 1


@pytest.mark.parametrize(("fee", "wrong"), [(50.0, 0), (49.99, 1), (0.0, 1)])
def test_fee_that_a_client_was_told_is_what_the_payments_have_kept(
    given: Given, fee: float, wrong: int
) -> None:
    wish = Wish("cancels booking", {}, correlation_id="saga-9")
    wish.hear_cancelled(Answer(200, {"status": "COMPENSATED", "fee": fee}, "saga-9"), {})
    given.sent(wish)
    assert verdict(given).violations == wrong


def test_run_in_which_no_payment_of_a_change_expired_does_not_count(given: Given) -> None:
    told(given, "COMPLETED", "saga-0")
    read = books(6, 4)
    read.standing[CHANGE].status = "CAPTURED"  # type: ignore[misc]
    found = judge(read, given, HARD, SMALL, whole=True, results=[], modelled=None)
    assert found.too_easy == ["no payment of a booking expired", "no payment of a change expired"]


def test_answer_that_no_client_should_get_is_a_violation(given: Given) -> None:
    given.answered(Wish("plain", {}), Answer(500, {"code": "ERROR"}, ""))
    assert verdict(given).violations == 1


def test_answer_that_only_one_kind_of_client_may_get_is_none(given: Given) -> None:
    other_card = Wish("authorize again", {}, allowed=(422,))
    given.answered(other_card, Answer(422, {}, ""), start=False)
    assert verdict(given).violations == 0


def test_what_a_quote_promised_has_to_be_kept(given: Given) -> None:
    wish = Wish("change", {}, promised={"amount": 10})
    given.sent(wish)
    given.answered(wish, Answer(200, {"correlation_id": "saga-0", "status": "COMPLETED", "amount": 11}, ""))
    assert verdict(given).violations == 1


def test_cancellation_that_was_answered_is_never_taken_back(given: Given) -> None:
    wish = Wish("cancels", {}, correlation_id="saga-0", may_be_cancelled=True)
    given.sent(wish)
    wish.hear_cancelled(Answer(200, {"status": "COMPENSATED", "fee": 0}, ""), {"fee": 0})
    assert verdict(given).violations == 1


@pytest.mark.parametrize("change", [{"quiet_after": None}, {"quiet_after": 60.1}, {"last_booking": ""}])
def test_suite_that_does_not_come_to_rest_is_a_violation(given: Given, change: dict[str, Any]) -> None:
    assert verdict(given, replace(HARD, **change)).violations == 1


@pytest.mark.parametrize(
    ("completed", "compensated", "change", "reason"),
    [
        (3, 7, {}, "30% COMPLETED"),
        (9, 1, {}, "10% COMPENSATED"),
        (5, 4, {}, "9 sagas"),
        (6, 4, {"struck": HARD.struck[1:]}, "0 kills"),
        (6, 4, {"struck": HARD.struck[:1]}, "no process was stopped"),
        (6, 4, {"calls": HARD.calls[:-1]}, "stranger never fired"),
        (6, 4, {"outages": replace(CRASHED, planned=Counter(crash=1, cut=1))}, "no database had cut"),
        (6, 4, {"outages": replace(CRASHED, happened=[], planned=Counter())}, "0 database faults"),
    ],
)
def test_run_that_was_too_easy_does_not_count(
    given: Given, completed: int, compensated: int, change: dict[str, Any], reason: str
) -> None:
    found = verdict(given, replace(HARD, **change), completed, compensated)
    assert found.violations == 0
    assert [reason in words for words in found.too_easy] == [True]
