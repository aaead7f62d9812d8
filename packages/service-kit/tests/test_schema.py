import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_schema_and_its_page_are_served(client: Client) -> None:
    schema = client.get("/api/schema/")
    assert (schema.status_code, b"openapi: 3" in schema.content) == (200, True)
    page = client.get("/api/docs/")
    assert (page.status_code, page["Content-Type"].split(";")[0]) == (200, "text/html")


def test_policy_of_the_schemas_page_allows_only_what_it_holds(client: Client) -> None:
    page = client.get("/api/docs/")
    policy = dict(part.split(" ", 1) for part in page["Content-Security-Policy"].split("; "))
    assert (policy["default-src"], policy["script-src"]) == ("'none'", "'self'")
    text = page.content.decode()
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    hashes = [base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() for style in styles]
    assert policy["style-src"].split()[1:] == [f"'sha256-{each}'" for each in hashes]
    assert not re.search(r"<script(?![^>]*\bsrc=)", text) and not re.search(r"\bstyle=|\bon\w+=", text)
    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert address.startswith("/"), address
        file = client.get(address)
        assert file.status_code == 200
        file.close()


FRESH = """
import django, threading; django.setup()
from concurrent.futures import ThreadPoolExecutor
from django.test import Client
start = threading.Barrier(6)
def ask(_): start.wait(30); return Client(SERVER_NAME="localhost").get("/api/schema/").status_code
with ThreadPoolExecutor(6) as pool: print(*pool.map(ask, range(6)))
"""


def test_schema_that_many_ask_for_at_once_in_a_fresh_process_is_served() -> None:
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "DEMO_MODE": "1"}
    here = Path(__file__).parents[1]
    ended = subprocess.run(  # noqa: S603  a program of this test
        [sys.executable, "-c", FRESH], cwd=here, env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["200"] * 6


def test_schema_is_json_where_that_is_asked_for(client: Client) -> None:
    found = client.get("/api/schema/?format=json")
    assert (found.status_code, found["Content-Type"]) == (200, "application/vnd.oai.openapi+json")
    assert json.loads(found.content)["openapi"].startswith("3.")


def test_a_client_with_credentials_can_be_made_from_the_schema(client: Client) -> None:
    schema = json.loads(client.get("/api/schema/?format=json").content)
    assert schema["components"]["securitySchemes"]["bearer"] == {"type": "http", "scheme": "bearer"}
    operations = [each for path in schema["paths"].values() for each in path.values()]
    ids = [each["operationId"] for each in operations]
    assert {"add_entry_step", "audit", "put_faults"} <= set(ids) and len(set(ids)) == len(ids)
    assert all(each["tags"] and {"bearer": []} in each["security"] for each in operations)


@pytest.mark.parametrize("path", ["/", "/api/"])
def test_the_beginning_says_where_to_go(client: Client, path: str) -> None:
    links = client.get(path).json()["links"]
    assert {client.get(each).status_code for each in links.values()} == {200}


def test_an_address_without_its_last_slash_is_a_404_that_says_so(client: Client) -> None:
    missing = client.get("/api/health")
    assert missing.status_code == 404 and missing.json()["detail"].endswith("It ends with a slash.")
    assert client.post("/api/nowhere").json()["detail"] == "There is nothing at this address."
