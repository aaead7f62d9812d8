"""The second factor: set up, asked for at the login, recovered, taken away, and needed by operators."""

import re
from base64 import b32decode
from datetime import timedelta
from html import unescape

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice
from pytest_django import Settings
from service_kit import tokens
from service_kit.limits import Limit
from service_kit.security.models import AuditEntry, AuditKind

from tests.desk import SAGA, Desk
from ui import second_factor
from ui.account import people
from ui.models import User

PASSWORD = "correct horse 9"
LOGIN = {"username": "ada", "password": PASSWORD}
PAGE, APP, CODE = "/account/factor/", "/account/factor/app/", "/account/login/code/"
HOUR = timedelta(hours=1)


def code_of(user: User, *, confirmed: bool = True) -> str:
    """The code of the moment, as if none had been used before."""
    device = TOTPDevice.objects.get(user=user, confirmed=confirmed)
    TOTPDevice.objects.filter(pk=device.pk).update(last_t=-1)
    return f"{totp(device.bin_key):06d}"


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


def set_up(client: Client, user: User) -> list[str]:
    """Of a user who is logged in; the recovery codes."""
    assert client.post(PAGE, {"password": PASSWORD, "action": "app"})["Location"] == APP
    shown = client.post(APP, {"code": code_of(user, confirmed=False)})
    assert shown.status_code == 200
    return codes_on(shown.content)


def codes_on(page: bytes) -> list[str]:
    return re.findall(r"(?:[a-z2-7]{4} ){5}[a-z2-7]{4}", page.decode())


def told() -> list[str]:
    found = AuditEntry.objects.filter(kind=AuditKind.ACCOUNT).order_by("id")
    return list(found.values_list("action", flat=True))


def let_time_pass(user: User) -> None:
    """After wrong codes."""
    for model in (TOTPDevice, StaticDevice):
        model.objects.filter(user=user).update(throttling_failure_timestamp=timezone.now() - 24 * HOUR)


@pytest.fixture
def codes(client: Client, desk: Desk, traveller: User) -> list[str]:
    """The recovery codes of a traveller who has set it up and logged out."""
    client.force_login(traveller)
    codes = set_up(client, traveller)
    client.post("/account/logout/")
    return codes


# Set up


def test_app_is_shown_as_a_drawing_and_as_text_and_is_in_force_with_its_first_code(
    client: Client, desk: Desk, traveller: User
) -> None:
    client.force_login(traveller)
    client.post(PAGE, {"password": PASSWORD, "action": "app"})
    page = client.get(APP).content.decode()
    secret = re.search(r">((?:[A-Z2-7]{4} ?){8})<", page)
    assert secret and "<svg" in page and "http" not in page.partition("<main")[2].partition("</main")[0]
    code = f"{totp(b32decode(secret[1].replace(' ', ''))):06d}"
    assert client.post(APP, {"code": wrong(code)}).status_code == 422
    assert not second_factor.is_on(traveller)
    let_time_pass(traveller)
    shown = client.post(APP, {"code": f"{code[:3]} {code[3:]}"})
    assert len(codes_on(shown.content)) == 8
    assert second_factor.is_on(traveller) and told()[-1] == "second-factor-on"
    assert client.get(APP)["Location"] == PAGE


def test_setting_up_ends_the_other_sessions(client: Client, desk: Desk, traveller: User) -> None:
    other = Client()
    for browser in (client, other):
        browser.force_login(traveller)
    set_up(client, traveller)
    assert client.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    assert Session.objects.count() == 1


@pytest.mark.parametrize("action", ["app", "codes", "off"])
def test_each_change_needs_the_password(client: Client, desk: Desk, traveller: User, action: str) -> None:
    client.force_login(traveller)
    set_up(client, traveller)
    before = list(StaticToken.objects.values_list("token", flat=True))
    assert client.post(PAGE, {"password": "wrong", "action": action}).status_code == 422
    assert second_factor.is_on(traveller) and second_factor.begun(traveller) is None
    assert list(StaticToken.objects.values_list("token", flat=True)) == before


def test_another_app_takes_the_place_of_the_first_with_its_first_code(
    client: Client, desk: Desk, traveller: User
) -> None:
    client.force_login(traveller)
    set_up(client, traveller)
    first = TOTPDevice.objects.get()
    client.post(PAGE, {"password": PASSWORD, "action": "app"})
    assert TOTPDevice.objects.get(confirmed=True) == first
    client.post(APP, {"code": code_of(traveller, confirmed=False)})
    assert TOTPDevice.objects.get() != first


