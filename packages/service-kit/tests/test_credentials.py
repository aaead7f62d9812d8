import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django import Settings
from rest_framework.permissions import BasePermission
from service_kit import credentials, keys, tokens
from service_kit.api import ServiceView
from service_kit.authentication import caller_of
from service_kit.credentials import ANONYMOUS, ROLE, Caller, may_see
from service_kit.permissions import Operators, Overseers, Owner, ServicesOnly
from service_kit.problems import Problem
from service_kit.security.models import AuditEntry
from service_kit.testing.callers import service_bearer, user_token

pytestmark = pytest.mark.django_db
NOBODY = {"service": "", "user_id": "", "role": "", "also": []}


@pytest.fixture(autouse=True)
def outside_demo_mode(settings: Settings) -> None:
    settings.DEMO_MODE = False


def who(client: Client, authorization: str = "", **more: str) -> Any:
    headers = {
        "Authorization": authorization,
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return client.get("/api/who/", headers=headers)


def request(authorization: str, **more: str) -> HttpRequest:
    sent = {"Authorization": authorization} if authorization else {}
    return RequestFactory(headers={**sent, **more}).get("/")


def check(rule: type[BasePermission], http: HttpRequest) -> Caller:
    """The caller, if the rule lets them call."""
    view = Ruled(permission_classes=[rule])
    asked = view.initialize_request(http)
    view.check_permissions(asked)
    return caller_of(asked)


def check_owner(http: HttpRequest, user_id: str | None) -> None:
    view = Ruled(permission_classes=[Owner])
    view.check_object_permissions(view.initialize_request(http), user_id)


class Ruled(ServiceView):
    subject = "payment"


USER = {"iss": "ui", "aud": "kit", "sub": "1", "role": ""}
SERVICE = {"iss": "ui", "aud": "kit", "sub": "ui"}
PUBLIC = [
    keys.demo("ui").public.x,
    keys.loaded(keys.demo("ui").public.x).public_bytes_raw(),
]
"The public key, which everybody knows, as the secret of an HMAC."
REQUIRED = ("iss", "aud", "sub", "iat", "nbf", "exp", "jti")


def loaded(key: keys.SigningKey) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.seed)


def private(issuer: str) -> Ed25519PrivateKey:
    return loaded(keys.demo(issuer))


def signed(
    claims: Any, *, typ: str | None = tokens.OF_USER, key: Any = None, alg: str = "EdDSA", **header: Any
) -> str:
    """With the UI's key if none is given. The claims are valid for an hour from now, but for what is given;
    None leaves one out."""
    now = int(time.time())
    whole = {"iat": now, "nbf": now, "exp": now + 3600, "jti": "1", **claims}
    sent = {name: value for name, value in whole.items() if value is not None}
    headers = {"kid": "demo-ui", "typ": typ, **header}
    return "Bearer " + jwt.encode(sent, private("ui") if key is None else key, alg, headers=headers)


def by_hand(header: bytes, claims: bytes) -> str:
    """Signed as RFC 7515 says, without a library."""
    parts = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (header, claims))
    signature = private("ui").sign(parts)
    return f"Bearer {parts.decode()}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def test_without_credential_the_caller_is_nobody(client: Client) -> None:
    assert who(client).json() == NOBODY


def test_service_bearer_names_the_service(client: Client) -> None:
    assert who(client, service_bearer(caller="backend", audience="kit")).json() == {
        **NOBODY,
        "service": "backend",
    }


def test_service_may_name_the_person_it_calls_for(client: Client) -> None:
    bearer = service_bearer(caller="ui", audience="kit")
    found = who(client, bearer, X_On_Behalf_Of="7", X_On_Behalf_Of_Role="operator").json()
    assert found == {"service": "ui", "user_id": "7", "role": "operator", "also": []}


def test_service_may_name_further_ids_of_the_same_person(client: Client) -> None:
    bearer = service_bearer(caller="ui", audience="kit")
    assert who(client, bearer, X_On_Behalf_Of="7", X_On_Behalf_Of_Also="g-1,g-2").json()["also"] == [
        "g-1",
        "g-2",
    ]
    assert who(client, bearer, X_On_Behalf_Of_Also="g-1,g-2").json() == {**NOBODY, "service": "ui"}
    for also in ("a b", "g-1,g-2;", ",".join(f"g-{n}" for n in range(21))):
        answer = who(client, bearer, X_On_Behalf_Of="7", X_On_Behalf_Of_Also=also)
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")


