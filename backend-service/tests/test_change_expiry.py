"""A change whose payment has expired between the swap of its tickets and the capture. It waits for a person,
who has two ways out."""

from decimal import Decimal
from typing import Any

import pytest
from django_sagas.http import Reply

from flight.models import Booking, Seat
from tests.audit_reads import Reads, reads, run
from tests.booked_trip import Trip, trip
from tests.expired_change import change_to, paying, refunding
from tests.saga_callers import act, audited
from tests.saga_participants import Serve, answers, meanwhile, never_arrives
from tests.saga_world import Desk, World

__all__ = ["paying", "reads", "refunding", "trip"]
"Fixtures."


def waits(trip: Trip, cid: str) -> bool:
    told = trip.desk.status(cid)
    reference = trip.reference
    assert told["status"] == "RUNNING"
    if not told["actions"]:
        return False
    assert (told["needs_attention"], told["actions"]) == (
        True,
        [
            {"name": "authorize-again", "href": f"/api/saga/{cid}/authorize-again/"},
            {"name": "cancel-booking", "href": f"/api/bookings/{reference}/cancel/"},
        ],
    )
    return True


# Another authorisation


def test_cheaper_change_goes_on_with_the_payment_that_its_settlement_gets(
    trip: Trip, world: World, refunding: str
) -> None:
    assert waits(trip, refunding)
    settlement = trip.desk.status(trip.booking)["settlement"]
    again = trip.desk.post(f"/api/saga/{settlement}/authorize-again/").json()
    assert again["status"] == "COMPLETED"
    assert trip.desk.status(refunding)["actions"] == []
    trip.desk.recover()
    assert [world.row(cid).status for cid in (refunding, settlement)] == ["COMPLETED"] * 2
    assert world.participants.captured == {again["correlation_id"]: Decimal(450)}
    assert trip.state()[1:] == (Decimal(350), Decimal(300))


def test_of_a_cheaper_change_the_whole_booking_is_authorised_again(
    trip: Trip, world: World, refunding: str
) -> None:
    again = act(trip.desk, refunding, "authorize-again", reason="a new card").json()
    settlement = trip.desk.status(trip.booking)["settlement"]
    assert (again["status"], again["amount"], again["settlement"]) == ("COMPLETED", 450.0, settlement)
    assert audited(settlement)[-1] == ("demo", "authorize-again", "a new card", "")
    trip.desk.recover()
    assert trip.state()[1:] == (Decimal(350), Decimal(300))


def test_dearer_change_gets_another_payment_over_the_difference(
    trip: Trip, world: World, paying: str
) -> None:
    assert waits(trip, paying)
    again = act(trip.desk, paying, "authorize-again", reason="a new card").json()
    assert (again["status"], again["amount"]) == ("COMPLETED", 100.1)
    assert trip.sent(again["correlation_id"])["AuthorizePayment"]["trip_id"] == trip.booking
    assert trip.desk.status(paying)["actions"] == []
    trip.desk.recover()
    assert world.row(paying).status == "COMPLETED"
    assert trip.sent(paying)["CapturePayment"] == {"payment_id": again["correlation_id"], "settle": True}
    assert trip.state()[1:] == (Decimal("550.10"), Decimal(500))


def test_declined_card_leaves_the_change_waiting(trip: Trip, world: World, paying: str) -> None:
    again = act(trip.desk, paying, "authorize-again", payment={"card_token": "tok_declined"}).json()
    assert again["result"]["error_code"] == "PAYMENT_DECLINED"
    assert waits(trip, paying)
    act(trip.desk, paying, "authorize-again")
    trip.desk.recover()
    assert world.row(paying).status == "COMPLETED"


# The trip is cancelled


@pytest.mark.parametrize("kind", ["refunding", "paying"])
def test_trip_of_a_change_that_waits_is_cancelled_and_the_change_ends(
    trip: Trip, world: World, request: pytest.FixtureRequest, kind: str
) -> None:
    cid = request.getfixturevalue(kind)
    where = trip.desk.status(cid)["actions"][1]["href"]
    assert trip.desk.post(where).json()["status"] == "COMPENSATED"
    trip.desk.recover()
    assert (world.row(cid).status, trip.desk.status(cid)["needs_attention"]) == ("COMPLETED", False)
    assert not Seat.objects.filter(state__in=("HELD", "SOLD")).exists()
    participants = world.participants
    assert participants.money_of(trip.booking) == participants.miles_of(trip.booking) == 0
    assert Booking.objects.get().status == "CANCELLED"


@pytest.mark.parametrize("kind", ["refunding", "paying"])
def test_trip_that_is_cancelled_while_a_change_is_authorised_again_gets_that_payment_back(
    trip: Trip, world: World, request: pytest.FixtureRequest, kind: str
) -> None:
    cid = request.getfixturevalue(kind)
    world.participants.then("AuthorizePayment", meanwhile(lambda: Desk(world).post(cancel_path(trip))))
    again = act(trip.desk, cid, "authorize-again").json()
    assert (again["status"], again["result"]["error_code"]) == ("COMPENSATED", "SETTLEMENT_ENDED")
    trip.desk.recover()
    assert world.row(cid).status == "COMPLETED"
    assert world.participants.money_of(trip.booking) == 0


def cancel_path(trip: Trip) -> str:
    return f"/api/bookings/{trip.reference}/cancel/"


def test_change_that_only_waits_for_an_answer_keeps_a_cancellation_away(trip: Trip, world: World) -> None:
    world.participants.always("CapturePayment", answers(503))
    change_to(trip, trip.dearer)
    refused = trip.cancel()
    assert (refused.status_code, refused.json()["code"]) == (409, "NOT_CANCELLABLE")


# An attempt in flight


@pytest.mark.parametrize("ends", ["expired", "without an answer"])
def test_authorisation_awaits_the_attempt_to_capture_that_is_in_flight(
    trip: Trip, world: World, paying: str, ends: str
) -> None:
    """A capture that is tried again by itself is awaited: it is not overtaken, and not taken for settled."""
    asked: list[Any] = []

    def authorised_again() -> None:
        told = trip.desk.status(paying)
        asked.append((len(told["actions"]), act(Desk(world), paying, "authorize-again").json()))

    def is_lost(serve: Serve) -> Reply:
        authorised_again()
        return never_arrives(serve)

    tried = meanwhile(authorised_again, before=True)
    world.participants.then("CapturePayment", tried if ends == "expired" else is_lost)
    trip.desk.recover()
    ((actions, again),) = asked
    assert (actions, again["status"]) == (2, "RUNNING")
    for _ in range(3):
        trip.desk.recover()
    assert world.row(again["correlation_id"]).status == "COMPLETED"
    assert world.row(paying).status == "COMPLETED"
    assert trip.state()[1:] == (Decimal("550.10"), Decimal(500))


# The auditor


@pytest.mark.parametrize("end", ["authorize-again", "cancel"])
@pytest.mark.parametrize("kind", ["refunding", "paying"])
def test_auditor_is_content_with_each_way_out(
    trip: Trip, reads: Reads, request: pytest.FixtureRequest, kind: str, end: str
) -> None:
    cid = request.getfixturevalue(kind)
    if end == "cancel":
        trip.cancel()
    else:
        act(trip.desk, cid, "authorize-again")
    for _ in range(2):
        trip.desk.recover()
    code, lines = run(settled=-10 * 86_400.0)
    assert (code, lines[-1].split(",")[1:3]) == (0, [" 0 drifted", " 0 unverified"]), lines
