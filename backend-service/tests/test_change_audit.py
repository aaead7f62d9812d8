"""The auditor on changed trips."""

import pytest
from django_sagas.database import execute

from flight.models import Seat
from tests.audit_reads import Reads, reads, run
from tests.booked_trip import Trip, trip
from tests.saga_participants import never_arrives
from tests.saga_world import World

__all__ = ["reads", "trip"]
"Fixtures."


def test_auditor_finds_a_changed_trip_as_its_log_says(trip: Trip, reads: Reads) -> None:
    trip.changed(trip.dearer)
    assert "\n".join(run()[1]) == "2 sagas checked, 0 drifted, 0 unverified, 0 changed meanwhile"
    trip.changed(trip.cheaper)
    assert run()[0] == 0
    trip.change(trip.quote(trip.dearer)["quote_id"], payment={"card_token": "tok_declined"})
    assert run()[0] == 0
    trip.cancel()
    assert "\n".join(run()[1]) == "4 sagas checked, 0 drifted, 0 unverified, 0 changed meanwhile"


def test_auditor_is_content_while_a_change_goes_on(trip: Trip, reads: Reads, world: World) -> None:
    world.participants.always("RefundPayment", never_arrives)
    trip.change(trip.quote(trip.cheaper)["quote_id"])
    assert run()[0] == 0


@pytest.mark.parametrize(
    ("sabotage", "repair", "about"),
    [
        ("state = 'RELEASED'", "state = 'SOLD'", "ReserveSeat"),
        ("seat_number = '30A'", "seat_number = '9C'", "ReserveSeat"),
    ],
)
def test_auditor_finds_a_changed_trip_without_its_new_seat(
    trip: Trip, reads: Reads, sabotage: str, repair: str, about: str
) -> None:
    trip.changed({"flight_id": trip.dearer.id, "seat_numbers": ["9C", "9D"]})
    seat = Seat.objects.get(flight=trip.dearer, seat_number="9C").pk
    execute(f"UPDATE flight_seat SET {sabotage} WHERE id = {seat}")  # noqa: S608
    code, lines = run()
    assert code == 1 and about in lines[0]
    execute(f"UPDATE flight_seat SET {repair} WHERE id = {seat}")  # noqa: S608


def test_auditor_finds_a_difference_that_was_not_given_back(trip: Trip, reads: Reads, world: World) -> None:
    trip.changed(trip.cheaper)
    ledger = world.participants.ledger
    refund = next(one for one in ledger if one.kind == "REFUNDED")
    ledger.remove(refund)
    code, lines = run()
    assert code == 1 and "expected 350.00 USD held or taken" in lines[0]
    ledger.append(refund)
