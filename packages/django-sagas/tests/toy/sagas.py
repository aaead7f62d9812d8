"""An order: the example of the package's own docstring, found by the app's name."""

from collections.abc import Collection

from django_sagas import Saga, SagaState

from tests.toy.steps import far, near


class PlaceOrder(Saga):
    name, version = "place-order", 1
    steps = (
        near("ReserveStock", waiting="Looking for it on the shelves."),
        far("ChargeCard", uses=["card"]),
        near("ConfirmOrder", pivot=True),
        far("ShipOrder", at="depot", retriable=True),
    )

    @classmethod
    def simulated(cls, saga: SagaState) -> Collection[str]:
        return [saga.data["simulate"]] if "simulate" in saga.data else []
