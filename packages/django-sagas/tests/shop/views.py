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

from tests.shop.models import Entry, Reservation

STEP = "ChargeCard"
DECLINED = Refused("CARD_DECLINED", "Ask your bank.")


def book(correlation_id: str, amount: int) -> Done:
    Entry.objects.create(correlation_id=correlation_id, amount=amount)
    return Done({"amount": amount})


def verdict(correlation_id: str, card: str) -> Refused | None:
    """A bad card is declined while its order holds tea: only the guard still knows of it afterwards."""
    holds = Reservation.objects.filter(correlation_id=correlation_id).exists()
    return DECLINED if card == "bad" and holds else None


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
            decided=verdict(correlation_id, data["card"]),
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
