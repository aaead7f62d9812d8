"""Step endpoints in plain Django: `steps` makes the URLs of a step and of its compensation.

    urlpatterns = [*steps("ChargeCard", charge, undo="RefundCard", back=refund)]

`charge(call)` returns the answer's fields, or a `Refused`; `refund(call, answer)` gets that answer and
returns its own fields. Each runs once per saga, in the transaction of the record that answers every repeat.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from django_sagas import json_text
from django_sagas.client import path_of
from django_sagas.clock import utc_now
from django_sagas.conf import conf
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Answer
from django_sagas.outcomes import Refused
from django_sagas.problems import Problem

CORRELATION_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")


@dataclass(frozen=True)
class StepCall:
    correlation_id: str
    data: Mapping[str, Any]
    now: datetime


Action = Callable[[StepCall], Mapping[str, Any] | Refused]
Compensation = Callable[[StepCall, Mapping[str, Any]], Mapping[str, Any]]
Admits = Callable[[HttpRequest], bool]


def everyone(request: HttpRequest) -> bool:
    return True


def steps(
    name: str,
    action: Action,
    *,
    undo: str = "",
    back: Compensation | None = None,
    admits: Admits = everyone,
) -> list[URLPattern]:
    """`admits` says whether a request comes from an orchestrator; others are answered 401."""

    def perform(call: StepCall) -> Answer:
        return barrier.perform(
            correlation_id=call.correlation_id,
            step=name,
            used=call.data,
            effect=lambda: _effect(action(call)),
            now=call.now,
        )

    def compensate(call: StepCall) -> Answer:
        assert back is not None
        return barrier.compensate(
            correlation_id=call.correlation_id,
            step=name,
            undo=lambda answer: back(call, answer),
            nothing={},
            now=call.now,
        )

    if bool(undo) != bool(back):
        raise TypeError(f"{name}: undo= names the compensation that back= implements; give both or none.")
    made = [_endpoint(name, perform, admits)]
    return [*made, _endpoint(undo, compensate, admits)] if undo else made


def _effect(result: Mapping[str, Any] | Refused) -> barrier.Done | barrier.Refused:
    if isinstance(result, Refused):
        return barrier.Refused(result.code, result.error)
    return barrier.Done(result)


def _endpoint(name: str, answer: Callable[[StepCall], Answer], admits: Admits) -> URLPattern:
    @csrf_exempt
    @require_POST
    def view(request: HttpRequest) -> HttpResponse:
        try:
            answered = answer(_read(request, admits))
        except Problem as problem:
            return _problem(problem)
        headers = {"Idempotent-Replayed": "true"} if answered.replayed else {}
        return HttpResponse(answered.body, content_type="application/json", headers=headers)

    return path(path_of(name).lstrip("/"), view, name=name)


def _read(request: HttpRequest, admits: Admits) -> StepCall:
    """Raises Problem 400 or 401."""
    if not admits(request):
        raise Problem(401, "UNAUTHENTICATED", "Only orchestrators may call a step.")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "INVALID", "The body is not JSON.") from error
    envelope = body if isinstance(body, dict) else {}
    correlation_id, data = envelope.get("correlation_id"), envelope.get(conf.SAGA_DATA_FIELD, {})
    if not isinstance(correlation_id, str) or not CORRELATION_ID.fullmatch(correlation_id):
        raise Problem(400, "INVALID", "correlation_id is missing, or is none.")
    if not isinstance(data, dict):
        raise Problem(400, "INVALID", f"{conf.SAGA_DATA_FIELD} is no object.", correlation_id=correlation_id)
    return StepCall(correlation_id, data, utc_now())


def _problem(problem: Problem) -> HttpResponse:
    body = {
        "type": "about:blank",
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        "correlation_id": problem.correlation_id,
    }
    return HttpResponse(
        json_text.dumps(body),
        status=problem.status,
        content_type="application/problem+json",
        headers=problem.headers,
    )
