"""The cashier: its step views on the package's guard."""

import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django_sagas.clock import utc_now
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Done
from django_sagas.outcomes import Refused
from django_sagas.problems import Problem

from tests.shop.models import Entry

STEP = "ChargeCard"
DECLINED = Refused("CARD_DECLINED", "Ask your bank.")


def book(correlation_id: str, amount: int) -> Done:
    Entry.objects.create(correlation_id=correlation_id, amount=amount)
    return Done({"amount": amount})


def say(problem: Problem, correlation_id: str) -> HttpResponse:
    body = {"correlation_id": correlation_id, "code": problem.code, "detail": problem.detail}
    return JsonResponse(body, status=problem.status)


@csrf_exempt
def charge(request: HttpRequest) -> HttpResponse:
    body = json.loads(request.body)
    correlation_id, data = body["correlation_id"], body["data"]
    try:
        answer = barrier.perform(
            correlation_id=correlation_id,
            step=STEP,
            used=data,
            decided=DECLINED if data["card"] == "bad" else None,
            effect=lambda: book(correlation_id, data["amount"]),
            now=utc_now(),
        )
    except Problem as problem:
        return say(problem, correlation_id)
    return HttpResponse(answer.body, content_type="application/json")


@csrf_exempt
def refund(request: HttpRequest) -> HttpResponse:
    correlation_id = json.loads(request.body)["correlation_id"]

    def undo(charged: Mapping[str, Any]) -> Mapping[str, Any]:
        return book(correlation_id, -charged["amount"]).fields

    answer = barrier.compensate(
        correlation_id=correlation_id, step=STEP, undo=undo, nothing={}, now=utc_now()
    )
    return HttpResponse(answer.body, content_type="application/json")
