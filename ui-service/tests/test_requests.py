"""Requests as HTTP allows them, and as callers break them, to the whole application."""

import asyncio

import pytest
from django.test import Client
from pytest_django import Settings

from tests.caller import Caller

FORM = "application/x-www-form-urlencoded"
LOGIN = "/account/login/"


async def answer_to(caller: Caller, body: bytes = b"", *, more: bool = False) -> tuple[int, str]:
    return await (await caller.send(body, more=more)).answer()


@pytest.mark.parametrize("path", [LOGIN, "/api/saga/stream/x/"])
def test_body_that_stalls_is_a_408_in_our_form(transactional_db: None, settings: Settings, path: str) -> None:
    settings.READ_SECONDS = 0.05
    caller = Caller(path, "POST", content_type=FORM, content_length="100")
    status, text = asyncio.run(answer_to(caller, b"username=", more=True))
    assert status == 408
    assert ("REQUEST_TIMEOUT" if path.startswith("/api/") else "did not arrive in time") in text


def test_body_that_comes_in_time_is_read(transactional_db: None) -> None:
    async def in_pieces() -> tuple[int, str]:
        caller = Caller(LOGIN, "POST", content_type=FORM, content_length="10")
        await caller.send(b"usern", more=True)
        return await answer_to(caller, b"ame=a")

    status, text = asyncio.run(in_pieces())
    assert status == 403 and "This form was open for too long" in text


@pytest.mark.parametrize("path", ["http://testserver/how-it-works/", "HTTPS://testserver/how-it-works/"])
def test_request_in_absolute_form_is_one_for_its_path(transactional_db: None, path: str) -> None:
    status, text = asyncio.run(answer_to(Caller(path)))
    assert status == 200 and "<!doctype html>" in text


def test_absolute_form_without_a_path_is_the_home_page(transactional_db: None) -> None:
    status, text = asyncio.run(answer_to(Caller("http://testserver")))
    assert status == 200 and "Search" in text


def test_host_of_an_absolute_form_counts_and_not_its_header(transactional_db: None) -> None:
    assert asyncio.run(answer_to(Caller("http://elsewhere.example/", host="testserver")))[0] == 400
    assert asyncio.run(answer_to(Caller("http://testserver/", host="elsewhere.example")))[0] == 200


@pytest.mark.parametrize(("encoding", "status"), [("gzip", 415), ("br", 415), ("identity", 403)])
def test_packed_body_is_a_415(transactional_db: None, encoding: str, status: int) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(LOGIN, {"username": "a"}, headers={"Content-Encoding": encoding})
    assert answer.status_code == status
