"""A person's data over all services: the page, the commands, the sweep, and the statement."""

import json
from datetime import timedelta
from typing import Any

import pytest
import responses
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from django_sagas.clock import utc_now
from service_kit.outbox.models import KeptMail
from service_kit.security.models import Attempt, AuditEntry

from tests.desk import BACKEND, LOYALTY, PAYMENT, Desk
from ui import second_factor
from ui.account import people
from ui.models import ClaimedGuest, Draft, User

PASSWORD = "correct horse 9"
PERSON = {"bookings": [{"correlation_id": "c-1", "email": "ada@example.com"}], "sagas": []}


@pytest.fixture
def services(desk: Desk, traveller: User) -> list[str]:
    """What the other services were asked."""
    asked: list[str] = []

    def answer(body: dict[str, Any]) -> Any:
        def told(request: Any) -> tuple[int, dict[str, str], str]:
            asked.append(
                f"{request.method} {request.path_url} {request.headers.get('X-On-Behalf-Of-Role', '')}"
            )
            return 200, {}, json.dumps(body)

        return told

    ClaimedGuest.objects.create(guest_id="guest-1", user=traveller, claimed_at=utc_now())
    for user_id in (traveller.traveller_id, "guest-1"):
        url = f"{BACKEND}/api/people/{user_id}/"
        desk.edge.add_callback(responses.GET, url, callback=answer({**PERSON, "user_id": user_id}))
        erased = {"success": True, "bookings": 1, "sagas": 1}
        desk.edge.add_callback(responses.POST, f"{url}erase/", callback=answer(erased))
        account = f"/api/loyalty/{user_id}/"
        newest = {"balance": 3, "entries": [{"miles": 1}], "next": f"{account}?before=5"}
        for query, page in ({}, newest), ({"before": "5"}, {"entries": [{"miles": 2}], "next": None}):
            match = [responses.matchers.query_param_matcher(query)]
            desk.edge.add_callback(responses.GET, f"{LOYALTY}{account}", callback=answer(page), match=match)
    paid = answer({"correlation_id": "c-1", "amount": 10.5})
    desk.edge.add_callback(responses.GET, f"{PAYMENT}/api/payments/c-1/", callback=paid)
    return asked


def draft_of(owner: str) -> Draft:
    return Draft.objects.create(
        id="0" * 32, owner_id=owner, version="v", cabin="economy", count=1, legs="[]",
        people=json.dumps({"passengers": [{"first_name": "Zephyrine"}], "contact": {}}),
        created_at=utc_now(), changed_at=utc_now(),
    )  # fmt: skip


def test_download_has_what_all_services_store(client: Client, traveller: User, services: list[str]) -> None:
    draft_of(traveller.traveller_id)
    client.force_login(traveller)
    answer = client.post("/account/data/export/")
    assert answer["Content-Disposition"].startswith("attachment")
    found = answer.json()
    assert (found["account"]["username"], found["account"]["email"]) == ("ada", "ada@example.com")
    assert found["drafts"][0]["passengers"] == [{"first_name": "Zephyrine"}]
    assert found["account"]["second_factor"] is None
    assert [each["user_id"] for each in found["people"]] == [traveller.traveller_id, "guest-1"]
    assert found["people"][0]["payments"] == [{"correlation_id": "c-1", "amount": 10.5}]
    assert found["people"][0]["miles"] == {"balance": 3, "entries": [{"miles": 1}, {"miles": 2}]}