def test_recovery_codes_are_kept_as_hashes_and_new_ones_replace_them(
    client: Client, desk: Desk, traveller: User
) -> None:
    client.force_login(traveller)
    first = set_up(client, traveller)
    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert not {code.replace(" ", "")[:16] for code in first} & kept
    second = codes_on(client.post(PAGE, {"password": PASSWORD, "action": "codes"}).content)
    assert len(second) == 8 and not set(first) & set(second)
    assert not kept & set(StaticToken.objects.values_list("token", flat=True))
    assert second_factor.verified(traveller, first[0]) is None


def test_it_is_switched_off_with_the_password(client: Client, desk: Desk, traveller: User) -> None:
    client.force_login(traveller)
    set_up(client, traveller)
    assert "Switch it off" in client.get(PAGE).content.decode()
    assert client.post(PAGE, {"password": PASSWORD, "action": "off"})["Location"] == "/account/"
    assert (TOTPDevice.objects.count(), StaticToken.objects.count()) == (0, 0)
    assert told()[-1] == "second-factor-off"


# At the login


def test_login_asks_for_the_code_after_the_password(
    client: Client, desk: Desk, traveller: User, codes: list[str]
) -> None:
    assert client.post("/account/login/", {**LOGIN, "next": "/miles/"})["Location"] == CODE
    assert client.get("/account/").status_code == 302
    assert client.get(CODE).status_code == 200
    assert client.post(CODE, {"code": wrong(code_of(traveller))}).status_code == 422
    assert client.get("/account/").status_code == 302
    let_time_pass(traveller)
    assert client.post(CODE, {"code": code_of(traveller)})["Location"] == "/miles/"
    assert client.get("/account/").status_code == 200
    assert told()[-2:] == ["code-failed", "login"]


def test_code_is_good_once(client: Client, desk: Desk, traveller: User, codes: list[str]) -> None:
    code = code_of(traveller)
    client.post("/account/login/", LOGIN)
    assert client.post(CODE, {"code": code}).status_code == 302
    client.post("/account/logout/")
    client.post("/account/login/", LOGIN)
    assert client.post(CODE, {"code": code}).status_code == 422


def test_recovery_code_opens_the_account_once(
    client: Client, desk: Desk, traveller: User, codes: list[str]
) -> None:
    typed = codes[3].upper().replace(" ", "-")
    client.post("/account/login/", LOGIN)
    assert client.post(CODE, {"code": typed})["Location"] == "/trips/"
    assert "7 recovery codes are left." in client.get("/account/").content.decode()
    assert told()[-2:] == ["login", "recovery-code-used"]
    client.post("/account/logout/")
    client.post("/account/login/", LOGIN)
    assert client.post(CODE, {"code": typed}).status_code == 422


def test_wrong_codes_are_followed_by_ever_longer_waits(
    client: Client, desk: Desk, traveller: User, codes: list[str]
) -> None:
    client.post("/account/login/", LOGIN)
    good = code_of(traveller)
    TOTPDevice.objects.update(throttling_failure_count=9, throttling_failure_timestamp=timezone.now() - HOUR)
    client.post(CODE, {"code": wrong(good)})
    refused = client.post(CODE, {"code": good})
    assert refused.status_code == 422
    said = re.search(r"Too many wrong codes: wait (\d+) seconds", refused.content.decode())
    assert said and 500 < int(said[1]) <= 512
    # Codes of the other kind are counted apart.
    assert client.post(CODE, {"code": codes[0]}).status_code == 302


def test_wrong_codes_count_as_logins_outside_demo_mode(
    client: Client, desk: Desk, traveller: User, codes: list[str], settings: Settings
) -> None:
    settings.DEMO_MODE = False
    settings.LIMITS = {**settings.LIMITS, "logins": Limit(2, 100, seconds=300)}
    client.post("/account/login/", LOGIN)
    assert [client.post(CODE, {"code": f"{n:06d}"}).status_code for n in range(3)] == [422, 422, 429]


def test_password_that_was_given_is_forgotten_after_ten_minutes_and_with_another_password(
    client: Client, desk: Desk, traveller: User, codes: list[str]
) -> None:
    for change in ("time", "password"):
        client.post("/account/login/", LOGIN)
        assert client.get(CODE).status_code == 200
        session = client.session
        if change == "time":
            session["waiting_for_code"]["at"] -= 601
            session.save()
        else:
            traveller.set_password("another phrase 7")
            traveller.save()
        answer = client.post(CODE, {"code": code_of(traveller)})
        assert answer["Location"] == "/account/login/", change
    assert client.get("/account/").status_code == 302


def test_page_of_the_code_leads_to_the_login_without_a_password(client: Client, desk: Desk) -> None:
    assert client.get(CODE)["Location"] == "/account/login/"
    assert client.post(CODE, {"code": "123456"})["Location"] == "/account/login/"


