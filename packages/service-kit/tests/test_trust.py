"""Whose word counts: each service as issuer at each as audience, by requests. The table stands here too."""

import time
from itertools import product
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from service_kit import keys, tokens, trust
from service_kit.credentials import ON_BEHALF_OF, ROLE
from service_kit.security.models import AuditEntry
from service_kit.testing.callers import service_bearer, user_token

pytestmark = pytest.mark.django_db
SERVICES = ("ui", "backend", "payment", "loyalty", "hotel")
PARTICIPANTS = SERVICES[2:]
ROLES = ("", "traveller", "operator", "auditor", "owner")
KNOWN_ROLES = ROLES[:-1]
PAIRS = list(product(SERVICES, SERVICES))

CALLS = [("ui", "backend"), *product(("ui", "backend"), PARTICIPANTS)]
CALLS_FOR = [
    *product(["ui"], ["backend", *PARTICIPANTS], KNOWN_ROLES),
    *product(["backend"], PARTICIPANTS, ["auditor"]),
]
ISSUES_TO = list(product(["ui"], ["backend", *PARTICIPANTS], KNOWN_ROLES))


@pytest.fixture(autouse=True)
def outside_demo_mode(settings: Settings) -> None:
    """With the keys of all: it is the table that refuses."""
    settings.DEMO_MODE = False
    settings.VERIFYING_KEYS = tuple(keys.demo(service).public for service in SERVICES)


def who(client: Client, settings: Settings, audience: str, **headers: str) -> Any:
    settings.SERVICE_NAME = audience
    return client.get("/api/who/", headers=headers)


def assert_refused(answer: Any) -> None:
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    (row,) = AuditEntry.objects.values_list("kind", "actor", "reason")
    assert row == ("refusal", "", "NOT_AUTHENTICATED")


@pytest.mark.parametrize(("issuer", "audience"), PAIRS)
def test_who_may_call_whom(client: Client, settings: Settings, issuer: str, audience: str) -> None:
    bearer = service_bearer(caller=issuer, audience=audience)
    answer = who(client, settings, audience, Authorization=bearer)
    if (issuer, audience) in CALLS:
        assert answer.json() == {"service": issuer, "user_id": "", "role": "", "also": []}
    else:
        assert_refused(answer)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("issuer", "audience"), PAIRS)
def test_whom_a_service_may_call_for(
    client: Client, settings: Settings, issuer: str, audience: str, role: str
) -> None:
    bearer = service_bearer(caller=issuer, audience=audience)
    named = {ON_BEHALF_OF: "7", **({ROLE: role} if role else {})}
    answer = who(client, settings, audience, Authorization=bearer, **named)
    if (issuer, audience, role) in CALLS_FOR:
        assert answer.json() == {"service": issuer, "user_id": "7", "role": role, "also": []}
    else:
        assert_refused(answer)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("named", ["one", "every"])
@pytest.mark.parametrize(("issuer", "audience"), PAIRS)
def test_whose_tokens_of_people_count(
    client: Client, settings: Settings, issuer: str, audience: str, named: str, role: str
) -> None:
    meant = audience if named == "one" else tokens.ANY_AUDIENCE
    token = user_token(user_id="7", role=role, audience=meant, issuer=issuer)
    answer = who(client, settings, audience, Authorization=f"Bearer {token}")
    if (issuer, audience, role) in ISSUES_TO:
        assert answer.json() == {"service": "", "user_id": "7", "role": role, "also": []}
    else:
        assert_refused(answer)


@pytest.mark.parametrize("role", ["operator", "owner"])
def test_role_without_a_person_is_claimed_all_the_same(client: Client, settings: Settings, role: str) -> None:
    bearer = service_bearer(caller="backend", audience="payment")
    assert_refused(who(client, settings, "payment", Authorization=bearer, **{ROLE: role}))


@pytest.mark.parametrize(("forger", "claimed"), [pair for pair in PAIRS if pair[0] != pair[1]])
@pytest.mark.parametrize("under", ["own key id", "other's key id"])
@pytest.mark.parametrize("kind", [tokens.OF_SERVICE, tokens.OF_USER])
def test_no_service_signs_for_another(
    client: Client, settings: Settings, forger: str, claimed: str, under: str, kind: str
) -> None:
    now, role = int(time.time()), {"role": "operator"} if kind == tokens.OF_USER else {}
    kid = f"demo-{forger if under == 'own key id' else claimed}"
    key = keys.SigningKey(kid, claimed, keys.demo(forger).seed)
    forged = tokens.sign(key, kind, subject=claimed, audience="hotel", issued=now, **role)
    assert_refused(who(client, settings, "hotel", Authorization=f"Bearer {forged}"))


def test_issuer_that_the_table_does_not_name_is_refused_everywhere() -> None:
    assert trust.ISSUERS == ("ui", "backend")
    assert not any(trust.rights("partner", audience) for audience in SERVICES)
