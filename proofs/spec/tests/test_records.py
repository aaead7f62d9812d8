"""A record of a saga is accepted if the specification can leave it, and refused otherwise."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from proofs.spec import records, tlc
from proofs.spec.records import Trace
from saga_checker.rows import Event, Record, Saga

needs_tlc = pytest.mark.skipif(bool(tlc.why_not()), reason=f"TLC cannot run: {tlc.why_not()}")
BOOKING = (
    ("ReserveSeat", "CancelSeat", "", "compensatable"),
    ("AuthorizePayment", "CancelPayment", "payment", "compensatable"),
    ("AwardMiles", "ReverseMiles", "loyalty", "compensatable"),
    ("ConfirmBooking", "CancelBooking", "", "pivot"),
)
SETTLEMENT = (("CapturePayment", "", "payment", "retriable"), ("SendConfirmation", "", "", "retriable"))
Told = tuple[str, str]


def saga(steps: Sequence[tuple[str, str, str, str]] = BOOKING) -> Saga:
    names = ("name", "compensation", "participant", "kind")
    stored = [dict(zip(names, step, strict=True)) | {"status": "PENDING"} for step in steps]
    return Saga(
        "s", "", "", "", "", 1, "", None, 0, 0, "", "", "{}", "{}", json.dumps(stored), "{}", "", "", None
    )


def events(told: Sequence[Told]) -> list[Event]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Event("s", number, str(number), kind, json.dumps({"step": step, "outcome": "REFUSED"}), at)
        for number, (kind, step) in enumerate(told, 1)
    ]


def ran(name: str) -> list[Told]:
    return [("SAGA_STEP_STARTED", name), ("SAGA_STEP_COMPLETED", name)]


def undone(name: str) -> list[Told]:
    return [("SAGA_COMPENSATION_STEP_STARTED", name), ("SAGA_COMPENSATION_STEP_COMPLETED", name)]


BOOKED: list[Told] = [
    ("SAGA_STARTED", ""),
    *ran("ReserveSeat"),
    ("SAGA_STEP_STARTED", "AuthorizePayment"),
    ("SAGA_STEP_UNKNOWN", "AuthorizePayment"),
    *ran("AuthorizePayment"),
    *ran("AwardMiles"),
    *ran("ConfirmBooking"),
    ("SAGA_COMPLETED", ""),
]
DECLINED: list[Told] = [
    ("SAGA_STARTED", ""),
    *ran("ReserveSeat"),
    ("SAGA_STEP_STARTED", "AuthorizePayment"),
    ("SAGA_STEP_FAILED", "AuthorizePayment"),
    ("SAGA_COMPENSATION_STARTED", ""),
    *undone("ReserveSeat"),
    ("SAGA_COMPENSATED", ""),
]
CANCELLED: list[Told] = [
    *BOOKED,
    ("SAGA_COMPENSATION_STARTED", ""),
    *undone("ConfirmBooking"),
    *undone("AwardMiles"),
    *undone("AuthorizePayment"),
    *undone("ReserveSeat"),
    ("SAGA_COMPENSATED", ""),
]
SETTLED: list[Told] = [
    ("SAGA_STARTED", ""),
    ("SAGA_STEP_STARTED", "CapturePayment"),
    ("SAGA_STEP_UNKNOWN", "CapturePayment"),
    *ran("CapturePayment"),
    ("SAGA_STEP_STARTED", "SendConfirmation"),
    ("SAGA_STEP_UNKNOWN", "SendConfirmation"),
    *ran("SendConfirmation"),
    ("SAGA_COMPLETED", ""),
]


def trace(
    told: Sequence[Told], steps: Sequence[tuple[str, str, str, str]] = BOOKING, left: tuple[str, ...] = ()
) -> Trace:
    one = saga(steps)
    rows = records.rows_of(one, events(told))
    return Trace("s", records.shape_of(one), rows, left or (records.ANY,) * len(steps))


def without(told: Sequence[Told], *missing: Told) -> list[Told]:
    return [each for each in told if each not in missing]


TAMPERED = {
    "a step is skipped": without(BOOKED, *ran("AwardMiles")),
    "an intent is missing": without(BOOKED, ("SAGA_STEP_STARTED", "AwardMiles")),
    "a compensation is missing": without(CANCELLED, *undone("AwardMiles")),
    "the order of compensations is another": [
        *BOOKED,
        ("SAGA_COMPENSATION_STARTED", ""),
        *undone("AwardMiles"),
        *undone("ConfirmBooking"),
        *undone("AuthorizePayment"),
        *undone("ReserveSeat"),
        ("SAGA_COMPENSATED", ""),
    ],
    "it goes on after a refusal": [
        *DECLINED[:4],
        *ran("AwardMiles"),
    ],
    "it ends twice": [*CANCELLED, ("SAGA_COMPLETED", "")],
    "it is undone before that is decided": without(DECLINED, ("SAGA_COMPENSATION_STARTED", "")),
}


LEFT_WRONG = {
    "a payment is still held": (CANCELLED, ("NONE", "DONE", "UNDONE", "NONE")),
    "an answer was not kept": (BOOKED, ("NONE", "DONE", "NONE", "NONE")),
    "a refusal was not kept": (DECLINED, ("NONE", "NONE", "NONE", "NONE")),
}


def test_the_shape_is_of_the_rows_own_steps() -> None:
    shape = records.shape_of(saga())
    assert (shape.last, shape.local, shape.pivot) == (4, frozenset({1, 4}), 4)
    assert records.shape_of(saga(SETTLEMENT)).pivot == 0


def test_a_record_has_one_row_for_each_commit_that_changes_it() -> None:
    pending, done = ("PENDING",) * 3, ("DONE",) * 4
    rows = trace(BOOKED).rows
    assert rows[:2] == (("RUNNING", ("PENDING", *pending)), ("RUNNING", ("DONE", *pending)))
    assert rows[-1] == ("COMPLETED", done)


def test_a_sample_has_each_course_once_and_the_rare_ones_first() -> None:
    chosen = records.sample([trace(BOOKED), trace(BOOKED), trace(DECLINED)], size=9, seed=1)
    assert [each.rows for each in chosen] == [trace(DECLINED).rows, trace(BOOKED).rows]


@needs_tlc
def test_what_the_protocol_can_leave_is_accepted() -> None:
    whole = [
        trace(BOOKED, left=("NONE", "DONE", "DONE", "NONE")),
        trace(DECLINED, left=("NONE", "REFUSED", "NONE", "NONE")),
        trace(CANCELLED, left=("NONE", "UNDONE", "UNDONE", "NONE")),
        trace(SETTLED, SETTLEMENT, left=("DONE", "NONE")),
    ]
    assert not records.refused(whole)


@needs_tlc
def test_each_tampered_record_is_refused() -> None:
    tampered = [replace(trace(told), correlation_id=name) for name, told in TAMPERED.items()]
    tampered += [
        replace(trace(told, left=left), correlation_id=name) for name, (told, left) in LEFT_WRONG.items()
    ]
    assert {each.correlation_id for each in records.refused(tampered)} == TAMPERED.keys() | LEFT_WRONG.keys()


def test_what_a_participant_recorded_binds_a_saga_that_has_ended() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    known = {("s", "AuthorizePayment"): Record("s", "AuthorizePayment", "UNDONE", "", "", "", at, at, "")}
    assert records.left_of(replace(saga(), status="COMPENSATED"), known) == ("NONE", "UNDONE", "NONE", "NONE")
    assert records.left_of(replace(saga(), status="COMPENSATING"), known) == (records.ANY,) * 4
