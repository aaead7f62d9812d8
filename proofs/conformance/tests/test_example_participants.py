"""The participants in Node and in FastAPI keep every rule, and the messages are those of the schema."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.algorithms import OKPAlgorithm

from saga_conformance.report import HELD, examine
from saga_conformance.rules import RULES
from tests.hotels import BODY, HOTELS, ROOT, Hotel

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "participant.schema.json").read_text())
MINT = """
import sys
from django.conf import settings
from service_kit import keys, tokens
settings.configure(SERVICE_NAME="backend", SIGNING_KEY=keys.read_private(sys.argv[1]))
print("Bearer", tokens.service_token(audience="hotel"))
"""
REQUIRED = ("iss", "sub", "aud", "iat", "nbf", "exp", "jti")
NEW, OLD, PAYMENT, FOREIGN = (Ed25519PrivateKey.generate() for _ in range(4))


def jwk(key: Ed25519PrivateKey | Ed25519PublicKey, kid: str, iss: str = "backend") -> dict[str, str]:
    return {**OKPAlgorithm.to_jwk(key, as_dict=True), "kid": kid, "iss": iss}


@pytest.fixture(params=HOTELS)
def hotel(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hotel]:
    hotel = Hotel(request.param, tmp_path / "records")
    hotel.start()
    yield hotel
    hotel.kill()


def test_it_keeps_every_rule(hotel: Hotel) -> None:
    tried = {finding.rule: finding.verdict for finding in examine(hotel.participant())}
    assert (set(tried.values()), len(tried)) == ({HELD}, len(RULES))


@pytest.fixture(params=HOTELS)
def guarded(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hotel]:
    known = [jwk(NEW.public_key(), "new"), jwk(OLD.public_key(), "old")]
    file = tmp_path / "verifying_keys"
    file.write_text(json.dumps({"keys": [*known, jwk(PAYMENT.public_key(), "payment", iss="payment")]}))
    hotel = Hotel(request.param, tmp_path / "records", keys=str(file))
    hotel.start()
    yield hotel
    hotel.kill()


def bearer(
    key: Any = NEW, alg: str | None = "EdDSA", typ: str = "service+jwt", kid: str = "new", **other: Any
) -> str:
    """The backend's credential, but for what is given; None leaves a claim out."""
    now = int(time.time())
    times = {"iat": now, "nbf": now, "exp": now + 60}
    claims = {"iss": "backend", "sub": "backend", "aud": "hotel", "jti": "1", **times, **other}
    sent = {name: value for name, value in claims.items() if value is not None}
    return "Bearer " + jwt.encode(sent, key, alg, headers={"kid": kid, "typ": typ})


def test_it_takes_the_token_of_the_backend_and_no_other(guarded: Hotel) -> None:
    now = int(time.time())
    of_the_suite = subprocess.run(
        [sys.executable, "-c", MINT, json.dumps(jwk(NEW, "new"))], check=True, capture_output=True, text=True
    )
    public = NEW.public_key().public_bytes_raw()
    without: dict[str, dict[str, Any]] = {f"without {name}": {name: None} for name in REQUIRED}
    good = {
        "made by the suite": of_the_suite.stdout.strip(),
        "with the older key": bearer(OLD, kid="old"),
        "for this one and another": bearer(aud=["payment", "hotel"]),
        "of a clock that is a little ahead": bearer(iat=now + 5, nbf=now + 5),
        "just ended": bearer(exp=now - 2),
    }
    bad = {
        "none": "",
        "no token": "Bearer x",
        "of another scheme": bearer().replace("Bearer", "Basic"),
        "of another key": bearer(FOREIGN),
        "of an unknown key": bearer(kid="newer"),
        "under the id of another key": bearer(OLD),
        "unsigned": bearer("", "none"),
        "signed with the public key": bearer(public, "HS256"),
        "of a person": bearer(typ="user+jwt", role="operator"),
        "for another service": bearer(aud="payment"),
        "for everybody": bearer(aud="*"),
        **{why: bearer(**claim) for why, claim in without.items()},
        "of another caller than its issuer": bearer(sub="payment"),
        "of another service": bearer(PAYMENT, kid="payment", iss="payment", sub="payment"),
        "of another service in the backend's name": bearer(PAYMENT, kid="payment"),
        "ended": bearer(exp=now - 15),
        "of the future": bearer(iat=now + 60),
        "not yet valid": bearer(nbf=now + 60),
    }
    url, body = f"{guarded.url}/api/saga/reserve-room/", {**BODY, "correlation_id": "one"}
    for why, header in bad.items():
        answer = requests.post(url, json=body, headers={"Authorization": header}, timeout=10)
        assert (answer.status_code, answer.json()["code"]) == (401, "NOT_AUTHENTICATED"), why
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    replayed = []
    for why, header in good.items():
        answer = requests.post(url, json=body, headers={"Authorization": header}, timeout=10)
        assert answer.status_code == 200, why
        replayed.append(answer.headers.get("Idempotent-Replayed"))
    assert replayed == [None, *["true"] * (len(good) - 1)], "a refused call stores nothing"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"correlation_id": "a", **BODY}, "done"),
        ({"correlation_id": "b", "data": {"rooms": 5000}}, "refused"),
        ({"correlation_id": "c", "data": {}}, "problem"),
    ],
)
def test_its_answers_are_those_of_the_schema(hotel: Hotel, body: dict[str, Any], kind: str) -> None:
    answer = requests.post(f"{hotel.url}/api/saga/reserve-room/", json=body, timeout=10).json()
    for name in ("done", "refused", "problem"):
        whole = {"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{name}"}
        assert jsonschema.Draft202012Validator(whole).is_valid(answer) == (name == kind)


def test_the_bodies_of_the_page_are_those_of_the_schema() -> None:
    page = (ROOT / "docs" / "participants.md").read_text()
    (sent,) = (line.strip() for line in page.splitlines() if line.startswith('    {"correlation_id"'))
    whole = {"$defs": SCHEMA["$defs"], "$ref": "#/$defs/action"}
    jsonschema.Draft202012Validator(whole).validate(json.loads(sent))
