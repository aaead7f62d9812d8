"""The sound shop: with `--saga-crash` at every crash point."""

from collections.abc import Sequence
from typing import ClassVar

import pytest
from django_sagas import Saga
from django_sagas.testing import CrashTest, Ending, Story

from tests.shop.models import Entry, Receipt, Reservation, Stock
from tests.shop.sagas import BuyTea, PickUpTea
from tests.shop.steps import PRICE

pytestmark = pytest.mark.urls("tests.shop.urls")
TEA = {"sku": "tea"}


class TestBuyTea(CrashTest):
    saga: ClassVar[type[Saga]] = BuyTea
    stories: ClassVar[Sequence[Story]] = (
        Story("paid", TEA, secrets={"card": "ok"}),
        Story("declined", TEA, secrets={"card": "bad"}, ends="COMPENSATED"),
        Story("sold out", {"sku": "coffee"}, ends="COMPENSATED"),
    )

    @pytest.fixture(autouse=True)
    def _stock(self, transactional_db: None) -> None:
        Stock.objects.create(sku="tea", free=10)
        Stock.objects.create(sku="coffee", free=0)

    def always(self) -> None:
        assert not Stock.objects.filter(free__lt=0).exists()

    def invariants(self, ending: Ending) -> None:
        sold = int(ending.completed)
        assert Stock.objects.get(sku="tea").free == 10 - sold
        assert Reservation.objects.count() == Receipt.objects.count() == sold
        assert sum(Entry.objects.values_list("amount", flat=True)) == PRICE * sold


class TestPickUpTea(TestBuyTea):
    saga = PickUpTea
    stories = (
        *TestBuyTea.stories,
        Story("cancelled", TEA, secrets={"card": "ok"}, cancelled=True, ends="COMPENSATED"),
    )
