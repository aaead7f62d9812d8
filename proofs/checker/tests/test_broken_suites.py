"""One deliberately broken suite for each statement: the checker finds it, under the invariant's number."""

import json
from pathlib import Path

import pytest

from saga_checker.books import Books, Told
from saga_checker.memory import remember
from tests.breaks import (
    RECORD,
    Break,
    amount_of,
    bare,
    called_off_with_the_old_seat,
    data_of,
    half_a_trip,
    in_any_order,
    miles_of_a_change,
    owned_and_never_due,
    owner_of_a_full_cabin,
    released_on_the_return,
    seat_of_the_ticket,
    secrets_of,
    sent_without_intent,
    sql,
    step_is,
    stuck_in_silence,
    undone_forwards,
    undone_too_early,
    voucher_is_a_card_token,
)
from tests.stories import refused_a_seat, running, tell_kept
from tests.suite import AT, MILES, Suite

BROKEN: list[tuple[str, int, Break]] = [
    ("saga that never ends", 1, lambda suite: running(suite, "running", "9A")),
    ("event after the end", 1, lambda suite: suite.event("declined", 99, "STEP_STARTED", step="AwardMiles")),
    ("complete saga turned back by nobody", 1, lambda suite: suite.event("good", 11, "COMPENSATION_STARTED")),
    (
        "completed without a ticket",
        2,
        sql("backend", "DELETE FROM flight_ticket WHERE booking_id = 'AAAAAA'"),
    ),
    (
        "completed, its booking cancelled",
        2,
        sql(
            "backend",
            "UPDATE flight_booking SET status = 'CANCELLED', cancelled_at = created_at"
            " WHERE reference = 'AAAAAA'",
        ),
    ),
    (
        "a flight of the trip without a ticket",
        2,
        sql("backend", "DELETE FROM flight_ticket WHERE booking_id = 'RRRRRR' AND segment = 2"),
    ),
    (
        "tickets in another order than flown",
        2,
        sql("backend", "UPDATE flight_ticket SET segment = 3 WHERE booking_id = 'RRRRRR' AND segment = 1"),
    ),
    (
        "ticket for another flight than its seat",
        2,
        sql("backend", "UPDATE flight_ticket SET flight_id = 8 WHERE booking_id = 'AAAAAA'"),
    ),
    (
        "ticket for another seat",
        2,
        sql("backend", "UPDATE flight_ticket SET seat_number = '5A' WHERE booking_id = 'AAAAAA'"),
    ),
    ("completed and unpaid", 2, sql("payment", "DELETE FROM payment_payment WHERE correlation_id = 'good'")),
    (
        "paid another price",
        2,
        sql(
            "payment",
            "UPDATE payment_payment SET amount = 5001, flight_fare = 1 WHERE correlation_id = 'good'",
        ),
    ),
    ("completed, payment given back", 2, lambda suite: suite.payment("good", "CANCELLED")),
    (
        "miles against the rule",
        2,
        sql("loyalty", "UPDATE loyalty_ledger SET miles = 200 WHERE correlation_id = 'good'"),
    ),
    (
        "compensated with a live payment",
        3,
        sql("payment", "UPDATE payment_payment SET status = 'AUTHORIZED' WHERE correlation_id = 'cancelled'"),
    ),
    (
        "compensated with a held seat",
        3,
        sql("backend", "UPDATE flight_seat SET state = 'HELD' WHERE correlation_id = 'declined'"),
    ),
    (
        "compensated with miles",
        3,
        sql("loyalty", "DELETE FROM loyalty_ledger WHERE correlation_id = 'cancelled' AND kind = 'REVERSAL'"),
    ),
    (
        "compensated with a live booking",
        3,
        sql(
            "backend",
            "UPDATE flight_booking SET status = 'CONFIRMED', cancelled_at = NULL"
            " WHERE correlation_id = 'cancelled'",
        ),
    ),
    (
        "attempted step without a tombstone",
        3,
        sql("payment", "DELETE FROM guard_step_record WHERE correlation_id = 'unanswered'"),
    ),
    ("compensated, a step forgotten", 3, step_is("cancelled", 2, "DONE")),
    (
        "two owners of a seat",
        4,
        bare(
            "backend",
            "flight_seat",
            sql("backend", "UPDATE flight_seat SET seat_number = '4A' WHERE correlation_id = 'direct'"),
        ),
    ),
    ("more live seats than there are", 4, owner_of_a_full_cabin),
    ("balance is not the sum", 5, sql("loyalty", "UPDATE loyalty_account SET balance = balance + 1")),
    ("miles without an account", 5, sql("loyalty", "DELETE FROM loyalty_account")),
    ("two entries of a kind", 5, bare("payment", "payment_ledger", lambda suite: suite.entry("good"))),
    (
        "reversal of other miles",
        5,
        sql(
            "loyalty",
            "UPDATE loyalty_ledger SET miles = -5 WHERE correlation_id = 'cancelled' AND kind = 'REVERSAL'",
        ),
    ),
    ("reversal that forgets an adjustment", 5, lambda suite: suite.miles("direct", -MILES)),
    (
        "adjustment of more than was earned",
        5,
        sql("loyalty", "UPDATE loyalty_ledger SET miles = -200 WHERE correlation_id = 'direct-change'"),
    ),
    (
        "adjustment of another user's trip",
        5,
        sql("loyalty", "UPDATE loyalty_ledger SET user_id = 'eve' WHERE correlation_id = 'direct-change'"),
    ),
    ("adjustment of no trip", 5, lambda suite: suite.miles("late", 5, trip="declined")),
    ("adjustment without a record", 6, lambda suite: suite.miles("late", 5, trip="good")),
    (
        "adjustment recorded and not made",
        6,
        sql("loyalty", "DELETE FROM loyalty_ledger WHERE correlation_id = 'direct-change'"),
    ),
    (
        "money as a float",
        5,
        bare(
            "payment",
            "payment_ledger",
            sql("payment", "UPDATE payment_ledger SET amount = 249.5 WHERE correlation_id = 'good'"),
        ),
    ),
    (
        "amount is not fare and charges",
        5,
        bare(
            "payment",
            "payment_ledger",
            sql("payment", "UPDATE payment_ledger SET other_charges = 0 WHERE correlation_id = 'good'"),
        ),
    ),
    ("saga without a price", 5, data_of("good", "flight_fare", 0)),
    ("trip at another price than its flights", 5, data_of("return", "flights[1].fare", 1)),
    ("saga with less than no charges", 5, data_of("declined", "charges", -1)),
    ("saga's price as a float", 5, data_of("declined", "flight_fare", 199.5)),
    (
        "record left UNDONE",
        6,
        sql("payment", f"UPDATE guard_step_record SET state = 'DONE' {RECORD}", "cancelled"),
    ),
    (
        "record left REFUSED",
        6,
        sql("payment", f"UPDATE guard_step_record SET state = 'DONE' {RECORD}", "declined"),
    ),
    (
        "refused for a reason outside the list",
        6,
        sql(
            "payment",
            f"UPDATE guard_step_record SET answer = replace(answer, 'DECLINED', 'LATER') {RECORD}",
            "declined",
        ),
    ),
    ("refused, and charged all the same", 6, lambda suite: suite.payment("declined")),
    ("charged after the compensation", 6, lambda suite: suite.payment("unanswered")),
    ("charged without a record", 6, sql("payment", f"DELETE FROM guard_step_record {RECORD}", "good")),
    (
        "two different answers",
        6,
        sql(
            "payment",
            f"UPDATE guard_step_record SET answer = json_set(answer, '$.amount', 1) {RECORD}",
            "good",
        ),
    ),
    (
        "direct call lost its seats",
        6,
        sql("backend", "UPDATE flight_seat SET state = 'RELEASED' WHERE correlation_id = 'direct'"),
    ),
    ("steps in any order", 7, in_any_order),
    ("compensations forwards", 7, undone_forwards),
    ("compensation before COMPENSATING", 7, undone_too_early),
    ("call without an intent", 7, sent_without_intent),
    (
        "gap in the events",
        8,
        sql("backend", "DELETE FROM sagas_event WHERE correlation_id = 'good' AND sequence = 3"),
    ),
    ("event without a saga", 8, lambda suite: suite.event("nobody", 1, "STARTED")),
    (
        "event id used twice",
        8,
        bare(
            "backend",
            "sagas_event",
            sql(
                "backend",
                "UPDATE sagas_event SET event_id ="
                " (SELECT event_id FROM sagas_event WHERE correlation_id = 'good' AND sequence = 1)"
                " WHERE correlation_id = 'good' AND sequence = 2",
            ),
        ),
    ),
    ("change without an event", 8, step_is("declined", 2, "STARTED")),
    ("open saga that is never due", 9, owned_and_never_due),
    (
        "ended saga with an owner",
        9,
        sql("backend", "UPDATE sagas_saga SET owner = 'x' WHERE correlation_id = 'good'"),
    ),
    ("stuck saga asks for nobody", 9, stuck_in_silence),
    ("payment of nobody", 10, lambda suite: suite.payment("nobody")),
    ("seat held for ever by nobody", 10, lambda suite: suite.seat("nobody", "9A", "HELD")),
    ("booking of nobody", 10, lambda suite: suite.booking("nobody", "DDDDDD", "9A")),
    ("direct call of a saga", 10, lambda suite: suite.record("backend", "good", "ReserveSeat", "UNDONE")),
    ("saga row lost", 10, sql("backend", "DELETE FROM sagas_saga WHERE correlation_id = 'good'")),
    (
        "card number in a row",
        11,
        sql(
            "backend",
            "UPDATE flight_ticket SET last_name = '4111 1111 1111 1111' WHERE booking_id = 'AAAAAA'",
        ),
    ),
    (
        "cvv in an event",
        11,
        sql(
            "backend",
            "UPDATE sagas_event SET data = json_set(data, '$.cvv', '123')"
            " WHERE correlation_id = 'good' AND sequence = 1",
        ),
    ),
    (
        "card token in an event",
        11,
        sql(
            "backend",
            "UPDATE sagas_event SET data = json_set(data, '$.card', 'tok_ok')"
            " WHERE correlation_id = 'good' AND sequence = 1",
        ),
    ),
    (
        "card token after the payment",
        11,
        secrets_of("good", card_token="tok_ok"),
    ),
    ("any secret after the payment", 11, secrets_of("good", voucher="7351")),
    ("card token in another field", 11, voucher_is_a_card_token),
    (
        "seat withheld by an ended saga",
        12,
        sql("backend", "UPDATE flight_seat SET state = 'HELD' WHERE correlation_id = 'declined'"),
    ),
    (
        "changed trip keeps the old seat",
        12,
        sql("backend", "UPDATE flight_seat SET state = 'HELD' WHERE correlation_id = 'changes-changed'"),
    ),
    ("change holds old seats before the swap", 12, called_off_with_the_old_seat),
    (
        "booking does not name its change",
        12,
        sql("backend", "UPDATE flight_booking SET changed_by = '' WHERE correlation_id = 'changed'"),
    ),
    (
        "booking that is busy for ever",
        12,
        sql("backend", "UPDATE flight_booking SET busy_with = 'x' WHERE correlation_id = 'changed'"),
    ),
    (
        "difference that was not captured",
        12,
        sql(
            "payment",
            "UPDATE payment_payment SET status = 'AUTHORIZED', captured = 0"
            " WHERE correlation_id = 'changes-changed'",
        ),
    ),
    (
        "change whose mail was not sent",
        12,
        sql(
            "backend",
            "UPDATE flight_change_confirmation SET ended_at = NULL WHERE change = 'changes-changed'",
        ),
    ),
    ("miles of a change that were not promised", 12, miles_of_a_change(40)),
    ("changed trip with its old price", 2, amount_of("changed", "amount - 1050")),
    ("changed trip with its old seat", 2, seat_of_the_ticket("JJJJJJ", "6A")),
    ("changed trip with its old miles", 2, miles_of_a_change(0 + 1)),
    ("completed with seats on half of the trip", 12, released_on_the_return),
    ("running with seats on half of the trip", 12, half_a_trip),
    (
        "captured without an entry",
        12,
        lambda suite: suite.stands("good", "status = 'CAPTURED', captured = 1"),
    ),
    ("entry of a capture, payment only held", 12, lambda suite: suite.entry("good", "CAPTURED", amount=1)),
    (
        "refunded more than is captured",
        12,
        bare("payment", "payment_payment", lambda suite: suite.stands("settled", "refunded = 24951")),
    ),
    (
        "fee that is not kept",
        3,
        lambda suite: suite.payment("with-a-fee", "REFUNDED", amount=4_000, number=2),
    ),
    ("fee that is told otherwise than it is kept", 12, lambda suite: tell_kept(suite, "with-a-fee", 3_999)),
    (
        "fee that is lost in silence",
        12,
        sql("backend", "DELETE FROM security_audit WHERE correlation_id = 'expired'"),
    ),
    (
        "fee that nobody agreed to",
        3,
        sql(
            "backend",
            "UPDATE sagas_saga SET facts = json_remove(facts, "
            "'$.cancellation') WHERE correlation_id = 'with-a-fee'",
        ),
    ),
    (
        "booking without its settlement",
        12,
        sql("backend", "UPDATE sagas_saga SET name = 'other' WHERE correlation_id = 'settles-settled'"),
    ),
    (
        "settlement that its booking does not name",
        12,
        sql(
            "backend",
            "UPDATE sagas_saga SET facts ="
            " json_remove(facts, '$.ConfirmBooking.settlement') WHERE correlation_id = 'settled'",
        ),
    ),
    (
        "booking with two settlements",
        12,
        sql(
            "backend",
            "UPDATE sagas_saga SET data = json_set(data,"
            " '$.booking', 'settled') WHERE correlation_id = 'settles-renewed'",
        ),
    ),
    (
        "settled, and only held",
        12,
        lambda suite: suite.stands("settled", "status = 'AUTHORIZED', captured = 0"),
    ),
    (
        "settled, and no confirmation",
        12,
        sql("backend", "DELETE FROM flight_confirmation WHERE booking_id = 'EEEEEE'"),
    ),
    ("refused beside free seats", 12, lambda suite: refused_a_seat(suite, at=AT.format(50))),
]


