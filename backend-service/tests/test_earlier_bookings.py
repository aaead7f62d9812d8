"""Bookings of a release without settlements, after the deploy of this one."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django_sagas import json_text
from django_sagas.models import SagaEventRow, SagaRow

from flight.models import Booking, Flight
from flight.settlement.earlier_bookings import begin_settlements
from tests.saga_callers import cancel_booking
from tests.saga_world import SETTLE_AFTER, Desk, World, at_once
from tests.settling import settlement_of

DAY = timedelta(days=1)


@pytest.fixture
def earlier(desk: Desk) -> Any:
    """A booking as an earlier release has left it: complete, authorised, and without a settlement."""
    booked = desk.book().json()
    cid = settlement_of(desk, booked)
    SagaEventRow.objects.filter(correlation_id=cid).delete()
    SagaRow.objects.filter(pk=cid).delete()
    row = SagaRow.objects.get(pk=booked["correlation_id"])
    facts = json_text.load_stored(row.facts)
    del facts["ConfirmBooking"]["settlement"]
    SagaRow.objects.filter(pk=row.pk).update(facts=json_text.dumps(facts))
    return booked


def test_it_is_settled_once(desk: Desk, world: World, earlier: Any) -> None:
    begun = [begin_settlements(world.clock()) for _ in range(2)]
    assert begun == [1, 0]
    cid = settlement_of(desk, earlier)
    desk.recover(after=SETTLE_AFTER + 1)
    assert (world.row(cid).status, len(mail.outbox)) == ("COMPLETED", 1)
    assert world.participants.captured == {earlier["correlation_id"]: 450}


def test_two_processes_begin_one(desk: Desk, world: World, earlier: Any) -> None:
    begun = at_once(*[lambda: begin_settlements(world.clock())] * 2)
    assert sum(begun) == 1
    assert SagaRow.objects.filter(name="settle-trip").count() == 1


def test_one_whose_authorisation_has_expired_alarms_and_offers_the_actions(
    desk: Desk, world: World, earlier: Any
) -> None:
    Booking.objects.update(created_at=world.clock() - 30 * DAY)
    world.participants.expired.add(earlier["correlation_id"])
    assert begin_settlements(world.clock()) == 1
    desk.recover(after=SETTLE_AFTER + 1)
    told = desk.status(settlement_of(desk, earlier))
    assert (told["needs_attention"], len(told["actions"])) == (True, 2)
    world.participants.expired.clear()


def test_one_that_is_flown_is_settled_while_its_authorisation_may_live(world: World, earlier: Any) -> None:
    Flight.objects.update(departs_at=world.clock() - DAY, arrives_at=world.clock() - DAY / 2)
    Booking.objects.update(created_at=world.clock() - 8 * DAY)
    assert begin_settlements(world.clock()) == 0
    Booking.objects.update(created_at=world.clock() - 6 * DAY)
    assert begin_settlements(world.clock()) == 1


def test_one_that_is_cancelled_or_has_a_settlement_needs_none(desk: Desk, world: World, earlier: Any) -> None:
    desk.book()
    cancel_booking(desk, earlier["booking_reference"])
    assert begin_settlements(world.clock()) == 0


def test_while_too_many_sagas_are_open_it_waits(world: World, earlier: Any, settings: LazySettings) -> None:
    settings.SAGA_MAX_RUNNING = 0
    assert begin_settlements(world.clock()) == 0
    assert "settlement" not in SagaRow.objects.get().facts
    settings.SAGA_MAX_RUNNING = 1000
    assert begin_settlements(world.clock()) == 1


def test_it_can_be_cancelled_after_that(desk: Desk, world: World, earlier: Any) -> None:
    begin_settlements(world.clock())
    desk.recover(after=SETTLE_AFTER + 1)
    assert cancel_booking(desk, earlier["booking_reference"]).json()["status"] == "COMPENSATED"
