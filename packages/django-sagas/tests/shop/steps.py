"""The local steps of an order."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db.models import F
from django_sagas import Done, Planned, Refused, SagaState, WriteConflict

from tests.shop.models import Receipt, Reservation, Stock

PRICE = 30


def reserve(saga: SagaState, now: datetime) -> Planned:
    sku = saga.data["sku"]
    if not Stock.objects.filter(sku=sku, free__gt=0).exists():
        return Planned(Refused("SOLD_OUT", "There is none left."))
    return Planned(Done({}), partial(take, saga.correlation_id, sku))


def take(correlation_id: str, sku: str) -> None:
    if not Stock.objects.filter(sku=sku, free__gt=0).update(free=F("free") - 1):
        raise WriteConflict
    Reservation.objects.create(correlation_id=correlation_id, stock_id=sku)


def release(saga: SagaState, now: datetime) -> Planned:
    return Planned(Done({}), partial(put_back, saga.correlation_id, saga.data["sku"]))


def put_back(correlation_id: str, sku: str) -> None:
    Reservation.objects.filter(correlation_id=correlation_id).delete()
    Stock.objects.filter(sku=sku).update(free=F("free") + 1)


def confirm(saga: SagaState, now: datetime) -> Planned:
    return Planned(Done({}), partial(Receipt.objects.create, correlation_id=saga.correlation_id))


def tear_up(saga: SagaState, now: datetime) -> Planned:
    return Planned(Done({}), Receipt.objects.filter(correlation_id=saga.correlation_id).delete)


def charge_data(saga: SagaState) -> Mapping[str, Any]:
    return {"amount": PRICE, "card": saga.secrets.get("card", "")}


def parcel_data(saga: SagaState) -> Mapping[str, Any]:
    return {"sku": saga.data["sku"]}
