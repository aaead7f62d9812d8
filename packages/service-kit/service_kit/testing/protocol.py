"""The participant record's table of states, as tests for any pair of an action and its compensation, and for
a retriable step that has none."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django_sagas.clock import utc_now
from django_sagas.database import db_time, execute, write_transaction
from django_sagas.guard import barrier
from django_sagas.guard.models import RecordState
from pytest_django import Settings

from service_kit.testing.calls import (
    another_thread_in,
    at_once,
    busy_database,
    envelope,
    impatient,
    post,
    snapshot,
)

CALLERS = 8
CROWDS = 4
ROUNDS = 5


def _nothing(correlation_id: str) -> None:
    """Most actions have no predecessor."""


@dataclass(frozen=True)
class Pair:
    """Two endpoints under test, and what they are to do to the service's own tables."""

    step: str
    action: str
    compensation: str
    "Empty for a retriable step."
    booking: dict[str, Any]
    same: dict[str, Any]
    "The same booking written otherwise: it must have the same fingerprint."
    other: dict[str, Any]
    "A booking that the action would take, with another fingerprint."
    refused: dict[str, Any]
    "A booking that a business rule refuses, with this code:"
    refusal: str
    worth: int
    "What `live` counts after the action: cents, miles or seats."
    live: Callable[[str], int]
    before: Callable[[str], Any] = _nothing
    tries: frozenset[str] = frozenset()
    "Tables of what was tried, which also calls without an effect write."

    @property
    def urls(self) -> tuple[str, ...]:
        return (self.action, self.compensation) if self.compensation else (self.action,)

    def act(self, cid: str, booking: dict[str, Any] | None = None, **more: Any) -> Any:
        return post(self.action, envelope(cid, booking or self.booking, **more))

    def undo(self, cid: str, **more: Any) -> Any:
        return post(self.compensation, envelope(cid, **more))

    def effects(self) -> dict[str, list[str]]:
        """Every row, without those of mere tries."""
        return {table: rows for table, rows in snapshot().items() if table not in self.tries}

    def state(self, cid: str) -> str | None:
        record = barrier.read(correlation_id=cid, step=self.step)
        return record.state if record else None


class TwinDiedError(Exception):
    pass


@contextmanager
def first_half(cid: str, step: str) -> Iterator[None]:
    """A concurrent twin of the call has written its record and then dies."""
    with suppress(TwinDiedError), write_transaction():
        at = db_time(utc_now())
        execute(barrier.INSERT, (cid, step, RecordState.DONE, "", "", "", at, at, ""))
        yield
        raise TwinDiedError


def assert_problem(answer: Any, status: int, code: str, cid: str | None = None) -> None:
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body.get("correlation_id") == cid


def assert_done(answer: Any, cid: str) -> dict[str, Any]:
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json"), answer.content
    body: dict[str, Any] = answer.json()
    assert (body["success"], body["correlation_id"], answer["X-Correlation-ID"]) == (True, cid, cid)
    return body


def assert_refused(answer: Any, cid: str, code: str) -> None:
    body = answer.json()
    assert (answer.status_code, body["success"], body["error_code"]) == (200, False, code)
    assert (body["correlation_id"], answer["X-Correlation-ID"]) == (cid, cid)
    assert body["error"].endswith(".")