@pytest.mark.parametrize(("number", "broken"), [one[1:] for one in BROKEN], ids=[one[0] for one in BROKEN])
def test_broken_suite_is_found(suite: Suite, number: int, broken: Break) -> None:
    broken(suite)
    assert number in suite.violations()


def test_every_invariant_has_a_broken_suite() -> None:
    assert {number for _, number, _ in BROKEN} == set(range(1, 13))


def test_saga_that_a_client_knows_and_the_log_does_not_is_found(suite: Suite) -> None:
    assert set(suite.violations(clients=["lost"])) == {1}


def test_orphan_is_found_without_direct_calls(suite: Suite) -> None:
    assert set(suite.violations(direct_calls=False)) == {10}


def test_card_number_in_a_log_is_found(suite: Suite, tmp_path: Path) -> None:
    log = tmp_path / "backend.log"
    log.write_text('{"event": "start", "body": "card 4111-1111-1111-1111"}\n')
    assert set(suite.violations(logs=[log])) == {11}


@pytest.mark.parametrize(
    ("number", "service", "statement"),
    [
        (1, "backend", "UPDATE sagas_saga SET status = 'COMPLETED' WHERE correlation_id = 'declined'"),
        (6, "payment", "UPDATE guard_step_record SET state = 'REFUSED' WHERE correlation_id = 'good'"),
        (8, "backend", "UPDATE sagas_saga SET last_sequence = 1 WHERE correlation_id = 'good'"),
        (9, "backend", "UPDATE sagas_saga SET epoch = 1 WHERE correlation_id = 'good'"),
    ],
)
def test_step_back_in_time_is_found(suite: Suite, number: int, service: str, statement: str) -> None:
    suite.run("backend", "UPDATE sagas_saga SET epoch = 2 WHERE correlation_id = 'good'")
    addresses = {name: str(suite.folder / f"{name}.sqlite3") for name in suite.databases}
    with Books(addresses, Told()) as books:
        before = json.loads(json.dumps(remember(books)))
    assert suite.violations(before=before) == {}
    assert suite.run(service, statement) == 1
    assert number in suite.violations(before=before)


@pytest.mark.parametrize(("caller", "broken"), [("backend", {10}), ("partner", set()), ("", set())])
def test_a_payment_of_the_orchestrator_without_a_saga_is_a_lost_booking(
    suite: Suite, caller: str, broken: set[int]
) -> None:
    """A backend restored to an earlier day: what payment holds for it was no direct call."""
    suite.record("payment", "lost", "AuthorizePayment", "DONE", caller=caller)
    suite.payment("lost")
    assert set(suite.violations()) == broken
