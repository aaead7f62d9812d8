"""A process that dies, or a provider that falls silent, at each boundary of each call to the provider.

The same call is repeated until it is answered. Whatever happened, the money was moved once: the ledger, the
payments and the bank's books agree, and no attempt stays open.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from service_kit.testing.calls import envelope, post

from payment.bank.models import Movement
from payment.models import Attempt, AttemptState, LedgerEntry, Payment
from tests.conftest import AUTHORIZE, CANCEL, CAPTURE, REFUND, booking, held_at_the_bank
from tests.unreliable import Killed, UnreliableProvider, served_by, silence

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE, settings.GATEWAY_TIMEOUT_SECONDS = True, 0


def authorize(cid: str = "trip", **more: Any) -> Any:
    return post(AUTHORIZE, envelope(cid, booking(**more)))


def capture(cid: str = "settle", **data: Any) -> Any:
    return post(CAPTURE, envelope(cid, {"payment_id": "trip", **data}))


def refund(amount: float) -> Any:
    return post(REFUND, envelope("refund", {"payment_id": "trip", "amount": amount}))


def cancel(keep: float = 0) -> Any:
    return post(CANCEL, envelope("trip", {"keep": keep}))


def a_trip_of_three() -> None:
    """Two payments captured, one held."""
    authorize()
    capture()
    for cid in ("change-1", "change-2"):
        authorize(cid, trip_id="trip", flight_fare=100, other_charges=0)
    capture("settle-2", payment_id="change-2")


def an_authorisation() -> None:
    authorize()


def a_capture() -> None:
    authorize()
    capture()


@dataclass(frozen=True)
class Story:
    name: str
    before: Callable[[], object]
    call: Callable[[], Any]
    live: int
    "cents that the trip costs afterwards"
    answer: dict[str, Any]
    calls: int = 1
    "to the provider, each with two boundaries"

    @property
    def boundaries(self) -> range:
        return range(1, 2 * self.calls + 1)


STORIES = (
    Story("authorise", lambda: None, authorize, 55000, {"amount": 550, "status": "AUTHORIZED"}),
    Story(
        "decline",
        lambda: None,
        lambda: authorize(payment={"card_token": "tok_declined"}),
        0,
        {"success": False, "error_code": "PAYMENT_DECLINED"},
    ),
    Story("capture", an_authorisation, capture, 55000, {"captured": 550, "status": "CAPTURED"}),
    Story("capture a part", an_authorisation, lambda: capture(amount=10), 1000, {"captured": 10}),
    Story("refund", a_capture, lambda: refund(50), 50000, {"refunded": 50, "status": "PARTLY_REFUNDED"}),
    Story("refund of two", a_trip_of_three, lambda: refund(150), 60000, {"refunded": 150}, 2),
    Story("cancel a hold", an_authorisation, cancel, 0, {"returned": 550, "kept": 0, "status": "CANCELLED"}),
    Story("keep a fee of a hold", an_authorisation, lambda: cancel(50), 5000, {"returned": 500, "kept": 50}),
    Story("cancel a capture", a_capture, cancel, 0, {"returned": 550, "status": "REFUNDED"}),
    Story("cancel a trip", a_trip_of_three, cancel, 0, {"returned": 750, "status": "REFUNDED"}, 3),
    Story(
        "keep a fee of a trip", a_trip_of_three, lambda: cancel(620), 62000, {"returned": 130, "kept": 620}, 2
    ),
)


def assert_books_agree() -> int:
    """What the trip costs, in cents."""
    assert not Attempt.objects.filter(state=AttemptState.OPEN).exists()
    entries = LedgerEntry.objects.values_list("attempt", flat=True)
    done = Attempt.objects.filter(state=AttemptState.DONE).values_list("key", flat=True)
    assert sorted(map(str, entries)) == sorted(done)
    payments = list(Payment.objects.all())
    for payment in payments:
        assert held_at_the_bank(payment) == payment.live
    named = {payment.provider_reference for payment in payments}
    for held in Movement.objects.filter(kind="HOLD").exclude(hold__in=named):
        assert Movement.objects.filter(hold=held.hold, kind="RELEASE").exists(), "a hold that nobody knows"
    return sum(payment.live for payment in payments)


def until_answered(call: Callable[[], Any]) -> Any:
    for _ in range(3):
        answer = call()
        if answer.status_code != 503:
            return answer
        assert int(answer["Retry-After"]) >= 1
    raise AssertionError("never answered")


AT_EACH = [pytest.param(story, at, id=f"{story.name} {at}") for story in STORIES for at in story.boundaries]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_undisturbed_call_asks_the_provider_as_often_as_the_story_says(story: Story) -> None:
    story.before()
    with served_by(UnreliableProvider()) as provider:
        assert {**story.call().json(), **story.answer} == story.call().json()
    assert len(provider.passed) == len(story.boundaries)
    assert assert_books_agree() == story.live


@pytest.mark.parametrize(("story", "at"), AT_EACH)
@pytest.mark.parametrize("fault", [Killed, silence], ids=["killed", "silent"])
def test_repeat_after_a_fault_at_any_boundary_moves_the_money_once(
    story: Story, at: int, fault: Callable[[], BaseException]
) -> None:
    story.before()
    with served_by(UnreliableProvider(fault, at)):
        try:
            assert story.call().status_code == 503
        except Killed:
            assert fault is Killed
        answer = until_answered(story.call)
    assert {**answer.json(), **story.answer} == answer.json()
    assert assert_books_agree() == story.live


@pytest.mark.parametrize("second", range(1, 5))
@pytest.mark.parametrize(("story", "first"), AT_EACH)
def test_second_crash_while_the_first_is_settled_moves_the_money_once(
    story: Story, first: int, second: int
) -> None:
    story.before()
    for at in (first, second):
        with served_by(UnreliableProvider(at=at)), suppress(Killed):
            story.call()
    answer = until_answered(story.call)
    assert {**answer.json(), **story.answer} == answer.json()
    assert assert_books_agree() == story.live


@pytest.mark.parametrize("at", range(1, 7))
@pytest.mark.parametrize(
    "crashed", [authorize, capture, lambda: refund(50)], ids=["authorise", "capture", "refund"]
)
def test_cancellation_after_a_crash_gives_everything_back(crashed: Callable[[], Any], at: int) -> None:
    """The crashed call never comes again: the cancellation finds out what became of it."""
    if crashed is not authorize:
        authorize()
    if crashed not in (authorize, capture):
        capture()
    with served_by(UnreliableProvider(at=at)), suppress(Killed):
        crashed()
    answer = until_answered(cancel)
    assert answer.json()["success"] is True
    assert assert_books_agree() == 0


@pytest.mark.parametrize("at", range(1, 9))
def test_crash_while_an_authorisation_that_crashed_is_given_back(at: int) -> None:
    for boundary, call in ((2, authorize), (at, cancel)):
        with served_by(UnreliableProvider(at=boundary)), suppress(Killed):
            call()
    assert until_answered(cancel).json()["success"] is True
    assert until_answered(authorize).status_code == 409
    assert assert_books_agree() == 0


def test_another_request_does_not_take_the_hold_of_a_crashed_one() -> None:
    with served_by(UnreliableProvider(at=2)), pytest.raises(Killed):
        authorize(flight_fare=900)
    assert authorize(flight_fare=500).json()["amount"] == 550
    assert assert_books_agree() == 55000
    assert Movement.objects.filter(kind="RELEASE").count() == 1


def test_call_that_reaches_the_bank_after_it_was_given_up_moves_nothing() -> None:
    """A slow call is taken for dead, looked up and given up; then it arrives."""
    with served_by(UnreliableProvider(at=1)), pytest.raises(Killed):
        authorize()
    late = Attempt.objects.get()
    cancel()
    with pytest.raises(Exception, match="given up"):
        UnreliableProvider().authorize(key=late.key, card_token="tok_ok", amount=late.amount, currency="USD")
    assert assert_books_agree() == 0


def test_open_attempt_of_a_call_that_still_runs_is_503(settings: Settings) -> None:
    settings.DATABASE_BUSY_SECONDS = 0.1
    authorize()
    with served_by(UnreliableProvider(at=1, timeout=60.0)), pytest.raises(Killed):
        capture()
    calls: list[Callable[[], Any]] = [cancel, capture, lambda: capture("another"), lambda: refund(1)]
    for call in calls:
        answer = call()
        assert (answer.status_code, answer.json()["code"]) == (503, "TRY_AGAIN")
        assert int(answer["Retry-After"]) >= 1


def test_call_that_waits_for_its_twin_writes_nothing_meanwhile(settings: Settings) -> None:
    """A writer in every turn of the wait would keep the lock from the twin that is to end it."""
    settings.DATABASE_BUSY_SECONDS = 0.5
    with served_by(UnreliableProvider(at=1, timeout=60.0)), pytest.raises(Killed):
        authorize()
    with CaptureQueriesContext(connection) as asked:
        assert authorize().status_code == 503
    statements = [query["sql"].lstrip().partition(" ")[0] for query in asked.captured_queries]
    assert statements.count("INSERT") == 1, statements
    assert statements.count("SELECT") > 3, statements