def test_person_that_a_service_names_must_be_a_user_id(client: Client) -> None:
    bearer = service_bearer(caller="ui", audience="kit")
    answer = who(client, bearer, X_On_Behalf_Of="a b")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")


def test_only_a_service_can_call_on_behalf_of_a_user(client: Client) -> None:
    assert who(client, X_On_Behalf_Of="7", X_On_Behalf_Of_Role="operator").json() == NOBODY
    token = "Bearer " + user_token(user_id="1", role="", audience="kit")
    assert who(client, token, X_On_Behalf_Of="7", X_On_Behalf_Of_Role="operator").json()["user_id"] == "1"


def test_user_token_names_the_person_and_the_role(client: Client) -> None:
    token = "Bearer " + user_token(user_id="1", role="operator", audience="*")
    found = who(client, token, X_On_Behalf_Of_Also="7").json()
    assert found == {"service": "", "user_id": "1", "role": "operator", "also": []}


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic dXNlcjpwYXNz",
        "Token abc",
        "Bearer a.b.c",
        "Bearer e30.e30.e30",
        "Bearer " + "x" * 5000,
        "Bearer new.\xe9.x",
        signed({**USER, "aud": "payment"}),
        signed({**USER, "aud": ["payment", "loyalty"]}),
        signed(USER, kid="unknown"),
        signed(USER, kid="demo-backend"),
        signed(USER, key=private("backend")),
        signed(USER, key=private("kit"), kid="demo-kit"),
        *(signed(USER, key=secret, alg="HS256") for secret in PUBLIC),
        signed(USER, key="", alg="none"),
        signed(USER, typ="JWT"),
        signed(USER, typ=None),
        *(signed({**USER, name: None}) for name in (*REQUIRED, "role")),
        *(signed({**USER, name: 1}) for name in ("sub", "role", "aud", "jti")),
        *(signed({**USER, name: "soon"}) for name in ("iat", "nbf", "exp")),
        signed({**USER, "role": ["operator"]}),
        signed({**USER, "role": "owner"}),
        signed({**USER, "iss": "backend"}),
        signed({**USER, "sub": ""}),
        signed({**USER, "sub": "a b"}),
        signed({**USER, "nbf": 2**40}),
        signed(USER, crit=["b64"], b64=True),
        *(signed({**SERVICE, name: None}, typ=tokens.OF_SERVICE) for name in REQUIRED),
        signed({**SERVICE, "sub": "", "iss": ""}, typ=tokens.OF_SERVICE),
        signed({**SERVICE, "sub": "backend"}, typ=tokens.OF_SERVICE),
        signed({**SERVICE, "sub": "backend", "iss": "backend"}, typ=tokens.OF_SERVICE),
        signed({**SERVICE, "aud": "*"}, typ=tokens.OF_SERVICE),
        by_hand(b'{"alg":"EdDSA","kid":"demo-ui","typ":"user+jwt"}', b'{"iss":1}'),
        by_hand(b'{"alg":"EdDSA","kid":"demo-ui","typ":"user+jwt"}', b"no json"),
        by_hand(b'{"alg":"EdDSA","kid":"demo-ui","typ":"user+jwt"}', b'["aud"]'),
        by_hand(b'{"alg":"EdDSA","kid":"demo-ui","typ":"user+jwt"}', b"[" * 1000),
        by_hand(b'{"alg":"EdDSA","kid":["demo-ui"]}', b"{}"),
        by_hand(b'{"alg":"EdDSA"}', b"{}"),
    ],
)
def test_credential_that_proves_nothing_is_401(client: Client, authorization: str) -> None:
    answer = who(client, authorization)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "NOT_AUTHENTICATED"
    assert list(AuditEntry.objects.values_list("kind", "actor", "reason")) == [
        ("refusal", "", "NOT_AUTHENTICATED")
    ]


def test_user_token_is_no_service_bearer_and_the_other_way_round() -> None:
    with pytest.raises(Problem) as caught:
        check(ServicesOnly, request("Bearer " + user_token(user_id="1", role="", audience="kit")))
    assert caught.value.status == 401
    assert check(ServicesOnly, request(service_bearer(caller="backend", audience="kit"))).service == "backend"


