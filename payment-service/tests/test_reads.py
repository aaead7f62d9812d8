from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from service_kit.security.models import AuditEntry
from service_kit.testing.access import READS_OF_USER_1
from service_kit.testing.callers import service_bearer, user_token
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
        "trip_id": "test-1",
        "captured": 0,
        "refunded": 0,
        "returned": 0,
    }
    shown = read().json()
    assert shown.pop("capture_before").endswith("Z")
    assert shown == expected
    post(CANCEL, envelope("test-1"))
    shown = read().json()
    del shown["capture_before"]
    assert shown == {**expected, "status": "CANCELLED", "returned": 550}


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


def test_owner_overseers_and_services_that_name_them_see_a_payment(settings: Settings) -> None:
    settings.DEMO_MODE = False
    ui = service_bearer(caller="ui", audience="payment")
    assert read(Authorization=person("1")).status_code == 200
    assert read(Authorization=person("9", "operator")).status_code == 200
    for named, status in READS_OF_USER_1:
        assert read(Authorization=ui, **named).status_code == status, named
    refused = AuditEntry.objects.filter(reason="NOT_THE_OWNER").order_by("id")
    assert [entry.actor for entry in refused] == ["2", "ui", "ui"]


def test_other_method_is_405_with_allow(client: Client) -> None:
    answer = client.post("/api/payments/test-1/", {}, "application/json")
    assert_problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer["Allow"] == "GET, HEAD, OPTIONS"


RECORDS = "/api/saga/records/"


def records(query: str = "", **headers: str) -> Any:
    return quiet_client().get(RECORDS + query, headers=headers)


def test_records_name_their_first_caller_newest_first() -> None:
    made = {"Authorization": service_bearer(caller="backend", audience="payment")}
    answer = quiet_client().post(
        AUTHORIZE, envelope("saga-1", booking()), content_type="application/json", headers=made
    )
    assert answer.status_code == 200
    post(CANCEL, envelope("saga-1"))  # The first call is the one that counts.
    found = records().json()
    told = [(one["correlation_id"], one["step"], one["state"], one["caller"]) for one in found["results"]]
    assert told == [
        ("saga-1", "AuthorizePayment", "UNDONE", "backend"),
        ("test-1", "AuthorizePayment", "DONE", ""),
    ]
    older = records(f"?before={found['results'][0]['id']}").json()
    assert [one["correlation_id"] for one in older["results"]] == ["test-1"]
    assert (found["next"], older["next"]) == (None, None)
    one = records("?correlation_id=saga-1").json()
    assert [each["correlation_id"] for each in one["results"]] == ["saga-1"]


def test_many_records_come_in_pages() -> None:
    for number in range(201):
        post(CANCEL, envelope(f"many-{number}"))
    first = records().json()
    second = quiet_client().get(first["next"]).json()
    ids = [one["id"] for page in (first, second) for one in page["results"]]
    assert ids == sorted(ids, reverse=True) and len(ids) == 202
    assert second["next"] is None


def test_records_are_for_operators_and_auditors(settings: Settings) -> None:
    settings.DEMO_MODE = False
    assert_problem(records(), 401, "NOT_AUTHENTICATED")
    assert_problem(records(Authorization=person("1")), 403, "NOT_ALLOWED")
    assert records(Authorization=person("ann", "auditor")).status_code == 200
    assert_problem(records("?before=x", Authorization=person("ann", "auditor")), 400, "INVALID")
    assert_problem(records("?correlation_id=%00", Authorization=person("ann", "auditor")), 400, "INVALID")
