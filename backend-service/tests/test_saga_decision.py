"""decide_next and classify are pure: their tables, row by row."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django_sagas.clock import iso
from django_sagas.decision import Compensate, Decision, Finish, GiveUp, Run, Undo, WaitUntil, decide_next
from django_sagas.http import Reply
from django_sagas.outcomes import (
    AlreadyCompensated,
    ContractError,
    Done,
    Refused,
    Unknown,
    classify,
)
from django_sagas.state import SagaState, SagaStatus, StepStatus

from flight.saga_orchestrator_complete import STEPS, BookTrip

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
RESERVE, AUTHORIZE, AWARD, CONFIRM = STEPS
REFUSALS = frozenset().union(*(step.refusals for step in BookTrip.steps))
LETTERS = {
    ".": StepStatus.PENDING,
    "s": StepStatus.STARTED,
    "D": StepStatus.DONE,
    "R": StepStatus.REFUSED,
    "?": StepStatus.UNKNOWN,
    "u": StepStatus.UNDOING,
    "U": StepStatus.UNDONE,
    "H": StepStatus.RESOLVED,
}


def saga(status: str, steps: str, **changes: Any) -> SagaState:
    """A saga whose four steps stand as the letters say."""
    made = SagaState(
        correlation_id="cid-1",
        name=BookTrip.name,
        version=1,
        status=SagaStatus(status),
        subject="1",
        data={},
        steps=BookTrip.first_steps({}),
        created_at=NOW,
    )
    for step, letter in zip(STEPS, steps, strict=True):
        made.change_step(step.name, status=LETTERS[letter])
    return replace(made, **changes)


def decided(made: SagaState, *, now: datetime = NOW, jitter: float = 1.0) -> Decision:
    return decide_next(made, now=now, jitter=jitter)


@pytest.mark.parametrize(
    ("steps", "decision"),
    [
        ("....", Run(RESERVE)),
        ("D...", Run(AUTHORIZE)),
        ("Ds..", Run(AUTHORIZE)),  # The owner died with an intent and no outcome: the same call again.
        ("D?..", Run(AUTHORIZE)),
        ("DD..", Run(AWARD)),
        ("DDs.", Run(AWARD)),
        ("DDD.", Run(CONFIRM)),
        ("DDDD", Finish(SagaStatus.COMPLETED)),
    ],
)
@pytest.mark.parametrize("status", ["PENDING", "RUNNING"])
def test_going_forward_the_first_step_that_is_not_done_is_run(
    status: str, steps: str, decision: Decision
) -> None:
    assert decided(saga(status, steps)) == decision


@pytest.mark.parametrize(
    ("steps", "failed", "decision"),
    [
        ("R...", RESERVE, Finish(SagaStatus.COMPENSATED)),  # Nothing to undo: one commit.
        ("DR..", AUTHORIZE, Compensate()),
        ("DDR.", AWARD, Compensate()),
        ("DDDR", CONFIRM, Compensate()),
        ("D?..", AUTHORIZE, Compensate()),  # Given up or a contract error: undone with this step.
        ("?...", RESERVE, Compensate()),
    ],
)
def test_a_failed_step_turns_the_saga_back(steps: str, failed: Any, decision: Decision) -> None:
    assert decided(saga("RUNNING", steps, failed_step=failed.name)) == decision


@pytest.mark.parametrize(
    ("steps", "decision"),
    [
        ("DDDD", Undo(CONFIRM)),  # The cancellation of a complete booking.
        ("DDDR", Undo(AWARD)),
        ("DDDu", Undo(CONFIRM)),
        ("DDDU", Undo(AWARD)),
        ("DDU.", Undo(AUTHORIZE)),
        ("DDs.", Undo(AWARD)),
        ("DD?.", Undo(AWARD)),
        ("DDR.", Undo(AUTHORIZE)),
        ("DDH.", Undo(AUTHORIZE)),  # Settled by hand: the next one.
        ("Du..", Undo(AUTHORIZE)),
        ("DU..", Undo(RESERVE)),
        ("s...", Undo(RESERVE)),
        ("UU..", Finish(SagaStatus.COMPENSATED)),
        ("UHUR", Finish(SagaStatus.COMPENSATED)),
        ("R...", Finish(SagaStatus.COMPENSATED)),
        ("....", Finish(SagaStatus.COMPENSATED)),  # Cancelled before anything began.
    ],
)
def test_going_back_the_newest_step_that_may_have_happened_is_undone(steps: str, decision: Decision) -> None:
    assert decided(saga("COMPENSATING", steps)) == decision


@pytest.mark.parametrize("status", [SagaStatus.COMPLETED, SagaStatus.COMPENSATED])
@pytest.mark.parametrize("steps", ["DDDD", "UURR", "DD?."])
def test_a_terminal_saga_stays_as_it_is(status: SagaStatus, steps: str) -> None:
    assert decided(saga(status, steps, failed_step="AwardMiles")) == Finish(status)


def unknown(*, began: float, attempts: int = 1, tried: bool = True, retry_after: float = 0.0) -> SagaState:
    """AuthorizePayment is unknown and was tried first so many seconds ago."""
    made = saga("RUNNING", "D?..", tried=tried, retry_after=retry_after)
    made.change_step(AUTHORIZE.name, attempts=attempts, started_at=iso(NOW - timedelta(seconds=began)))
    return made


@pytest.mark.parametrize(
    ("began", "tried", "decision"),
    [
        (0.0, False, Run(AUTHORIZE)),
        (0.0, True, WaitUntil(NOW + timedelta(seconds=0.2))),
        (59.9, True, WaitUntil(NOW + timedelta(seconds=0.2))),
        (60.0, True, GiveUp(AUTHORIZE)),
        (86400.0, True, GiveUp(AUTHORIZE)),
        (86400.0, False, Run(AUTHORIZE)),  # This owner tries once before it gives up.
    ],
)
def test_an_unknown_step_is_repeated_until_its_deadline(
    began: float, tried: bool, decision: Decision
) -> None:
    assert decided(unknown(began=began, tried=tried)) == decision


@pytest.mark.parametrize(
    ("attempts", "jitter", "seconds"),
    [
        *((1, 1.0, 0.2), (2, 1.0, 0.4), (3, 1.0, 0.8), (5, 1.0, 3.2), (6, 1.0, 5.0), (1000, 1.0, 5.0)),
        *((1, 0.0, 0.0), (6, 0.0, 0.0), (6, 0.5, 2.5)),
    ],
)
def test_the_pause_forward_doubles_to_five_seconds_with_full_jitter(
    attempts: int, jitter: float, seconds: float
) -> None:
    waits = decided(unknown(began=1, attempts=attempts), jitter=jitter)
    assert waits == WaitUntil(NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(("asked", "seconds"), [(1.0, 1.0), (20.0, 20.0), (3600.0, 20.0), (0.0, 0.2)])
def test_retry_after_is_obeyed_up_to_twenty_seconds(asked: float, seconds: float) -> None:
    assert decided(unknown(began=1, retry_after=asked)) == WaitUntil(NOW + timedelta(seconds=seconds))


def undoing(attempts: int, *, tried: bool = True, retry_after: float = 0.0) -> SagaState:
    made = saga("COMPENSATING", "DuR.", tried=tried, retry_after=retry_after)
    made.change_step(AUTHORIZE.name, undo_attempts=attempts, undo_started_at=iso(NOW - timedelta(days=365)))
    return made


@pytest.mark.parametrize(
    ("attempts", "jitter", "seconds"),
    [
        *((1, 1.0, 0.5), (2, 1.0, 1.0), (3, 1.0, 2.0), (6, 1.0, 16.0), (7, 1.0, 20.0), (9999, 1.0, 20.0)),
        *((7, 0.0, 0.0), (7, 0.25, 5.0)),
    ],
)
def test_a_compensation_is_repeated_for_ever_with_pauses_up_to_twenty_seconds(
    attempts: int, jitter: float, seconds: float
) -> None:
    waits = decided(undoing(attempts), jitter=jitter)
    assert waits == WaitUntil(NOW + timedelta(seconds=seconds))


def test_a_compensation_obeys_retry_after_too() -> None:
    assert decided(undoing(1, retry_after=7.0)) == WaitUntil(NOW + timedelta(seconds=7))


def test_a_new_owner_undoes_at_once() -> None:
    assert decided(undoing(50, tried=False)) == Undo(AUTHORIZE)


def test_the_figures_are_settings(settings: LazySettings) -> None:
    settings.SAGA_FORWARD_DEADLINE, settings.SAGA_FORWARD_BACKOFF = 5.0, (1.0, 2.0)
    settings.SAGA_MAX_RETRY_AFTER = 3.0
    assert decided(unknown(began=5)) == GiveUp(AUTHORIZE)
    assert decided(unknown(began=4, attempts=3)) == WaitUntil(NOW + timedelta(seconds=2))
    assert decided(unknown(began=4, retry_after=9)) == WaitUntil(NOW + timedelta(seconds=3))


def test_deciding_changes_nothing() -> None:
    made = unknown(began=99)
    before = repr(made)
    decided(made)
    assert repr(made) == before


# What an answer means


OURS = {"correlation_id": "cid-1"}


def answer(status: int, body: Any, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return classify(Reply(status, raw, named), "cid-1", name="AuthorizePayment", refusals=REFUSALS)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("body", [b"", {**OURS, "code": "NOT_AUTHENTICATED"}])
def test_a_refused_credential_is_a_configuration_error_and_unknown(status: int, body: Any) -> None:
    assert answer(status, body) == Unknown(f"the participant answered {status}", configuration=True)


@pytest.mark.parametrize(
    "status", [100, 102, 301, 302, 304, 307, 408, 425, 429, 500, 502, 503, 504, 599, 600]
)
@pytest.mark.parametrize("body", [b"", {**OURS, "success": True}, {**OURS, "success": False}])
def test_a_status_that_cannot_say_is_unknown_whatever_the_body(status: int, body: Any) -> None:
    assert answer(status, body) == Unknown(f"the participant answered {status}")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"\xff\xfe",
        b"{",
        b"[" * 100_000,
        b'{"success": true}',
        b'{"success": true, "correlation_id": "another"}',
        b'{"success": true, "correlation_id": null}',
        b'{"success": true, "correlation_id": ["cid-1"]}',
        b'{"success": true, "correlation_id": "cid-1", "amount": ' + b"9" * 5000 + b"}",
        b'{"success": false, "correlation_id": "cid-1", "error_code": "NO", "error": "a\\u0000b"}',
        b'{"success": true, "correlation_id": "cid-1", "facts": [{"name": "\\ud800"}]}',
        b'{"success": true, "correlation_id": "cid-1", "\\udfff": 1}',
        # Read in two ways: by the first value, and by the last.
        b'{"success": false, "correlation_id": "cid-1", "error_code": "PAYMENT_DECLINED", "success": true}',
        b'{"success": true, "correlation_id": "another", "correlation_id": "cid-1"}',
        b'{"success": true, "correlation_id": "cid-1", "flight": {"id": 1, "id": 2}}',
        b'{"success": true, "correlation_id": "cid-1", "amount": NaN}',
        # Nothing can write it again, or only in a million digits.
        b'{"success": true, "correlation_id": "cid-1", "miles": 9223372036854775808}',
        b'{"success": true, "correlation_id": "cid-1", "amount": 1E+999999}',
    ],
)
@pytest.mark.parametrize("status", [200, 400, 404, 409, 413, 415, 422])
def test_a_body_that_is_not_ours_is_unknown(status: int, body: bytes) -> None:
    assert answer(status, body) == Unknown(f"the answer ({status}) is not the participant's")


def test_text_that_is_written_with_escapes_is_ours() -> None:
    body = rb'{"success": true, "correlation_id": "cid-1", "name": "Zo\u00eb \ud83d\ude00 \\u0000"}'
    assert answer(200, body) == Done({**OURS, "success": True, "name": "Zo\u00eb \U0001f600 \\u0000"})


@pytest.mark.parametrize("status", [200, 409, 422])
def test_the_answer_to_another_call_of_the_same_saga_is_unknown(status: int) -> None:
    given = {**OURS, "success": True, "code": "ALREADY_COMPENSATED"}
    assert answer(status, given, X_Saga_Step="CancelPayment") == Unknown(
        f"the answer ({status}) is the one to CancelPayment"
    )
    named, unnamed = answer(status, given, X_Saga_Step="AuthorizePayment"), answer(status, given)
    assert named == unnamed and not isinstance(named, Unknown)


def test_success_is_done_with_its_body() -> None:
    assert answer(200, {**OURS, "success": True, "amount": 1}) == Done({**OURS, "success": True, "amount": 1})


def test_money_in_an_answer_is_decimal() -> None:
    (amount,) = [answer(200, b'{"correlation_id":"cid-1","success":true,"amount":250.10}').body["amount"]]
    assert str(amount) == "250.10"


@pytest.mark.parametrize("success", [None, 1, "true", 0])
def test_an_answer_without_a_plain_success_is_unknown(success: Any) -> None:
    assert isinstance(answer(200, {**OURS, "success": success}), Unknown)


@pytest.mark.parametrize("status", [201, 202, 204, 206, 299])
def test_a_success_status_that_the_contract_does_not_know_is_unknown(status: int) -> None:
    assert isinstance(answer(status, {**OURS, "success": True}), Unknown)


@pytest.mark.parametrize("code", sorted(REFUSALS))
def test_a_listed_refusal_is_refused(code: str) -> None:
    body = {**OURS, "success": False, "error": "No.", "error_code": code}
    assert answer(200, body) == Refused(code, "No.")


def test_the_list_of_refusals_is_the_closed_one() -> None:
    listed = """SEAT_UNAVAILABLE FLIGHT_NOT_FOUND FLIGHT_CLOSED PRICE_CHANGED PAYMENT_DECLINED
        ACCOUNT_CLOSED SEAT_NOT_HELD LIMIT_EXCEEDED SIMULATED_FAILURE"""
    assert set(listed.split()) == REFUSALS


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"success": False, "error": "No.", "error_code": "MOON"}, ContractError("MOON", "No.")),
        ({"success": False}, ContractError("NO_CODE", "refused with a code outside the contract")),
    ],
)
def test_a_foreign_refusal_is_a_contract_error(body: dict[str, Any], error: ContractError) -> None:
    assert answer(200, {**OURS, **body}) == error


def test_a_step_after_its_compensation_was_compensated_by_somebody() -> None:
    assert answer(409, {**OURS, "code": "ALREADY_COMPENSATED", "detail": "Before."}) == AlreadyCompensated()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"code": "INVALID", "detail": "Bad."}, ContractError("INVALID", "Bad.")),
        (404, {"code": "NOT_FOUND", "detail": "?"}, ContractError("NOT_FOUND", "?")),
        (409, {"code": "ORDER_VIOLATION", "detail": "!"}, ContractError("ORDER_VIOLATION", "!")),
        (413, {"code": "BODY_TOO_LARGE"}, ContractError("BODY_TOO_LARGE", "the participant answered 413")),
        (422, {"code": "DIFFERENT_REQUEST", "detail": "."}, ContractError("DIFFERENT_REQUEST", ".")),
        (418, {}, ContractError("HTTP_418", "the participant answered 418")),
        # Only a 409 says that it was compensated.
        (
            400,
            {"code": "ALREADY_COMPENSATED"},
            ContractError("ALREADY_COMPENSATED", "the participant answered 400"),
        ),
    ],
)
def test_another_problem_of_ours_is_a_contract_error(
    status: int, body: dict[str, Any], error: ContractError
) -> None:
    assert answer(status, {**OURS, **body}) == error


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0", 0.0), ("", 0.0), ("-1", 0.0), ("1.5", 0.0), ("soon", 0.0), ("9" * 9, 0.0), ("٣", 0.0)],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_as_seconds_and_otherwise_left_alone(
    status: int, header: str, seconds: float
) -> None:
    assert answer(status, b"", Retry_After=header) == Unknown(
        f"the participant answered {status}", retry_after=seconds
    )


@pytest.mark.parametrize(("code", "seconds"), [("UNKNOWN", 5), ("AUTHORIZATION_EXPIRED", 60)])
def test_step_that_its_participant_forbids_is_asked_for_more_rarely(code: str, seconds: int) -> None:
    made = saga("RUNNING", "D?..", tried=True)
    made.change_step(AUTHORIZE.name, attempts=20, error_code=code)
    assert decided(made) == WaitUntil(NOW + timedelta(seconds=seconds))
    made.change_step(AUTHORIZE.name, attempts=1)
    assert decided(made) == WaitUntil(NOW + timedelta(seconds=0.2))