def assert_replay_of(answer: Any, first: Any) -> None:
    assert (answer.status_code, answer.content) == (first.status_code, first.content)
    assert answer["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first


@pytest.mark.django_db(transaction=True)
class ActionProtocol:
    """What holds for every action, with a compensation or without."""

    @pytest.fixture(autouse=True)
    def demo_mode(self, settings: Settings) -> None:
        settings.DEMO_MODE = True

    @pytest.fixture
    def cid(self, pair: Pair) -> str:
        cid = str(uuid4())
        pair.before(cid)
        return cid

    def test_action_takes_effect_once_and_repeats_get_its_answer_word_for_word(
        self, pair: Pair, cid: str
    ) -> None:
        first = pair.act(cid)
        assert_done(first, cid)
        assert (pair.state(cid), pair.live(cid)) == ("DONE", pair.worth)
        after = snapshot()
        assert_replay_of(pair.act(cid), first)
        assert_replay_of(pair.act(cid, pair.same), first)
        assert snapshot() == after

    def test_what_is_not_used_is_outside_the_fingerprint(self, pair: Pair, cid: str) -> None:
        first = pair.act(cid, step_number=1)
        after = snapshot()
        booking = {**pair.booking, "unknown": {"price": 1}}
        repeat = pair.act(cid, booking, step_number=2, simulate_failure=True, surprise=[1])
        assert_replay_of(repeat, first)
        assert "surprise" not in repr(after) and snapshot() == after

    def test_other_request_under_the_same_id_is_422_and_changes_nothing(self, pair: Pair, cid: str) -> None:
        pair.act(cid)
        after = snapshot()
        assert_problem(pair.act(cid, pair.other), 422, "DIFFERENT_REQUEST", cid)
        assert snapshot() == after

    def test_refusal_changes_nothing_and_is_sticky(self, pair: Pair, cid: str) -> None:
        before = pair.effects()
        first = pair.act(cid, pair.refused)
        assert_refused(first, cid, pair.refusal)
        assert (pair.state(cid), pair.live(cid)) == ("REFUSED", 0)
        after = pair.effects()
        assert {**after, "guard_step_record": before["guard_step_record"]} == before
        assert_replay_of(pair.act(cid, pair.refused), first)
        assert_problem(pair.act(cid, pair.booking), 422, "DIFFERENT_REQUEST", cid)
        assert pair.effects() == after

    def test_same_action_many_times_at_once_has_one_effect_and_one_answer(self, pair: Pair) -> None:
        """Repeated: one crowd does not always catch a check before the write."""
        for _ in range(CROWDS):
            cid = str(uuid4())
            pair.before(cid)
            answers = at_once(*[partial(pair.act, cid)] * CALLERS)
            assert {answer.status_code for answer in answers} == {200}
            assert len({answer.content for answer in answers}) == 1
            assert sum("Idempotent-Replayed" not in answer for answer in answers) == 1
            assert (pair.state(cid), pair.live(cid)) == ("DONE", pair.worth)

    def test_twin_still_in_its_transaction_is_503_and_safe_to_repeat(
        self, pair: Pair, cid: str, settings: Settings
    ) -> None:
        settings.DATABASE_BUSY_SECONDS = 0.2
        pair.before(cid)
        before = pair.effects()
        with another_thread_in(partial(first_half, cid, pair.step)), impatient():
            answer = pair.act(cid)
        assert_problem(answer, 503, "DATABASE_BUSY", cid)
        assert pair.effects() == before
        assert_done(pair.act(cid), cid)
        assert pair.live(cid) == pair.worth


class StepProtocol(ActionProtocol):
    """Subclass it in each service with a `pair` fixture."""

    def test_compensation_undoes_once_and_repeats_get_its_answer_word_for_word(
        self, pair: Pair, cid: str
    ) -> None:
        pair.act(cid)
        first = pair.undo(cid)
        assert_done(first, cid)
        assert (pair.state(cid), pair.live(cid)) == ("UNDONE", 0)
        after = snapshot()
        assert_replay_of(pair.undo(cid), first)
        assert_replay_of(pair.undo(cid, booking_data=pair.other, step_number=9), first)
        assert snapshot() == after

    def test_action_after_its_compensation_is_409_and_changes_nothing(self, pair: Pair, cid: str) -> None:
        pair.act(cid)
        pair.undo(cid)
        after = snapshot()
        assert_problem(pair.act(cid), 409, "ALREADY_COMPENSATED", cid)
        assert_problem(pair.act(cid, pair.other), 409, "ALREADY_COMPENSATED", cid)
        assert_problem(pair.act(cid, simulate_failure=True), 409, "ALREADY_COMPENSATED", cid)
        assert snapshot() == after

    def test_compensation_of_what_never_came_leaves_only_a_tombstone(self, pair: Pair, cid: str) -> None:
        before = pair.effects()
        first = pair.undo(cid)
        assert assert_done(first, cid)["message"]
        assert (pair.state(cid), pair.live(cid)) == ("UNDONE", 0)
        after = pair.effects()
        assert {**after, "guard_step_record": before["guard_step_record"]} == before
        assert_replay_of(pair.undo(cid), first)
        assert_problem(pair.act(cid), 409, "ALREADY_COMPENSATED", cid)
        assert pair.effects() == after

    def test_simulated_failure_of_an_action_is_sticky(self, pair: Pair, cid: str) -> None:
        first = pair.act(cid, simulate_failure=True)
        assert_refused(first, cid, "SIMULATED_FAILURE")
        after = snapshot()
        assert_replay_of(pair.act(cid), first)
        assert (pair.state(cid), pair.live(cid)) == ("REFUSED", 0)
        assert snapshot() == after

    def test_compensation_of_a_refused_action_succeeds_and_keeps_the_refusal(
        self, pair: Pair, cid: str
    ) -> None:
        refused = pair.act(cid, pair.refused)
        after = snapshot()
        undone = pair.undo(cid)
        assert assert_done(undone, cid)["message"]
        assert pair.undo(cid).content == undone.content
        assert_replay_of(pair.act(cid, pair.refused), refused)
        assert snapshot() == after

    def test_simulated_failure_of_a_compensation_is_not_stored(self, pair: Pair, cid: str) -> None:
        pair.act(cid)
        after = snapshot()
        assert_refused(pair.undo(cid, simulate_failure=True), cid, "SIMULATED_FAILURE")
        assert snapshot() == after
        assert_done(pair.undo(cid), cid)
        assert (pair.state(cid), pair.live(cid)) == ("UNDONE", 0)

    def test_simulated_failure_of_a_compensation_leaves_no_tombstone(self, pair: Pair, cid: str) -> None:
        assert_refused(pair.undo(cid, simulate_failure=True), cid, "SIMULATED_FAILURE")
        assert pair.state(cid) is None
        assert_done(pair.act(cid), cid)
        assert pair.live(cid) == pair.worth

    def test_same_compensation_many_times_at_once_undoes_once(self, pair: Pair, cid: str) -> None:
        pair.act(cid)
        answers = at_once(*[lambda: pair.undo(cid)] * CALLERS)
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        assert (pair.state(cid), pair.live(cid)) == ("UNDONE", 0)

    def test_action_racing_its_compensation_is_never_live_afterwards(self, pair: Pair) -> None:
        for _ in range(ROUNDS):
            cid = str(uuid4())
            pair.before(cid)
            act, undo = partial(pair.act, cid), partial(pair.undo, cid)
            acted, undone, again = at_once(act, undo, act)
            assert {acted.status_code, again.status_code} <= {200, 409}
            assert_done(undone, cid)
            assert (pair.state(cid), pair.live(cid)) == ("UNDONE", 0)

    @pytest.mark.parametrize("state", ["absent", "done", "undone", "refused"])
    def test_busy_database_is_503_soon_and_nothing_is_stored(
        self, pair: Pair, cid: str, state: str, settings: Settings
    ) -> None:
        earlier: dict[str, Callable[[], Any]] = {
            "absent": lambda: None,
            "done": lambda: pair.act(cid),
            "undone": lambda: pair.undo(cid),
            "refused": lambda: pair.act(cid, pair.refused),
        }
        earlier[state]()
        before = snapshot()
        with busy_database():
            began = time.monotonic()
            answers = [pair.act(cid), pair.undo(cid)]
            # Less than two calls that wait as long as usual.
            assert time.monotonic() - began < 2 * settings.DATABASE_BUSY_SECONDS
        for answer in answers:
            assert_problem(answer, 503, "DATABASE_BUSY", cid)
            assert int(answer["Retry-After"]) >= 1
        assert snapshot() == before
        assert_done(pair.undo(cid), cid)
        assert pair.live(cid) == 0


class RetriableProtocol(ActionProtocol):
    """Of a step without a compensation. Subclass it with a `pair` fixture."""

    def test_simulated_failure_is_not_stored(self, pair: Pair, cid: str) -> None:
        before = snapshot()
        assert_refused(pair.act(cid, simulate_failure=True), cid, "SIMULATED_FAILURE")
        assert snapshot() == before
        assert_done(pair.act(cid), cid)
        assert (pair.state(cid), pair.live(cid)) == ("DONE", pair.worth)

    def test_busy_database_is_503_and_nothing_is_stored(self, pair: Pair, cid: str) -> None:
        before = snapshot()
        with busy_database():
            answer = pair.act(cid)
        assert_problem(answer, 503, "DATABASE_BUSY", cid)
        assert snapshot() == before
        assert_done(pair.act(cid), cid)
