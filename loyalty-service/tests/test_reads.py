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

from loyalty import selectors
from loyalty.models import Account
from loyalty.tiers import next_tier, tier_of
from tests.conftest import ADJUST, AWARD, REVERSE, booking

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def award(settings: Settings) -> None:
    """500 miles of user 1, awarded in demo mode."""
    settings.DEMO_MODE = True
    post(AWARD, envelope("test-1", booking()))


def read(user_id: str = "1", **headers: str) -> Any:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return quiet_client().get(f"/api/loyalty/{user_id}/", headers=sent)


def person(user_id: str, role: str = "") -> str:
    return "Bearer " + user_token(user_id=user_id, role=role, audience="loyalty")


def test_account_shows_balance_tier_and_entries() -> None:
    post(REVERSE, envelope("test-1"))
    post(AWARD, envelope("test-2", booking(flight_fare=6000)))
    account = read().json()
    assert (account["user_id"], account["balance"], account["tier"]) == ("1", 6000, "Bronze")
    assert (account["in_debt"], account["next_tier"]) == (False, {"tier": "Silver", "miles_missing": 9000})
    assert [(entry["correlation_id"], entry["kind"], entry["miles"]) for entry in account["entries"]] == [
        ("test-2", "AWARD", 6000),
        ("test-1", "REVERSAL", -500),
        ("test-1", "AWARD", 500),
    ]


def test_debt_is_shown_as_one() -> None:
    Account.objects.update(balance=-10)
    account = read().json()
    assert (account["balance"], account["in_debt"], account["tier"]) == (-10, True, "Member")


@pytest.mark.parametrize(
    ("balance", "tier", "following"),
    [
        (0, "Member", ("Bronze", 5000)),
        (4999, "Member", ("Bronze", 1)),
        (5000, "Bronze", ("Silver", 10000)),
        (40000, "Gold", ("Platinum", 60000)),
        (100000, "Platinum", None),
    ],
)
def test_tier_follows_the_balance(balance: int, tier: str, following: tuple[str, int] | None) -> None:
    assert (tier_of(balance), next_tier(balance)) == (tier, following)


@pytest.mark.parametrize(
    "user_id", ["2", "no-such", "a%00b", "%F0%9F%92%B3", "x" * 300, "a%0Ab", "'--", "%ff", "1%20", "{{7*7}}"]
)
def test_account_that_does_not_exist_is_404(user_id: str) -> None:
    assert_problem(read(user_id), 404, "NOT_FOUND")


def test_another_users_account_is_the_same_404_as_none(settings: Settings) -> None:
    settings.DEMO_MODE = False
    others, none = read(Authorization=person("2")), read("none", Authorization=person("2"))
    assert (others.status_code, others.content) == (404, none.content)
    assert read().content == none.content


def test_owner_overseers_and_services_that_name_them_see_an_account(settings: Settings) -> None:
    settings.DEMO_MODE = False
    ui = service_bearer(caller="ui", audience="loyalty")
    assert read(Authorization=person("1")).status_code == 200
    assert read(Authorization=person("9", "operator")).status_code == 200
    for named, status in READS_OF_USER_1:
        assert read(Authorization=ui, **named).status_code == status, named
    refused = AuditEntry.objects.filter(reason="NOT_THE_OWNER").order_by("id")
    assert [entry.actor for entry in refused] == ["2", "ui", "ui"]


def test_other_method_is_405_with_allow(client: Client) -> None:
    answer = client.delete("/api/loyalty/1/")
    assert_problem(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer["Allow"] == "GET, HEAD, OPTIONS"


def test_entries_of_one_booking_are_found_however_many_came_later() -> None:
    """The auditor asks for one booking; an account shows its newest entries only."""
    for number in range(2, 5):
        post(AWARD, envelope(f"test-{number}", booking()))
    found = quiet_client().get("/api/loyalty/1/?correlation_id=test-1").json()
    assert [(entry["correlation_id"], entry["miles"]) for entry in found["entries"]] == [("test-1", 500)]
    assert found["balance"] == 2000


def test_every_entry_is_on_one_of_the_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "PAGE", 2)
    for number in range(2, 6):
        post(AWARD, envelope(f"test-{number}", booking()))
    path, seen = "/api/loyalty/1/", list[list[str]]()
    while path:
        page = quiet_client().get(path).json()
        seen.append([entry["correlation_id"] for entry in page["entries"]])
        path = page["next"]
    assert seen == [["test-5", "test-4"], ["test-3", "test-2"], ["test-1"]]


def test_entries_of_a_booking_have_those_of_its_changes_and_a_change_has_its_own() -> None:
    changed = {"user_id": 1, "trip_id": "test-1", "miles": 70}
    post(ADJUST, envelope("change-1", changed))
    post(AWARD, envelope("test-2", booking()))

    def entries(cid: str) -> list[tuple[str, str, str, int]]:
        found = quiet_client().get(f"/api/loyalty/1/?correlation_id={cid}").json()["entries"]
        return [(one["correlation_id"], one["trip_id"], one["kind"], one["miles"]) for one in found]

    adjusted = ("change-1", "test-1", "ADJUSTED", 70)
    assert entries("test-1") == [adjusted, ("test-1", "test-1", "AWARD", 500)]
    assert entries("change-1") == [adjusted]


def test_entries_of_what_is_no_correlation_id_are_400() -> None:
    for given in ("a%00b", ""):
        assert_problem(quiet_client().get(f"/api/loyalty/1/?correlation_id={given}"), 400, "INVALID")
