"""Bugs planted into the shop: a crash test finds each, and tells the shortest story of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.db.models import F
from django_sagas import Done, Planned, Saga, SagaState, Step, json_text
from django_sagas.client import Call
from django_sagas.clock import utc_now
from django_sagas.definitions import SAGAS
from django_sagas.http import Reply
from django_sagas.orchestrator import Orchestrator
from django_sagas.state import Kind
from django_sagas.testing import CrashTest, Ending, FakeParticipant, Participant, Story
from django_sagas.testing.explorer import Explorer, Report, Wanted

from tests.shop import careless, steps
from tests.shop.models import Receipt, Stock
from tests.shop.sagas import CHARGE, CONFIRM, RESERVE, SHIP
from tests.test_crash_shop import TestBuyTea as SoundShop

pytestmark = pytest.mark.urls("tests.shop.urls")
PAID, DECLINED, SOLD_OUT = SoundShop.stories
CANCELLED = replace(PAID, name="cancelled", ends="COMPENSATED", cancelled=True)


@pytest.fixture(autouse=True)
def definitions() -> Iterator[None]:
    """What a test defines is gone after it."""
    before = dict(SAGAS)
    yield
    SAGAS.clear()
    SAGAS.update(before)


@pytest.fixture(autouse=True)
def stock(transactional_db: None) -> None:
    Stock.objects.create(sku="tea", free=10)
    Stock.objects.create(sku="coffee", free=0)


def explored(test: CrashTest, story: Story, **wanted: Any) -> Report:
    return Explorer(test, story, Wanted(**{"every_point": True, **wanted})).explore()


def shop(*table: Step, **own: Any) -> CrashTest:
    """The crash test of the sound shop, of a saga with another table."""
    planted = type("Planted", (Saga,), {"name": "planted", "steps": table})
    made: CrashTest = type("PlantedShop", (SoundShop,), {"saga": planted, **own})()
    return made


def finds(report: Report, what: str, *points: str) -> None:
    """The shortest story has these crash points, and its findings hold this text."""
    assert report.failed, "it found nothing"
    assert [str(point) for point in report.shortest.points] == list(points)
    assert any(what in finding for finding in report.shortest.breaks), report.shortest.breaks


@pytest.mark.parametrize("story", SoundShop.stories, ids=lambda story: story.name)
def test_nothing_is_found_in_the_sound_shop(story: Story) -> None:
    report = explored(SoundShop(), story, pairs=20)
    assert not report.failed, report.text("")
    assert report.not_reached == []


def test_nothing_is_found_where_a_complete_saga_is_cancelled() -> None:
    report = explored(shop(RESERVE, CHARGE, CONFIRM), CANCELLED, pairs=20)
    assert not report.failed, report.text("")


# Bugs of a participant


def careless_cashier(settings: LazySettings, **views: careless.Answer) -> None:
    made = {name: careless.step_view(view) for name, view in views.items()}
    settings.ROOT_URLCONF = tuple(careless.urls(**made))


@pytest.mark.parametrize(
    ("views", "what", "point"),
    [
        pytest.param(
            {"charge": careless.charge_each_time}, "assert 60 ==", "sends-twice-1", id="charges at every call"
        ),
        pytest.param(
            {"charge": careless.charge_in_two_commits},
            "assert 60 ==",
            "dies-after-commit-2",
            id="books in one commit and records in another",
        ),
        pytest.param(
            {"charge": careless.charge_with_a_new_receipt},
            "cashier answered a repeat of ChargeCard in another way",
            "sends-twice-1",
            id="answers a repeat in another way",
        ),
        pytest.param(
            {"charge": careless.charge_while_not_charged, "refund": careless.refund_once},
            "ChargeCard came after its compensation and was answered Done",
            "holds-back-1",
            id="leaves no tombstone",
        ),
        pytest.param(
            {"refund": careless.refund_what_must_be_there},
            "planted is still COMPENSATING",
            "holds-back-1",
            id="cannot undo what never came",
        ),
        pytest.param(
            {"refund": careless.refund_never}, "assert 30 ==", "cancels-after-call-1", id="undoes nothing"
        ),
    ],
)
def test_a_careless_participant_is_found(
    settings: LazySettings, views: dict[str, careless.Answer], what: str, point: str
) -> None:
    careless_cashier(settings, **views)
    finds(explored(shop(RESERVE, CHARGE, CONFIRM, SHIP), PAID), what, point)


def test_a_refusal_that_is_not_kept_is_found(settings: LazySettings) -> None:
    careless_cashier(settings, charge=careless.charge_declined_once)
    report = explored(shop(RESERVE, CHARGE, CONFIRM, SHIP), DECLINED)
    finds(report, "cashier answered a repeat of ChargeCard in another way", "repeats-late-1")


def test_a_compensation_that_is_not_idempotent_is_found(settings: LazySettings) -> None:
    careless_cashier(settings, refund=careless.refund_beside_the_guard)
    finds(explored(shop(RESERVE, CHARGE, CONFIRM), CANCELLED), "assert -30 ==", "sends-twice-2")


def test_a_bug_that_needs_two_faults_is_found_by_a_pair(settings: LazySettings) -> None:
    """The order is paid; only a cancellation leads to the refund, and only a lost reply to its repeat."""
    careless_cashier(settings, refund=careless.refund_beside_the_guard)
    assert not explored(SoundShop(), PAID).failed
    report = explored(SoundShop(), PAID, pairs=40, seed=8)
    finds(report, "assert -30 ==", "cancels-after-call-1", "loses-reply-2")


# Bugs of a definition and its local steps


def late(saga: SagaState, now: datetime) -> Planned:
    """Takes the stock when the saga's commit is over."""
    write = partial(steps.take, saga.correlation_id, saga.data["sku"])
    return Planned(Done({}), lambda: transaction.on_commit(write))


