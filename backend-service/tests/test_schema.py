from django.test import Client
from service_kit.testing.described import DescribedService


class TestSchema(DescribedService):
    steps = ("reserve-seat", "cancel-seat", "confirm-booking", "cancel-booking")


def test_options_of_the_schemas_page_names_the_methods(client: Client) -> None:
    answer = client.options("/api/docs/")
    assert (answer.status_code, answer.content) == (200, b"")
    assert "GET" in answer["Allow"]
