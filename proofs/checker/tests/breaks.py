"""Ways to break a suite that is sound."""

import json
from collections.abc import Callable
from typing import Any

from tests.stories import back, begun, did, running, undid
from tests.suite import AT, FLIGHT, RETURN, Suite, data_for

Break = Callable[[Suite], object]


def sql(service: str, statement: str, *values: Any) -> Break:
    """Exactly one row is broken."""

    def run(suite: Suite) -> None:
        assert suite.run(service, statement, *values) == 1

    return run


def bare(service: str, table: str, then: Break) -> Break:
    def run(suite: Suite) -> None:
        suite.drop_constraints(service, table)
        then(suite)

    return run


def step_is(cid: str, place: int, state: str) -> Break:
    path = f"$[{place}].status"
    statement = "UPDATE sagas_saga SET steps = json_set(steps, ?, ?) WHERE correlation_id = ?"
    return sql("backend", statement, path, state, cid)


def data_of(cid: str, field: str, value: Any) -> Break:
    statement = "UPDATE sagas_saga SET data = json_set(data, ?, ?) WHERE correlation_id = ?"
    return sql("backend", statement, f"$.{field}", value, cid)


def secrets_of(cid: str, **secrets: str) -> Break:
    statement = "UPDATE sagas_saga SET secrets = ? WHERE correlation_id = ?"
    return sql("backend", statement, json.dumps(secrets), cid)


def voucher_is_a_card_token(suite: Suite) -> None:
    running(suite, "mislaid", "9A")
    assert suite.violations(snapshot=True) == {}
    secrets_of("mislaid", voucher="tok_ok")(suite)


def in_any_order(suite: Suite) -> None:
    events = [*begun(), *did("AuthorizePayment"), *did("ReserveSeat")]
    steps = {"ReserveSeat": "DONE", "AuthorizePayment": "DONE"}
    suite.saga("hasty", "RUNNING", steps, events)
    suite.record("payment", "hasty", "AuthorizePayment", "DONE")
    suite.payment("hasty")
    suite.seat("hasty", "9A", "HELD")


def undone_forwards(suite: Suite) -> None:
    events = [
        *begun(),
        *did("ReserveSeat"),
        *did("AuthorizePayment"),
        ("STEP_STARTED", {"step": "AwardMiles", "attempt": 1}),
        ("STEP_FAILED", {"step": "AwardMiles", "outcome": "REFUSED"}),
        *back("ReserveSeat", "AuthorizePayment", reason="ACCOUNT_CLOSED"),
    ]
    steps = {"ReserveSeat": "UNDONE", "AuthorizePayment": "UNDONE", "AwardMiles": "REFUSED"}
    suite.saga("forwards", "COMPENSATED", steps, events)
    suite.record("loyalty", "forwards", "AwardMiles", "REFUSED")
    suite.record("payment", "forwards", "AuthorizePayment", "UNDONE")
    suite.payment("forwards")
    suite.payment("forwards", "CANCELLED")


def undone_too_early(suite: Suite) -> None:
    events = [*begun(), *did("ReserveSeat"), *undid("ReserveSeat")]
    suite.saga("early", "RUNNING", {"ReserveSeat": "UNDONE"}, events)


def sent_without_intent(suite: Suite) -> None:
    suite.saga("unannounced", "RUNNING", {"ReserveSeat": "DONE"}, [*begun(), *did("ReserveSeat")])
    suite.seat("unannounced", "9A", "HELD")
    suite.record("payment", "unannounced", "AuthorizePayment", "DONE")
    suite.payment("unannounced")


def stuck_in_silence(suite: Suite) -> None:
    tries = [
        event
        for attempt in range(1, 11)
        for event in (
            ("COMPENSATION_STEP_STARTED", {"step": "ReserveSeat", "attempt": attempt}),
            ("COMPENSATION_FAILED", {"step": "ReserveSeat", "attempt": attempt}),
        )
    ]
    events = [*begun(), *did("ReserveSeat"), ("COMPENSATION_STARTED", {}), *tries]
    suite.saga("silent", "COMPENSATING", {"ReserveSeat": "UNDOING"}, events)
    suite.seat("silent", "9A", "HELD")


def owner_of_a_full_cabin(suite: Suite) -> None:
    for number in range(145):
        suite.seat("crowd", f"{number}Z", "HELD", expires_at=AT.format(30))
    suite.record("backend", "crowd", "ReserveSeat", "DONE")


def owned_and_never_due(suite: Suite) -> None:
    running(suite, "sleeping", "9A")
    suite.drop_constraints("backend", "sagas_saga")
    suite.run("backend", "UPDATE sagas_saga SET due_at = NULL WHERE correlation_id = 'sleeping'")


released_on_the_return = sql(
    "backend", "UPDATE flight_seat SET state = 'RELEASED' WHERE correlation_id = 'return' AND flight_id = 8"
)


def half_a_trip(suite: Suite) -> None:
    """Its seat on the return is missing, before any ticket is."""
    running(suite, "half", "9A")
    assert suite.violations(snapshot=True) == {}
    data = json.dumps(data_for(FLIGHT, RETURN))
    suite.run("backend", "UPDATE sagas_saga SET data = ? WHERE correlation_id = 'half'", data)
    assert set(suite.violations(snapshot=True)) == {12}


def called_off_with_the_old_seat(suite: Suite) -> None:
    """The log says that it swapped nothing."""
    step = "SwapTickets"
    row = next(iter(suite.databases["backend"].execute(STEPS_OF, ("changes-changed",))))
    steps = [
        {**each, "status": "PENDING" if each["name"] == step else each["status"]}
        for each in json.loads(row[0])
    ]
    suite.has_steps("changes-changed", steps)
    suite.run("backend", "UPDATE flight_seat SET state = 'HELD' WHERE correlation_id = 'changes-changed'")


STEPS_OF = "SELECT steps FROM sagas_saga WHERE correlation_id = ?"


def miles_of_a_change(miles: int) -> Break:
    def run(suite: Suite) -> None:
        change = "UPDATE loyalty_ledger SET miles = ? WHERE correlation_id = 'changes-changed'"
        assert suite.run("loyalty", change, miles) == 1

    return run


def amount_of(cid: str, amount: str) -> Break:
    return sql("backend", f"UPDATE flight_booking SET amount = {amount} WHERE correlation_id = ?", cid)


def seat_of_the_ticket(reference: str, number: str) -> Break:
    return sql("backend", "UPDATE flight_ticket SET seat_number = ? WHERE booking_id = ?", number, reference)


RECORD = "WHERE correlation_id = ? AND step = 'AuthorizePayment'"
