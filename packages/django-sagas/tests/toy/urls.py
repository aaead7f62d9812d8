"""The bank, as a participant in plain Django."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django_sagas import Refused
from django_sagas.guard.views import StepCommand, steps

from tests.toy.models import Effect


def charge(call: StepCommand) -> Mapping[str, Any] | Refused:
    if call.data.get("card") == "declined":
        return Refused("CARD_DECLINED", "The bank declines.")
    Effect.objects.create(correlation_id=call.correlation_id, name="ChargeCard")
    return {"charged": call.data["amount"]}


def refund(call: StepCommand, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    Effect.objects.create(correlation_id=call.correlation_id, name="RefundCard")
    return {"refunded": answer["charged"] - call.data.get("keep", 0)}


def from_the_shop(request: HttpRequest) -> bool:
    return request.headers.get("Authorization") == "Bearer of the shop"


urlpatterns = [
    *steps("ChargeCard", charge, undo="RefundCard", back=refund, fields=["amount", "card"]),
    *steps("ShipOrder", lambda call: {}, admits=from_the_shop),
]
