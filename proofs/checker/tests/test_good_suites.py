"""A suite in which all is well is not accused of anything."""

import json

import pytest

from tests.stories import authorize_change_again, back, begun, did, refused_a_seat, running
from tests.suite import AT, FLIGHT, PARTICIPANT, RETURN, UNDO, Suite, data_for, data_of_an_earlier_release


def test_good_day_has_no_violation(suite: Suite) -> None:
    assert suite.violations() == {}


def test_client_of_known_saga_has_no_violation(suite: Suite) -> None:
    assert suite.violations(clients=["good", "cancelled"]) == {}


def test_running_saga_is_allowed_in_a_snapshot(suite: Suite) -> None:
    running(suite, "running", "9A")
    assert suite.violations(snapshot=True) == {}


def test_running_saga_is_a_violation_when_all_should_have_ended(suite: Suite) -> None:
    running(suite, "running", "9A")
    assert set(suite.violations()) == {1}


def test_compensation_settled_by_hand_is_excused(suite: Suite) -> None:
    by_hand = ("COMPENSATION_RESOLVED", {"step": "AuthorizePayment", "actor": "ops"})
    failed = {"step": "AuthorizePayment", "compensation": "CancelPayment", "attempt": 1}
    undone = back("ReserveSeat", reason="DEADLINE_EXCEEDED")
    undone[1:1] = [("COMPENSATION_STEP_STARTED", failed), by_hand]
    events = [
        *begun(),
        *did("ReserveSeat"),
        ("STEP_STARTED", {"step": "AuthorizePayment", "attempt": 1}),
        ("STEP_FAILED", {"step": "AuthorizePayment", "outcome": "UNKNOWN"}),
        *undone,
    ]
    steps = {"ReserveSeat": "UNDONE", "AuthorizePayment": "RESOLVED"}
    suite.saga("by-hand", "COMPENSATED", steps, events, failed_step="AuthorizePayment")
    suite.record("payment", "by-hand", "AuthorizePayment", "DONE")
    suite.payment("by-hand")
    assert suite.violations() == {}


@pytest.mark.parametrize(
    "names",
    [
        ("ReserveSeat", "AuthorizePayment", "BookLounge", "AwardMiles", "ConfirmBooking"),
        ("AwardMiles", "AuthorizePayment", "ReserveSeat", "ConfirmBooking"),
    ],
)
def test_a_saga_is_judged_by_the_steps_of_its_own_row(suite: Suite, names: tuple[str, ...]) -> None:
    steps = [
        {
            "name": name,
            "compensation": UNDO.get(name, "CancelLounge"),
            "participant": PARTICIPANT.get(name, "lounge"),
            "status": "DONE",
            "attempts": 1,
        }
        for name in names
    ]
    done = {name: "DONE" for name in names if name != "BookLounge"}
    events = [*begun(), *(one for name in names for one in did(name)), ("COMPLETED", {"reason": ""})]
    suite.saga("own", "COMPLETED", done, events, reference="DDDDDD")
    change = "UPDATE sagas_saga SET steps = ? WHERE correlation_id = 'own'"
    suite.run("backend", change, json.dumps(steps))
    suite.has_all_of_a_booking("own", "9B", "DDDDDD")
    assert suite.violations() == {}
    suite.run("backend", change, json.dumps(steps[::-1]))
    assert 7 in suite.violations()


def test_a_saga_of_an_earlier_release_has_no_violation(suite: Suite) -> None:
    data = json.dumps(data_of_an_earlier_release())
    change = "UPDATE sagas_saga SET data = ? WHERE correlation_id <> 'return' AND name = 'book-trip'"
    assert suite.run("backend", change, data) == 10
    assert suite.violations() == {}


def test_refusal_of_a_trip_whose_return_was_full_is_explained(suite: Suite) -> None:
    for number in range(143):
        suite.seat("direct-many", f"{number}Z", "SOLD", flight_id=RETURN, expires_at=AT.format(9))
    suite.record("backend", "direct-many", "ReserveSeat", "DONE")
    refused_a_seat(suite, at=AT.format(10))
    assert set(suite.violations()) == {12}, "the first flight has free seats"
    data = json.dumps(data_for(FLIGHT, RETURN))
    suite.run("backend", "UPDATE sagas_saga SET data = ? WHERE correlation_id = 'refused'", data)
    assert suite.violations() == {}


def test_refusal_while_the_cabin_was_full_is_explained(suite: Suite) -> None:
    for number in range(144):
        suite.seat("direct-many", f"{number}Z", "RELEASED", expires_at=AT.format(9))
    suite.record("backend", "direct-many", "ReserveSeat", "UNDONE")
    refused_a_seat(suite, at=AT.format(10))
    assert suite.violations() == {}


def test_change_may_have_captured_a_payment_in_the_place_of_an_expired_one(suite: Suite) -> None:
    again = authorize_change_again(suite, "changed")
    assert suite.violations() == {}
    suite.stands(again, "status = 'EXPIRED', captured = 0")
    assert 12 in suite.violations()