def test_a_local_step_that_writes_outside_the_commit_of_the_saga_is_found() -> None:
    report = explored(shop(replace(RESERVE, run=late), CHARGE, CONFIRM, SHIP), PAID)
    finds(report, "assert 10 == (10 - 1)", "dies-after-commit-1")


def forgetful(saga: SagaState, now: datetime) -> Planned:
    stock = Stock.objects.filter(sku=saga.data["sku"])
    return Planned(Done({}), lambda: stock.update(free=F("free") + 1))


def test_an_undo_that_forgets_a_row_is_found_without_any_fault() -> None:
    test = shop(replace(RESERVE, back=forgetful), CHARGE, CONFIRM, SHIP)
    finds(explored(test, DECLINED, every_point=False), "Reservation")


@pytest.mark.parametrize("chance", [lambda: str(uuid4()), lambda: utc_now().isoformat()], ids=["id", "time"])
def test_a_payload_of_chance_or_of_the_clock_is_found(chance: Callable[[], str]) -> None:
    charge = replace(CHARGE, sends=lambda saga: {**steps.charge_data(saga), "once": chance()})
    report = explored(shop(RESERVE, charge, CONFIRM, SHIP), PAID)
    finds(report, "ChargeCard was sent again with another body", "dies-before-call-1")


class Courier(FakeParticipant):
    """A parcel that is on its way does not come back."""

    def answer(self, call: Call) -> Reply:
        if call.name != "RecallParcel":
            return super().answer(call)
        refusal = {"success": False, "error_code": "ON_ITS_WAY", "correlation_id": call.correlation_id}
        return Reply(200, json_text.dumps(refusal).encode(), {})


def test_a_retriable_step_that_is_declared_compensatable_is_found() -> None:
    ship = replace(SHIP, kind=Kind.COMPENSATABLE, compensation="RecallParcel")

    def participant(test: CrashTest, name: str, story: Story) -> Participant:
        if name == "warehouse":
            return Courier(name, lambda step, data: test.act(step, data, story))
        return CrashTest.participant(test, name, story)

    report = explored(shop(RESERVE, CHARGE, ship, CONFIRM, participant=participant), PAID)
    finds(report, "planted is still COMPENSATING (RecallParcel fails", "holds-back-2")


def test_a_refusal_that_the_step_does_not_declare_is_found() -> None:
    charge = replace(CHARGE, refusals=frozenset())
    report = explored(shop(RESERVE, charge, CONFIRM, SHIP), DECLINED, every_point=False)
    finds(report, "cashier answered ChargeCard outside the contract: CARD_DECLINED")


def test_a_refusal_that_no_fake_can_give_is_said_at_once() -> None:
    with pytest.raises(pytest.fail.Exception, match="ChargeCard is at no fake participant"):
        explored(SoundShop(), replace(DECLINED, refuses={"ChargeCard": "CARD_DECLINED"}))


def test_an_error_of_a_stand_in_is_told() -> None:
    def act(test: CrashTest, step: str, data: Mapping[str, Any], story: Story) -> Done:
        raise ValueError("no such parcel")

    report = explored(shop(RESERVE, CHARGE, CONFIRM, SHIP, act=act), PAID, every_point=False)
    finds(report, "It raised ValueError: no such parcel")


def test_a_saga_that_is_stored_apart_from_its_order_is_found() -> None:
    def begin(test: CrashTest, story: Story, orchestrator: Orchestrator) -> object:
        Receipt.objects.create(correlation_id="an order, whose saga is stored in another commit")
        return CrashTest.begin(test, story, orchestrator)

    def invariants(test: CrashTest, ending: Ending) -> None:
        assert Receipt.objects.count() == int(ending.saga is not None) + int(ending.completed)

    test = shop(RESERVE, CHARGE, CONFIRM, SHIP, begin=begin, invariants=invariants)
    finds(explored(test, PAID), "assert 1 ==", "dies-after-commit-1")


def test_a_step_that_outlives_its_death_is_dead_all_the_same() -> None:
    """Code that catches everything does not get a dying process to write or send anything."""

    def stubborn(saga: SagaState, now: datetime) -> Planned:
        def write() -> None:
            with suppress(BaseException):
                steps.take(saga.correlation_id, saga.data["sku"])

        return Planned(Done({}), write)

    report = explored(shop(replace(RESERVE, run=stubborn), CHARGE, CONFIRM, SHIP), PAID)
    assert not report.failed, report.text("")
