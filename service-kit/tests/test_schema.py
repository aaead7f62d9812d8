import base64
import hashlib
import re

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_schema_and_its_page_are_served(client: Client) -> None:
    schema = client.get("/api/schema/")
    assert (schema.status_code, b"openapi: 3" in schema.content) == (200, True)
    page = client.get("/api/docs/")
    assert (page.status_code, page["Content-Type"].split(";")[0]) == (200, "text/html")


def test_page_of_the_schema_had_no_policy_and_allows_only_what_it_holds(client: Client) -> None:
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
