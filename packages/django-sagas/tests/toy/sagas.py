"""An order: the example of the package's own docstring, found by the app's name."""

from collections.abc import Collection

from django_sagas import Saga, SagaState, Words

from tests.toy.steps import far, near

LOOKING = Words(
    waiting="Look for it",
    working="Looking for it",
    done="Found",
    refused="Not found",
    undoing="Putting it back",
    undone="Put back",
    by_hand="Put back by hand",
)


class PlaceOrder(Saga):
    name, version = "place-order", 1
    steps = (
        near("ReserveStock", words=LOOKING),
        far("ChargeCard", uses=["card"]),
        near("ConfirmOrder", pivot=True),
        far("ShipOrder", at="depot", retriable=True),
    )

    @classmethod
    def simulated(cls, saga: SagaState) -> Collection[str]:
        return [saga.data["simulate"]] if "simulate" in saga.data else []
