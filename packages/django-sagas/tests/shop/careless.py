"""Step views of cashiers that each forgot a rule. A module's URLs are those of one cashier."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django_sagas.clock import utc_now
from django_sagas.guard import barrier
from django_sagas.guard.barrier import Done
from django_sagas.problems import Problem

from tests.shop import views
from tests.shop.models import Entry
from tests.shop.steps import PRICE

Answer = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


def step_view(answer: Answer) -> Callable[[HttpRequest], HttpResponse]:
    @csrf_exempt
    def view(request: HttpRequest) -> HttpResponse:
        body = json.loads(request.body)
        correlation_id = body["correlation_id"]
        try:
            fields = answer(correlation_id, body.get("data", {}))
        except Problem as problem:
            return views.say(problem, correlation_id)
        return JsonResponse({"success": True, "correlation_id": correlation_id, **fields})

    return view


def urls(*, charge: Any = views.charge, refund: Any = views.refund) -> list[URLPattern]:
    return [path("api/saga/charge-card/", charge), path("api/saga/refund-card/", refund)]


def charged(correlation_id: str) -> int:
    return sum(Entry.objects.filter(correlation_id=correlation_id).values_list("amount", flat=True))


def charge_each_time(correlation_id: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    views.book(correlation_id, data["amount"])
    return {"amount": data["amount"]}


def charge_while_not_charged(correlation_id: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """It knows a repeat by the money, and so knows nothing of a refund."""
    with transaction.atomic():
        if not charged(correlation_id):
            views.book(correlation_id, data["amount"])
    return {"amount": data["amount"]}


def charge_in_two_commits(correlation_id: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The effect, and then the record of it."""
    if barrier.read(correlation_id=correlation_id, step=views.STEP) is None:
        views.book(correlation_id, data["amount"])
    barrier.perform(
        correlation_id=correlation_id,
        step=views.STEP,
        used=data,
        effect=lambda: Done({"amount": data["amount"]}),
        now=utc_now(),
    )
    return {"amount": data["amount"]}


def charge_with_a_new_receipt(correlation_id: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    with transaction.atomic():
        if not Entry.objects.filter(correlation_id=correlation_id).exists():
            views.book(correlation_id, data["amount"])
    return {"receipt": Entry.objects.create(correlation_id="receipt", amount=0).pk}


declined: set[str] = set()


def charge_declined_once(correlation_id: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """It keeps no refusal, and decides again at a repeat."""
    if correlation_id not in declined:
        declined.add(correlation_id)
        return {"success": False, "error_code": views.DECLINED.code, "error": views.DECLINED.error}
    return charge_while_not_charged(correlation_id, data)


def refund_once(correlation_id: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Safe to repeat, but it leaves no tombstone."""
    with transaction.atomic():
        if amount := charged(correlation_id):
            views.book(correlation_id, -amount)
    return {}


def refund_beside_the_guard(correlation_id: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """It leaves a tombstone, but books at every call."""
    barrier.compensate(
        correlation_id=correlation_id, step=views.STEP, undo=lambda answer: {}, nothing={}, now=utc_now()
    )
    if Entry.objects.filter(correlation_id=correlation_id, amount__gt=0).exists():
        views.book(correlation_id, -PRICE)
    return {}


def refund_what_must_be_there(correlation_id: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    views.book(correlation_id, -Entry.objects.get(correlation_id=correlation_id, amount__gt=0).amount)
    return {}


def refund_never(correlation_id: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    barrier.compensate(
        correlation_id=correlation_id, step=views.STEP, undo=lambda answer: {}, nothing={}, now=utc_now()
    )
    return {}
