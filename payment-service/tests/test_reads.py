from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from service_kit.credentials import ON_BEHALF_OF, ROLE, user_token
from service_kit.security.models import AuditEntry
from service_kit.testing.calls import client as quiet_client
from service_kit.testing.calls import envelope, post
from service_kit.testing.protocol import assert_problem

from tests.conftest import AUTHORIZE, CANCEL, booking

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def payment(settings: Settings) -> Any:
    """The payment test-1 of user 1, made in demo mode."""
    settings.DEMO_MODE = True
    return post(AUTHORIZE, envelope("test-1", booking())).json()


def read(cid: str = "test-1", **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return quiet_client().get(f"/api/payments/{cid}/", headers=sent)


def person(user_id: str, role: str = "") -> str:
    return "Bearer " + user_token(user_id=user_id, role=role, audience="payment")


def test_payment_shows_how_it_stands_before_and_after_its_cancellation(payment: dict[str, Any]) -> None:
    expected = {
        "correlation_id": "test-1",
        "authorization_id": payment["authorization_id"],
        "amount": 550,
        "flight_fare": 500,
        "other_charges": 50,
        "currency": "USD",
        "status": "AUTHORIZED",
    }
    assert read().json() == expected
    post(CANCEL, envelope("test-1"))
    assert read().json() == {**expected, "status": "CANCELLED"}


def test_refused_payment_is_none() -> None:
    post(AUTHORIZE, envelope("test-2", booking(payment={"card_token": "tok_declined"})))
    assert_problem(read("test-2"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "cid",
    ["no-such", "a%00b", "%F0%9F%92%B3", "x" * 300, "a%0Ab", "'--", "%ff", "..%2f..", "{{7*7}}", "test-1%20"],
)
def test_payment_that_does_not_exist_is_404(cid: str) -> None:
    assert_problem(read(cid), 404, "NOT_FOUND")


def test_another_users_payment_is_the_same_404_as_none(settings: Settings) -> None:
    settings.DEMO_MODE = False
    others, none = read(Authorization=person("2")), read("no-such", Authorization=person("2"))
    assert (others.status_code, others.content) == (404, none.content)
    assert read().content == none.content


def test_owner_overseers_and_services_that_name_them_see_a_payment(
    settings: Settings, service_headers: dict[str, str]
) -> None:
    settings.DEMO_MODE = False
    assert read(Authorization=person("1")).status_code == 200
    assert read(Authorization=person("9", "operator")).status_code == 200
    for named, status in (
        ({ON_BEHALF_OF: "1"}, 200),
        ({ON_BEHALF_OF: "2"}, 404),
        ({ON_BEHALF_OF: "2", ROLE: "auditor"}, 200),
        ({ROLE: "auditor"}, 404),
        ({}, 404),
    ):
        assert read(**service_headers, **named).status_code == status, named
    refused = AuditEntry.objects.filter(reason="NOT_THE_OWNER").order_by("id")
    assert [entry.actor for entry in refused] == ["2", "backend", "backend"]


def test_other_method_is_405_with_allow(client: Client) -> None:
    answer = client.post("/api/payments/test-1/", {}, "application/json")
    assert_problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer["Allow"] == "GET, HEAD, OPTIONS"
