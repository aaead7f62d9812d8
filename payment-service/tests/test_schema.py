from pathlib import Path

import pytest
import yaml
from django.test import Client
from service_kit.testing.calls import envelope, post
from service_kit.testing.described import assert_every_route_is_described, described

from tests.conftest import AUTHORIZE, booking

STEPS = ("authorize-payment", "cancel-payment", "capture-payment", "refund-payment")


def test_schema_is_valid_without_a_warning_and_describes_every_route(tmp_path: Path) -> None:
    paths = assert_every_route_is_described(tmp_path)
    for step in STEPS:
        responses = paths[f"/api/saga/{step}/"]["post"]["responses"]
        assert set(responses) >= {"200", "400", "401", "403", "409", "413", "415", "422", "503"}


@pytest.mark.django_db
def test_schema_and_its_page_are_served(client: Client) -> None:
    assert client.get("/api/schema/").status_code == 200
    assert b"swagger" in client.get("/api/docs/").content


@pytest.mark.django_db
def test_schema_allows_the_charges_on_the_highest_fare(tmp_path: Path) -> None:
    paid = post(AUTHORIZE, envelope("dear", booking(flight_fare=1_000_000))).json()
    assert paid["amount"] == 1_000_050
    described(tmp_path)
    schemas = yaml.safe_load((tmp_path / "schema.yml").read_text())["components"]["schemas"]
    for name in ("Authorized", "Payment", "Cancelled"):
        assert "maximum" not in schemas[name]["properties"]["amount"], name
