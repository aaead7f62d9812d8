"""Step endpoints in plain Django: `steps` makes the URLs of a step and of its compensation.

    urlpatterns = [*steps("ChargeCard", charge, undo="RefundCard", back=refund, fields=["cents", "card"])]

`charge(call)` returns the answer's fields, or a `Refused`; `refund(call, answer)` gets that answer and
returns its own fields. Each runs once per saga, in the transaction of the record that answers every repeat.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from django_sagas import json_text
from django_sagas.client import path_of
from django_sagas.clock import utc_now
from django_sagas.conf import conf
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Answer
from django_sagas.outcomes import Refused
from django_sagas.problems import Problem, try_again

NOTHING = {"message": "There was nothing to undo."}
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
    fields: Collection[str] | None = None,
    admits: Admits = everyone,
) -> list[URLPattern]:
    """The endpoints of one step.

    - `fields`: the data that the action needs. Without one of them a call is a 400; others are left out, also
      where a repeat is compared with the first call. None: all are taken as they come.
    - `admits`: whether a request comes from an orchestrator; others are answered 401.
    """

    def perform(call: StepCall) -> Answer:
        used = _used(call, fields)
        return barrier.perform(
            correlation_id=call.correlation_id,
            step=name,
            used=used,
            effect=lambda: _effect(action(StepCall(call.correlation_id, used, call.now))),
            now=call.now,
        )

    def compensate(call: StepCall) -> Answer:
        assert back is not None
        return barrier.compensate(
            correlation_id=call.correlation_id,
            step=name,
            undo=lambda answer: back(call, answer),
            nothing=NOTHING,
            now=call.now,
        )

    if bool(undo) != bool(back):
        raise TypeError(f"{name}: undo= names the compensation that back= implements; give both or none.")
    made = [_endpoint(name, perform, admits)]
    return [*made, _endpoint(undo, compensate, admits)] if undo else made


def _used(call: StepCall, fields: Collection[str] | None) -> Mapping[str, Any]:
    """Raises Problem 400 that names each missing field."""
    if fields is None:
        return call.data
    missing = {f"{conf.SAGA_DATA_FIELD}.{name}": "is missing" for name in fields if name not in call.data}
    if missing:
        detail = "; ".join(f"{name}: {why}" for name, why in missing.items())
        raise Problem(400, "INVALID", detail, errors=missing, correlation_id=call.correlation_id)
    return {name: call.data[name] for name in fields}


def _effect(result: Mapping[str, Any] | Refused) -> barrier.Done | Refused:
    return result if isinstance(result, Refused) else barrier.Done(result)


def _endpoint(name: str, answer: Callable[[StepCall], Answer], admits: Admits) -> URLPattern:
    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        try:
            call = _read(request, admits)
            answered = answer(call)
        except Problem as problem:
            return _problem(request, problem)
        except OperationalError:
            return _problem(request, try_again("The database cannot do it now."))
        response = HttpResponse(answered.body, content_type="application/json")
        if answered.replayed:
            response["Idempotent-Replayed"] = "true"
        return _traced(request, response, call.correlation_id)

    return path(path_of(name).lstrip("/"), view, name=name)


def _read(request: HttpRequest, admits: Admits) -> StepCall:
    """Raises Problem 400, 401, 405 or 415."""
    if request.method != "POST":
        raise Problem(405, "METHOD_NOT_ALLOWED", "A step is called by POST.", headers={"Allow": "POST"})
    if request.content_type != "application/json":
        raise Problem(415, "UNSUPPORTED_MEDIA_TYPE", "A step is called with application/json.")
    if not admits(request):
        raise Problem(401, "UNAUTHENTICATED", "Only orchestrators may call a step.")
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, "INVALID", "The body is not JSON.") from error
    envelope = body if isinstance(body, dict) else {}
    correlation_id, data = envelope.get("correlation_id"), envelope.get(conf.SAGA_DATA_FIELD, {})
    if not isinstance(correlation_id, str) or not CORRELATION_ID.fullmatch(correlation_id):
        raise _invalid("correlation_id", "is missing, or is none", None)
    if not isinstance(data, dict):
        raise _invalid(conf.SAGA_DATA_FIELD, "is no object", correlation_id)
    return StepCall(correlation_id, data, utc_now())


def _invalid(field: str, why: str, correlation_id: str | None) -> Problem:
    return Problem(400, "INVALID", f"{field}: {why}", errors={field: why}, correlation_id=correlation_id)


def _problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    response = HttpResponse(
        json_text.dumps(problem.body()),
        status=problem.status,
        content_type="application/problem+json",
        headers=problem.headers,
    )
    return _traced(request, response, problem.correlation_id)


def _traced(request: HttpRequest, response: HttpResponse, correlation_id: str | None) -> HttpResponse:
    """Echo the caller's id; a header that is no id is not repeated."""
    sent = request.headers.get("X-Correlation-ID", "")
    if traced := sent if CORRELATION_ID.fullmatch(sent) else correlation_id:
        response["X-Correlation-ID"] = traced
    return response
