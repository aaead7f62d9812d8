import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_schema_and_its_page_are_served(client: Client) -> None:
    schema = client.get("/api/schema/")
    assert (schema.status_code, b"openapi: 3" in schema.content) == (200, True)
    page = client.get("/api/docs/")
    assert (page.status_code, page["Content-Type"].split(";")[0]) == (200, "text/html")
