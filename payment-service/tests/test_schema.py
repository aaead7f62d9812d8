from pathlib import Path

import pytest
import yaml
from service_kit.testing.calls import envelope, post
from service_kit.testing.described import DescribedService, described

from tests.conftest import AUTHORIZE, booking


class TestSchema(DescribedService):
    steps = ("authorize-payment", "cancel-payment", "capture-payment", "refund-payment")


@pytest.mark.django_db
def test_schema_allows_the_charges_on_the_highest_fare(tmp_path: Path) -> None:
    paid = post(AUTHORIZE, envelope("dear", booking(flight_fare=1_000_000))).json()
    assert paid["amount"] == 1_000_050
    described(tmp_path)
    schemas = yaml.safe_load((tmp_path / "schema.yml").read_text())["components"]["schemas"]
    for name in ("Authorized", "Payment", "Cancelled"):
        assert "maximum" not in schemas[name]["properties"]["amount"], name
