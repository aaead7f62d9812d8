"""The barrier itself, without HTTP."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError
from django_sagas import json_text
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Answer, Done
from django_sagas.guard.models import Fault, StepRecord
from django_sagas.outcomes import Refused
from django_sagas.problems import Problem

from tests.shop.models import Entry

NOW = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = datetime(2031, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db(transaction=True)


def snapshot() -> list[Any]:
    """Every record and every entry."""
    return [list(StepRecord.objects.values_list()), list(Entry.objects.values_list())]


def add(amount: int = 1) -> Done:
    Entry.objects.create(correlation_id="test-1", amount=amount)
    return Done({"amount": amount})


def perform(effect: Any = add, *, used: Mapping[str, Any] | None = None, now: datetime = NOW) -> Answer:
    used = {"amount": 1} if used is None else used
    return barrier.perform(correlation_id="test-1", step="Add", used=used, effect=effect, now=now)


def compensate(undo: Any = lambda answer: {"removed": answer["amount"]}, *, now: datetime = NOW) -> Answer:
    nothing = {"message": "Nothing."}
    return barrier.compensate(correlation_id="test-1", step="Add", undo=undo, nothing=nothing, now=now)


def explode(*_: Any) -> Any:
    add()
    raise ValueError("in the middle")


def test_effect_that_raises_leaves_no_record_and_can_be_tried_again() -> None:
    before = snapshot()
    with pytest.raises(ValueError, match="in the middle"):
        perform(explode)
    assert snapshot() == before
    assert perform() == Answer('{"success":true,"correlation_id":"test-1","amount":1}')


def test_effect_that_breaks_a_constraint_leaves_no_record() -> None:
    def twice() -> Done:
        Entry.objects.create(id=1, correlation_id="a", amount=1)
        Entry.objects.create(id=1, correlation_id="b", amount=1)
        return Done({})

    before = snapshot()
    with pytest.raises(IntegrityError):
        perform(twice)
    assert snapshot() == before


def test_undo_that_raises_leaves_the_action_done_and_can_be_tried_again() -> None:
    perform()
    before = snapshot()
    with pytest.raises(ValueError, match="in the middle"):
        compensate(explode)
    assert snapshot() == before
    assert compensate() == Answer('{"success":true,"correlation_id":"test-1","removed":1}')


def test_effect_runs_once_and_undo_runs_once() -> None:
    calls: list[str] = []

    def effect() -> Done:
        calls.append("effect")
        return add()

    def undo(answer: Mapping[str, Any]) -> Mapping[str, Any]:
        calls.append("undo")
        return {}

    for _ in range(3):
        perform(effect)
    for _ in range(3):
        compensate(undo)
    assert calls == ["effect", "undo"]


def test_undo_gets_the_actions_answer() -> None:
    perform()
    body = compensate(lambda answer: {"given": answer}).body
    given = {"success": True, "correlation_id": "test-1", "amount": 1}
    assert json_text.load_stored(body)["given"] == given


def test_same_id_at_another_step_is_another_record() -> None:
    perform()
    barrier.perform(correlation_id="test-1", step="Other", used={}, effect=lambda: Done({}), now=NOW)
    assert StepRecord.objects.count() == 2


def test_record_keeps_its_times_and_answers() -> None:
    perform()
    compensate(now=LATER)
    record = StepRecord.objects.get()
    assert (record.created_at, record.changed_at) == (NOW, LATER)
    assert (record.state, len(record.fingerprint)) == ("UNDONE", 64)
    assert record.answer == '{"success":true,"correlation_id":"test-1","amount":1}'
    assert record.undo_answer == '{"success":true,"correlation_id":"test-1","removed":1}'
    assert str(record) == "Add of test-1: UNDONE"


def test_refusal_has_the_same_form_first_and_later() -> None:
    refused = Refused("LIMIT_EXCEEDED", "Too much.")
    first, second = (perform(lambda: refused) for _ in range(2))
    assert first.body == second.body == barrier.refusal_body("test-1", refused)
    assert (first.replayed, second.replayed) == (False, True)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": (1, 2)}, {"a": [1, 2]}, True),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": None}, {}, False),
        ({"a": "é"}, {"a": "e\u0301"}, False),
    ],
)
def test_fingerprint_is_of_the_values_not_of_their_order(one: Any, other: Any, same: bool) -> None:
    assert (json_text.fingerprint(one) == json_text.fingerprint(other)) is same


def test_replay_judges_the_state_before_the_fingerprint() -> None:
    used = {"amount": 1}
    record = barrier.Record("UNDONE", "other", "", "")
    with pytest.raises(Problem) as caught:
        barrier.replay(record, correlation_id="test-1", step="Add", used=used)
    assert (caught.value.status, caught.value.code) == (409, "ALREADY_COMPENSATED")


def test_unique_constraint_stands_behind_the_guard() -> None:
    perform()
    record = StepRecord.objects.get()
    record.pk = None
    with pytest.raises(IntegrityError):
        record.save(force_insert=True)


def test_rows_say_what_they_are() -> None:
    assert str(Fault(step="Add", kind="fail")) == "fail Add"