@pytest.mark.parametrize(("claims", "typ"), [(USER, tokens.OF_USER), (SERVICE, tokens.OF_SERVICE)])
@pytest.mark.parametrize(
    ("issued", "expires", "status"),
    [(-60, 60, 200), (-60, -5, 200), (-60, -11, 401), (5, 65, 200), (60, 120, 401), (86400, 2**31, 401)],
)
def test_credential_is_valid_from_its_issue_to_its_end_but_for_clocks_that_differ_a_little(
    client: Client, claims: dict[str, str], typ: str, issued: int, expires: int, status: int
) -> None:
    now = int(time.time())
    times = {"iat": now + issued, "nbf": now + issued, "exp": now + expires}
    header = signed({**claims, **times}, typ=typ)
    for _ in range(2):
        assert who(client, header).status_code == status


def test_token_ends_also_when_it_is_known(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    header = service_bearer(caller="backend", audience="kit")
    assert who(client, header).status_code == 200
    later = time.time() + tokens.SERVICE_SECONDS + tokens.LEEWAY_SECONDS
    monkeypatch.setattr(time, "time", lambda: later)
    assert who(client, header).status_code == 401


def test_service_sends_the_same_token_for_a_while_and_another_to_another_service() -> None:
    first = tokens.service_token(audience="hotel")
    again = [tokens.service_token(audience="hotel") for _ in range(3)]
    assert len({first, *again}) <= 2, "a period may end in between"
    assert first != tokens.service_token(audience="payment")


def test_token_is_a_json_web_token_that_any_library_can_verify() -> None:
    """The page on participants says so, in these words."""
    made = {
        "service+jwt": (tokens.service_token(audience="hotel"), 60, {}),
        "user+jwt": (tokens.user_token(user_id="7", role="auditor", audience="*"), 900, {"role": "auditor"}),
    }
    for kind, (token, seconds, more) in made.items():
        header, claims, signature = token.split(".")
        whole = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (header, claims)]
        public = private("kit").public_key()
        public.verify(base64.urlsafe_b64decode(signature + "=="), f"{header}.{claims}".encode())
        assert whole[0] == {"alg": "EdDSA", "typ": kind, "kid": "demo-kit"}
        sub, aud = ("7", "*") if more else ("kit", "hotel")
        iat, jti = whole[1].pop("iat"), whole[1].pop("jti")
        assert 0 <= time.time() - iat < tokens.RENEW_SECONDS + 1 and len(jti) == 32
        assert whole[1] == {"iss": "kit", "aud": aud, "sub": sub, "nbf": iat, "exp": iat + seconds, **more}


def test_old_key_still_verifies_while_the_new_one_signs(client: Client, settings: Settings) -> None:
    old, new = keys.demo("ui"), keys.new("ui")
    tried = {key: signed(USER, key=loaded(key), kid=key.kid) for key in (old, new)}
    for known in ([old], [old, new], [new]):
        settings.VERIFYING_KEYS = tuple(key.public for key in known)
        for key, header in tried.items():
            assert who(client, header).status_code == (200 if key in known else 401)


def test_secret_key_of_a_service_signs_no_credential(client: Client, settings: Settings) -> None:
    settings.SECRET_KEY_FALLBACKS = ["an-earlier-key-of-these-tests, of 32 bytes"]
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        forged = signed({**USER, "role": "operator"}, key=secret.ljust(32), alg="HS256")
        assert who(client, forged).status_code == 401


@pytest.mark.parametrize(
    ("caller", "seen"),
    [
        (ANONYMOUS, False),
        (Caller(user_id="1"), True),
        (Caller(user_id="2"), False),
        (Caller(user_id="2", role="operator"), True),
        (Caller(user_id="2", role="auditor"), True),
        (Caller(user_id="2", role="somebody"), False),
        (Caller(role="operator"), False),
        (Caller(service="ui"), False),
        (Caller(service="ui", role="operator"), False),
        (Caller(service="ui", role="auditor"), False),
        (Caller(service="ui", user_id="2", role="auditor"), True),
        (Caller(service="ui", user_id="1"), True),
        (Caller(service="ui", user_id="2"), False),
        (Caller(service="ui", user_id="2", also=("3", "1")), True),
        (Caller(service="ui", also=("1",)), False),
    ],
)
def test_who_may_see_what_belongs_to_user_1(caller: Caller, seen: bool, settings: Settings) -> None:
    assert may_see(caller, "1") is seen
    assert may_see(caller, "") is caller.sees_all
    settings.DEMO_MODE = True
    assert may_see(caller, "1") is True


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda: "", 401),
        (lambda: "Bearer " + user_token(user_id="1", role="", audience="*"), 403),
        (lambda: "Bearer " + user_token(user_id="1", role="auditor", audience="*"), 403),
        (lambda: service_bearer(caller="backend", audience="kit"), 403),
    ],
)
def test_operator_actions_are_for_operators(make: Callable[[], str], status: int, settings: Settings) -> None:
    # Made here and not when tests are collected: it lives for a minute.
    authorization = make()
    with pytest.raises(Problem) as caught:
        check(Operators, request(authorization))
    assert caught.value.status == status
    settings.DEMO_MODE = True
    assert credentials.actor_of(check(Operators, request(authorization))) in ("1", "demo")


