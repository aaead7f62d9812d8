"""An order: the cashier's step views are in this project, the warehouse is another service."""

from django_sagas import Saga, local, remote

from tests.shop import steps

RESERVE = local(
    "ReserveStock", undo="ReleaseStock", run=steps.reserve, back=steps.release, refusals={"SOLD_OUT"}
)
CHARGE = remote(
    "ChargeCard",
    undo="RefundCard",
    at="cashier",
    sends=steps.charge_data,
    uses=["card"],
    refusals={"CARD_DECLINED"},
)
CONFIRM = local("ConfirmOrder", undo="TearUpReceipt", run=steps.confirm, back=steps.tear_up, pivot=True)
SHIP = remote("ShipOrder", at="warehouse", sends=steps.parcel_data, retriable=True)


class BuyTea(Saga):
    name, version = "buy-tea", 1
    steps = (RESERVE, CHARGE, CONFIRM, SHIP)


class PickUpTea(Saga):
    """Nothing is shipped, so that it can be cancelled when it is complete."""

    name, version = "pick-up-tea", 1
    steps = (RESERVE, CHARGE, CONFIRM)