def test_login_without_a_second_factor_is_as_before(client: Client, desk: Desk, traveller: User) -> None:
    client.force_login(traveller)
    client.post(PAGE, {"password": PASSWORD, "action": "app"})
    client.post("/account/logout/")
    assert client.post("/account/login/", LOGIN)["Location"] == "/trips/"


# Operators and auditors


@pytest.fixture(params=[User.Role.OPERATOR, User.Role.AUDITOR])
def overseer(request: pytest.FixtureRequest, traveller: User, desk: Desk, settings: Settings) -> User:
    """Outside demo mode."""
    settings.DEMO_MODE, settings.STAFF_SECOND_FACTOR = False, True
    desk.lists()
    desk.audits()
    traveller.role = request.param
    traveller.save()
    return traveller


def test_role_waits_for_the_second_factor(client: Client, desk: Desk, overseer: User) -> None:
    client.post("/account/login/", LOGIN)
    assert "Console" not in client.get("/account/").content.decode()
    for path in ("/console/", f"/console/{SAGA}/", "/console/audit/"):
        assert client.get(path)["Location"] == PAGE
    assert client.post(f"/console/{SAGA}/act/", {"action": "retry", "reason": "x"})["Location"] == PAGE
    page = client.get(PAGE).content.decode()
    assert "Your role needs a second factor: set it up here." in page
    assert desk.calls == []
    set_up(client, overseer)
    assert client.get("/console/audit/").status_code == 200


def test_access_header_has_no_role_before_the_second_factor(
    client: Client, desk: Desk, overseer: User, settings: Settings
) -> None:
    client.post("/account/login/", LOGIN)
    settings.SERVICE_NAME, settings.VERIFYING_KEYS = "backend", (settings.SIGNING_KEY.public,)

    def role() -> str:
        text = client.post("/account/").content.decode()
        claims = tokens.verify(unescape(text.partition("Bearer ")[2].partition("<")[0]))
        assert claims is not None
        return claims.role

    assert role() == "traveller"
    set_up(client, overseer)
    assert role() == overseer.role


def test_second_factor_that_a_role_needs_is_not_switched_off(
    client: Client, desk: Desk, overseer: User
) -> None:
    client.force_login(overseer)
    set_up(client, overseer)
    assert "Switch it off" not in client.get(PAGE).content.decode()
    client.post(PAGE, {"password": PASSWORD, "action": "off"})
    assert second_factor.is_on(overseer)


def test_setting_lets_a_role_do_without(
    client: Client, desk: Desk, overseer: User, settings: Settings
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    client.post("/account/login/", LOGIN)
    assert client.get("/console/audit/").status_code == 200


def test_demo_mode_needs_none(client: Client, desk: Desk, settings: Settings) -> None:
    assert settings.STAFF_SECOND_FACTOR is False
    call_command("make_demo_user")
    form = {"username": "demo", "password": "demo-pass-2026"}
    assert client.post("/account/login/", form)["Location"] == "/trips/"


# Lost, exported, erased


def test_command_takes_a_lost_one_away_and_says_so_in_the_audit_trail(
    client: Client, desk: Desk, traveller: User, codes: list[str]
) -> None:
    client.post("/account/login/", LOGIN)
    client.post(CODE, {"code": codes[0]})
    call_command("take_second_factor", "ada", reason="lost telephone, called back")
    assert client.get("/account/").status_code == 302
    assert (TOTPDevice.objects.count(), StaticDevice.objects.count()) == (0, 0)
    row = AuditEntry.objects.get(action="take-second-factor")
    assert (row.kind, row.actor, row.evidence) == ("operator", "command line", traveller.traveller_id)
    for name, said in (("ada", "has no second factor"), ("bob", "no account bob")):
        with pytest.raises(CommandError, match=said):
            call_command("take_second_factor", name, reason="again")


def test_export_says_that_there_is_one_and_nothing_that_opens_the_account(
    desk: Desk, traveller: User, codes: list[str]
) -> None:
    found = second_factor.exported(traveller)
    assert found is not None and found["recovery_codes_left"] == 8
    assert TOTPDevice.objects.get().key not in str(found)
    second_factor.take_away(traveller)
    assert second_factor.exported(traveller) is None


def test_sweep_deletes_an_app_that_was_begun_and_never_confirmed(traveller: User, desk: Desk) -> None:
    second_factor.begin(traveller)
    assert people.sweep(timezone.now() + 23 * HOUR)["unconfirmed apps"] == 0
    assert people.sweep(timezone.now() + 25 * HOUR)["unconfirmed apps"] == 1
    assert TOTPDevice.objects.count() == 0