def test_service_with_a_role_and_no_user_is_no_operator_and_no_auditor() -> None:
    unnamed = request(service_bearer(caller="ui", audience="kit"), **{ROLE: "operator"})
    for rule in (Operators, Overseers):
        with pytest.raises(Problem) as caught:
            check(rule, unnamed)
        assert caught.value.status == 403
    with pytest.raises(Problem) as caught:
        credentials.require_user(credentials.verified(unnamed), "1")
    assert caught.value.status == 401


def test_operator_may_act_as_one() -> None:
    header = "Bearer " + user_token(user_id="9", role="operator", audience="kit")
    assert check(Operators, request(header)).is_operator


def test_who_acts_for_a_user_must_be_that_user(settings: Settings) -> None:
    own = Caller(user_id="1")
    credentials.require_user(own, "1")
    for caller, status in ((own, 403), (ANONYMOUS, 401)):
        with pytest.raises(Problem) as caught:
            credentials.require_user(caller, "2")
        assert caught.value.status == status
    settings.DEMO_MODE = True
    credentials.require_user(ANONYMOUS, "2")
    with pytest.raises(Problem):
        credentials.require_user(own, "2")


def test_what_belongs_to_another_user_does_not_exist() -> None:
    own = request("Bearer " + user_token(user_id="1", role="", audience="kit"))
    check_owner(own, "1")
    with pytest.raises(Problem, match="no such payment") as caught:
        check_owner(own, "2")
    assert (caught.value.status, caught.value.refusal) == (404, "NOT_THE_OWNER")


def test_what_does_not_exist_is_refused_in_the_same_words_and_kept_in_the_audit_trail_too() -> None:
    own = request("Bearer " + user_token(user_id="1", role="", audience="kit"))
    with pytest.raises(Problem, match="no such payment") as caught:
        check_owner(own, None)
    assert (caught.value.status, caught.value.refusal) == (404, "NOTHING_THERE")
    overseer = request("Bearer " + user_token(user_id="1", role="auditor", audience="kit"))
    with pytest.raises(Problem, match="no such payment") as caught:
        check_owner(overseer, None)
    assert (caught.value.status, caught.value.refusal) == (404, "")


def test_failure_switch_is_for_demo_mode(settings: Settings) -> None:
    credentials.refuse_simulation(asked=False)
    with pytest.raises(Problem) as caught:
        credentials.refuse_simulation(asked=True)
    assert caught.value.status == 403
    settings.DEMO_MODE = True
    credentials.refuse_simulation(asked=True)


# -- tokens of a role that was taken away


def end_tokens(client: Client, authorization: str, **body: str) -> Any:
    return client.post("/api/tokens/end/", body, "application/json", headers={"Authorization": authorization})


@pytest.mark.parametrize(("role", "status"), [("operator", 401), ("auditor", 401), ("traveller", 200)])
def test_staff_token_ends_at_once_when_the_role_is_taken_away(client: Client, role: str, status: int) -> None:
    token = f"Bearer {user_token(user_id='7', role=role, audience='kit')}"
    other = f"Bearer {user_token(user_id='8', role=role, audience='kit')}"
    assert who(client, token).status_code == 200
    assert end_tokens(client, service_bearer(caller="ui", audience="kit"), user_id="7").status_code == 200
    assert who(client, token).status_code == status
    assert who(client, other).status_code == 200


def test_token_made_after_the_end_of_earlier_ones_is_taken(client: Client) -> None:
    end_tokens(client, service_bearer(caller="ui", audience="kit"), user_id="7")
    later = int(time.time()) + 2
    claims = {**USER, "sub": "7", "role": "operator", "iat": later, "exp": later + 60}
    assert who(client, signed(claims)).status_code == 200


@pytest.mark.parametrize("role", ["operator", "traveller"])
def test_only_services_end_tokens(client: Client, role: str) -> None:
    token = f"Bearer {user_token(user_id='7', role=role, audience='kit')}"
    assert end_tokens(client, token, user_id="8").status_code == 401
    assert end_tokens(client, "", user_id="8").status_code == 401
    assert end_tokens(client, service_bearer(caller="ui", audience="kit"), user_id="a b").status_code == 400
