"""A participant in plain Django: done once, refused for good, undone once, answered word for word."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection
from django.test import Client
from django_sagas import json_text
from django_sagas.guard.models import StepRecord
from django_sagas.guard.views import steps
from django_sagas.http import Reply
from django_sagas.outcomes import Done, Unknown, classify

from tests.toy.models import Effect
from tests.toy.urls import charge, refund

pytestmark = pytest.mark.django_db(transaction=True)
CHARGE, REFUND = "/api/saga/charge-card/", "/api/saga/refund-card/"
NOTHING_TO_UNDO = {
    "success": True,
    "correlation_id": "saga-1",
    "message": "There was nothing to undo.",
}
DATA = {"amount": 3, "card": "4111"}


def post(path: str, body: Any = None, **headers: str) -> Any:
    body = {"correlation_id": "saga-1", "step_number": 2, "data": DATA} if body is None else body
    raw = body if isinstance(body, bytes) else json_text.dumps(body).encode()
    return Client().post(path, raw, content_type="application/json", headers=headers)


def effects() -> list[str]:
    return list(Effect.objects.order_by("id").values_list("name", flat=True))


def test_a_step_takes_effect_once_and_its_repeat_gets_the_same_answer() -> None:
    first, second = post(CHARGE), post(CHARGE)
    assert first.json() == {"success": True, "correlation_id": "saga-1", "charged": 3}
    assert (second.content, second.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert effects() == ["ChargeCard"]


def test_an_answer_is_not_taken_for_the_one_to_another_call_of_its_saga() -> None:
    charged, refunded = post(CHARGE), post(REFUND)
    for answer, name, other in (
        (charged, "ChargeCard", "RefundCard"),
        (refunded, "RefundCard", "ChargeCard"),
    ):
        reply = Reply(answer.status_code, answer.content, answer.headers)
        assert isinstance(classify(reply, "saga-1", name=name, refusals=()), Done)
        assert isinstance(classify(reply, "saga-1", name=other, refusals=()), Unknown)


def test_a_refusal_is_final_and_changes_nothing() -> None:
    body = {"correlation_id": "saga-1", "data": {"amount": 3, "card": "declined"}}
    answers = [post(CHARGE, body) for _ in range(2)]
    assert answers[0].json() == {
        "success": False,
        "correlation_id": "saga-1",
        "error": "The bank declines.",
        "error_code": "CARD_DECLINED",
    }
    assert answers[0].content == answers[1].content
    assert post(REFUND).json() == NOTHING_TO_UNDO
    assert effects() == []


def test_a_compensation_undoes_once() -> None:
    post(CHARGE)
    answers = [post(REFUND, {"correlation_id": "saga-1"}) for _ in range(2)]
    assert answers[0].json() == {"success": True, "correlation_id": "saga-1", "refunded": 3}
    assert answers[0].content == answers[1].content
    assert effects() == ["ChargeCard", "RefundCard"]


def test_a_compensation_gets_the_data_that_it_is_sent() -> None:
    post(CHARGE)
    kept = post(REFUND, {"correlation_id": "saga-1", "data": {"keep": 1}})
    assert kept.json() == {"success": True, "correlation_id": "saga-1", "refunded": 2}


def test_a_step_that_comes_after_its_compensation_is_refused() -> None:
    assert post(REFUND).json() == NOTHING_TO_UNDO
    late = post(CHARGE)
    assert (late.status_code, late.headers["Content-Type"]) == (409, "application/problem+json")
    assert (late.json()["code"], late.json()["correlation_id"]) == ("ALREADY_COMPENSATED", "saga-1")
    assert effects() == []


def test_other_data_under_the_same_id_are_a_422() -> None:
    post(CHARGE)
    other = post(CHARGE, {"correlation_id": "saga-1", "data": {**DATA, "amount": 4}})
    assert (other.status_code, other.json()["code"]) == (422, "DIFFERENT_REQUEST")
    assert effects() == ["ChargeCard"]


WRONG: dict[str, Any] = {
    "no JSON": b"{",
    "too deep": b"[" * 100_000,
    "no object": [],
    "a name twice": b'{"correlation_id": "saga-1", "data": {"amount": 3, "card": "4111", "amount": 4}}',
    "no number": b'{"correlation_id": "saga-1", "data": {"amount": NaN, "card": "4111"}}',
    "no UTF-8": '{"correlation_id": "saga-1", "data": {"amount": 3, "card": "4111"}}'.encode("utf-16"),
    "no id": {"data": DATA},
    "no text": {"correlation_id": 1, "data": DATA},
    "no id of ours": {"correlation_id": "a b", "data": DATA},
    "too long": {"correlation_id": "a" * 65, "data": DATA},
    "data is a list": {"correlation_id": "saga-1", "data": [DATA]},
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_a_body_that_is_no_envelope_is_a_400_and_leaves_nothing(body: Any) -> None:
    answer = post(CHARGE, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
    assert (StepRecord.objects.count(), effects()) == (0, [])


def test_every_missing_field_is_named() -> None:
    answer = post(CHARGE, {"correlation_id": "saga-1"}).json()
    assert answer["errors"] == {"data.amount": "is missing", "data.card": "is missing"}
    assert answer["correlation_id"] == "saga-1"


def test_a_field_that_the_step_does_not_use_makes_no_other_request() -> None:
    post(CHARGE)
    again = post(CHARGE, {"correlation_id": "saga-1", "data": {**DATA, "note": "new in this release"}})
    assert again.headers["Idempotent-Replayed"] == "true"


def test_only_posts_of_json_are_served() -> None:
    got, form = Client().get(CHARGE), Client().post(CHARGE, {"a": 1})
    assert (got.status_code, got.headers["Allow"], form.status_code) == (405, "POST", 415)
    assert {answer.headers["Content-Type"] for answer in (got, form)} == {"application/problem+json"}


@pytest.mark.parametrize(("sent", "echoed"), [("trace-1", "trace-1"), ("no id", "saga-1"), ("", "saga-1")])
def test_the_correlation_id_comes_back_in_every_answer(sent: str, echoed: str) -> None:
    headers = {"X-Correlation-ID": sent} if sent else {}
    for _ in range(2):
        assert post(REFUND, **headers).headers["X-Correlation-ID"] == echoed
    assert post(CHARGE, **headers).headers["X-Correlation-ID"] == echoed


def test_a_database_that_is_busy_is_a_503() -> None:
    def busy(run: Any, sql: str, *rest: Any) -> Any:
        if "guard_step_record" in sql:
            raise OperationalError("database is locked")
        return run(sql, *rest)

    with connection.execute_wrapper(busy):
        answer = post(CHARGE)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert effects() == []


def test_a_caller_that_is_not_admitted_gets_a_401_and_leaves_nothing() -> None:
    path = "/api/saga/ship-order/"
    assert post(path).status_code == 401
    assert StepRecord.objects.count() == 0
    assert post(path, Authorization="Bearer of the shop").status_code == 200


@pytest.mark.parametrize("allowed", [True, False])
def test_a_failure_that_a_call_asks_for_is_a_refusal_where_the_project_allows_it(
    settings: LazySettings, allowed: bool
) -> None:
    settings.SAGA_SIMULATE_FAILURES = allowed
    asked = {"correlation_id": "saga-1", "data": DATA, "simulate_failure": True}
    assert post(CHARGE, asked).json().get("error_code") == ("SIMULATED_FAILURE" if allowed else None)
    assert effects() == ([] if allowed else ["ChargeCard"])


def test_a_failure_that_is_asked_of_a_compensation_or_a_retriable_step_is_not_final(
    settings: LazySettings,
) -> None:
    settings.SAGA_SIMULATE_FAILURES = True
    post(CHARGE)
    asked = {"correlation_id": "saga-1", "data": DATA, "simulate_failure": True}
    assert post(REFUND, asked).json()["error_code"] == "SIMULATED_FAILURE"
    assert post(REFUND).json()["refunded"] == 3
    ship = "/api/saga/ship-order/"
    shop = {"Authorization": "Bearer of the shop"}
    assert post(ship, asked, **shop).json()["error_code"] == "SIMULATED_FAILURE"
    assert post(ship, **shop).json()["success"] is True
    assert post(ship, asked, **shop).json()["success"] is True


@pytest.mark.parametrize("given", [{"undo": "RefundCard"}, {"back": refund}])
def test_a_compensation_needs_its_name_and_its_function(given: Any) -> None:
    with pytest.raises(TypeError, match=r"ChargeCard: undo= names .*; give both or none"):
        steps("ChargeCard", charge, **given)
