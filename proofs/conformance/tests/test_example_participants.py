"""The participants in Node and in FastAPI keep every rule, and the messages are those of the schema."""

import json
import secrets
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

from saga_conformance.report import HELD, examine
from saga_conformance.rules import RULES
from tests.hotels import BODY, HOTELS, ROOT, Hotel

SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "participant.schema.json").read_text())
NEW, OLD, FOREIGN = (f"{secrets.token_urlsafe(48)}:" for _ in range(3))
MINT = """
import sys
from django.conf import settings
settings.configure(SERVICE_NAME="backend", SERVICE_KEYS=[("new", sys.argv[1])])
from service_kit.tokens import service_token
print("Bearer", service_token(caller="backend", audience="hotel"))
"""


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
    hotel = Hotel(request.param, tmp_path / "records", keys=f"new:{NEW},old:{OLD}")
    hotel.start()
    yield hotel
    hotel.kill()


def bearer(
    key: str = NEW, alg: str = "HS256", typ: str = "service+jwt", kid: str = "new", **other: Any
) -> str:
    """A service's credential, but for what is given; None leaves a claim out."""
    now = int(time.time())
    claims = {"iss": "backend", "sub": "backend", "aud": "hotel", "iat": now, "exp": now + 60, **other}
    sent = {name: value for name, value in claims.items() if value is not None}
    return "Bearer " + jwt.encode(sent, key, alg, headers={"kid": kid, "typ": typ})


def test_it_takes_the_token_of_a_service_and_no_other(guarded: Hotel) -> None:
    now = int(time.time())
    of_the_suite = subprocess.run(
        [sys.executable, "-c", MINT, NEW], check=True, capture_output=True, text=True
    )
    good = {
        "made by the suite": of_the_suite.stdout.strip(),
        "with the older key": bearer(OLD, kid="old"),
        "for everybody": bearer(aud="*"),
        "for this one and another": bearer(aud=["payment", "hotel"]),
        "of a clock that is a little ahead": bearer(iat=now + 5),
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
        "of another algorithm": bearer(NEW, "HS512"),
        "of a person": bearer(typ="user+jwt", role="operator"),
        "for another service": bearer(aud="payment"),
        "for nobody": bearer(aud=None),
        "without a caller": bearer(sub=None),
        "of another issuer than its caller": bearer(sub="payment"),
        "without an end": bearer(exp=None),
        "ended": bearer(exp=now - 15),
        "of the future": bearer(iat=now + 60),
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
