from django.db.models import F
from django_sagas import Done, Planned, Refused, Saga, WriteConflict, local, remote

from orders.models import Order, Product


def reserve(saga, now):
    wanted = Product.objects.filter(name=saga.data["product"], stock__gt=0)
    if (product := wanted.first()) is None:
        return Planned(Refused("SOLD_OUT", "There is none left."))

    def write():
        if not wanted.update(stock=F("stock") - 1):
            raise WriteConflict  # Another order took the last one: decide again.
        Order.objects.create(saga=saga.correlation_id, product=product, state="reserved")

    return Planned(Done({"product": product.name}), write)


def release(saga, now):
    def write():
        held = Order.objects.filter(saga=saga.correlation_id, state="reserved")
        Product.objects.filter(order__in=held).update(stock=F("stock") + 1)
        held.update(state="released")

    return Planned(Done({}), write)


def card(saga):
    return {"cents": saga.data["cents"], "card": saga.secrets["card"]}


def ship(saga, now):
    order = Order.objects.filter(saga=saga.correlation_id)
    return Planned(Done({}), lambda: order.update(state="shipped"))


class PlaceOrder(Saga):
    name = "place-order"
    steps = (
        local("ReserveStock", undo="ReleaseStock", run=reserve, back=release, refusals={"SOLD_OUT"}),
        remote("ChargeCard", undo="RefundCard", at="bank", sends=card, uses=["card"], refusals={"DECLINED"}),
        local("ShipOrder", run=ship, retriable=True),
    )
