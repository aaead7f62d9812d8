from pathlib import Path

import pytest
from django.test import Client
from service_kit.testing.described import assert_every_route_is_described

STEPS = ("award-miles", "reverse-miles", "adjust-miles")


def test_schema_is_valid_without_a_warning_and_describes_every_route(tmp_path: Path) -> None:
    paths = assert_every_route_is_described(tmp_path)
    for step in STEPS:
        responses = paths[f"/api/saga/{step}/"]["post"]["responses"]
        assert set(responses) >= {"200", "400", "401", "403", "409", "413", "415", "422", "503"}


@pytest.mark.django_db
def test_schema_and_its_page_are_served(client: Client) -> None:
    assert client.get("/api/schema/").status_code == 200
    assert b"swagger" in client.get("/api/docs/").content