def test_command_writes_the_same(
    traveller: User, services: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("export_person", traveller.traveller_id)
    assert json.loads(capsys.readouterr().out)["account"]["username"] == "ada"
    assert {line.split()[-1] for line in services} == {"auditor"}
    with pytest.raises(CommandError, match="no account nobody"):
        call_command("export_person", "nobody")


def test_erasure_needs_the_password_and_closes_the_account(
    client: Client, traveller: User, services: list[str]
) -> None:
    draft_of(traveller.traveller_id)
    for key in ("logins:user:ada", "resets:user:ada@example.com"):
        Attempt.objects.create(key=key, began_at=utc_now(), number=1)
    KeptMail.objects.create(recipients="ada@example.com", subject="Your password", sent_at=utc_now())
    TOTPDevice.objects.create(user=traveller, name="app")
    second_factor.new_recovery_codes(traveller)
    other = Client()
    other.force_login(traveller)
    client.force_login(traveller)
    assert client.post("/account/data/", {"password": "wrong"}).status_code == 422
    assert services == []
    assert client.post("/account/data/", {"password": PASSWORD})["Location"] == "/"
    assert [line.split()[1] for line in services] == [
        f"/api/people/{traveller.traveller_id}/erase/",
        "/api/people/guest-1/erase/",
    ]
    traveller.refresh_from_db()
    assert (traveller.email, traveller.is_active, traveller.has_usable_password()) == ("", False, False)
    assert (traveller.username, traveller.folded_name) == (f"erased-{traveller.traveller_id}", None)
    assert (Draft.objects.count(), Attempt.objects.filter(key__contains="ada").count()) == (0, 0)
    assert KeptMail.objects.count() == 0
    assert (TOTPDevice.objects.count(), StaticToken.objects.count()) == (0, 0)
    assert other.get("/account/").status_code == 302
    told = AuditEntry.objects.get(action="erase-person")
    assert (told.actor, told.evidence) == (traveller.traveller_id, traveller.traveller_id)


def test_trip_ahead_is_reported_and_nothing_is_erased(client: Client, desk: Desk, traveller: User) -> None:
    problem = {"code": "STILL_NEEDED", "detail": "1 trips are not flown yet.", "status": 409}
    url = f"{BACKEND}/api/people/{traveller.traveller_id}/erase/"
    desk.edge.add(responses.POST, url, json=problem, status=409)
    client.force_login(traveller)
    page = client.post("/account/data/", {"password": PASSWORD})
    assert page.status_code == 422 and "not flown yet" in page.content.decode()
    with pytest.raises(CommandError, match="not flown yet"):
        call_command("erase_person", "ada", reason="asked for")
    traveller.refresh_from_db()
    assert traveller.is_active


def test_operator_erases_by_a_command(traveller: User, services: list[str]) -> None:
    call_command("erase_person", "ada", reason="asked by mail")
    assert {line.split()[-1] for line in services} == {"operator"}
    traveller.refresh_from_db()
    assert not traveller.is_active
    assert AuditEntry.objects.get(action="erase-person").reason == "asked by mail"


def test_guest_without_an_account_is_erased_by_id(desk: Desk, transactional_db: None) -> None:
    desk.edge.add(responses.POST, f"{BACKEND}/api/people/guest-7/erase/", json={"success": True})
    draft_of("guest-7")
    call_command("erase_person", "guest-7", reason="asked by mail")
    assert Draft.objects.count() == 0
    with pytest.raises(CommandError, match="no account ada"):
        call_command("erase_person", "ada", reason="asked by mail")


def test_sweep_deletes_ended_sessions_and_old_drafts(client: Client, traveller: User) -> None:
    client.force_login(traveller)
    draft_of(traveller.traveller_id)
    assert people.sweep(utc_now() + timedelta(days=13)) == {"sessions": 0, "drafts": 0, "unconfirmed apps": 0}
    assert people.sweep(utc_now() + timedelta(days=15)) == {"sessions": 1, "drafts": 1, "unconfirmed apps": 0}
    assert (Session.objects.count(), Draft.objects.count()) == (0, 0)


def test_privacy_page_shows_what_is_stored_and_for_how_long(client: Client, desk: Desk) -> None:
    page = client.get("/pages/privacy/").content.decode()
    assert "names and gender of the passengers" in page
    assert "of a booking that failed, 30 days" in page and "for 14 days" in page
