"""Mails: the outbox of demo mode, and the reset of a password by a link."""

import re
import threading
from collections.abc import Sequence

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings
from service_kit.outbox import backend
from service_kit.outbox.models import KeptMail
from service_kit.security.models import AuditEntry

from tests.desk import Desk
from tests.password_reset import RESET, ask
from ui.account import reset_mails
from ui.models import User

OUTBOX = "/api/demo/outbox/"
CONFIRMATION = {
    "sent_at": "2026-11-23T02:00:05.000000Z",
    "recipients": "ada@example.com",
    "subject": "Booking ABC234: DFW - ORD",
    "body": "Your booking ABC234 is confirmed.",
    "attachments": "ABC234.ics",
}


@pytest.fixture
def kept(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "service_kit.outbox.backend.EmailBackend"


@pytest.mark.usefixtures("kept")
def test_outbox_shows_the_mails_of_both_services_the_newest_first(client: Client, desk: Desk) -> None:
    desk.answers(OUTBOX, {"results": [CONFIRMATION]})
    mail.send_mail("Later", "See https://example.com/x\n<b>now</b>", None, ["grace@example.com"])
    text = client.get("/outbox/").content.decode()
    assert text.index("Later") < text.index("Booking ABC234: DFW - ORD")
    assert "ABC234.ics" in text and 'href="https://example.com/x"' in text and "&lt;b&gt;now" in text


def test_outbox_without_the_backend_says_so_and_without_mails_what_brings_one(
    client: Client, desk: Desk
) -> None:
    desk.answers(OUTBOX, {}, status=503)
    text = client.get("/outbox/").content.decode()
    assert "its mails are missing here" in text and "No mail yet" in text


def test_there_is_no_outbox_outside_demo_mode(client: Client, desk: Desk, settings: Settings) -> None:
    settings.DEMO_MODE = False
    assert client.get("/outbox/").status_code == 404
    assert desk.calls == []


@pytest.mark.usefixtures("kept", "transactional_db")
def test_only_the_newest_mails_are_kept() -> None:
    for number in range(backend.MOST_KEPT + 3):
        mail.send_mail(f"mail {number}", "", None, ["ada@example.com"])
    assert KeptMail.objects.count() == backend.MOST_KEPT
    assert KeptMail.objects.earliest("id").subject == "mail 3"


def link_of(letter: mail.EmailMessage) -> str:
    found = re.search(r"http://testserver(/account/reset/\S+)", str(letter.body))
    assert found
    return found[1]


NEW = {"new_password1": "another phrase 7", "new_password2": "another phrase 7"}


def test_forgotten_password_is_replaced_by_a_link_that_is_good_once(
    client: Client, desk: Desk, traveller: User
) -> None:
    elsewhere = Client()
    elsewhere.force_login(traveller)
    assert RESET in client.get("/account/login/").content.decode()
    assert ask(client, "ada@example.com")["Location"] == f"{RESET}sent/"
    (letter,) = mail.outbox
    assert letter.to == ["ada@example.com"] and "the account ada" in letter.body
    link = link_of(letter)
    form = client.get(link)["Location"]
    wrong = client.post(form, {**NEW, "new_password2": "other"})
    assert wrong.status_code == 422
    assert client.post(form, NEW)["Location"] == "/account/login/"
    assert elsewhere.get("/account/").status_code == 302
    told = AuditEntry.objects.get(action="password-reset")
    assert (told.actor, told.address) == (traveller.traveller_id, "127.0.0.1")
    traveller.refresh_from_db()
    assert traveller.check_password("another phrase 7")
    assert "has been used" in Client().get(link).content.decode()


def test_unknown_address_gets_the_same_answer_and_no_mail(
    client: Client, desk: Desk, traveller: User
) -> None:
    answers = [ask(client, each) for each in ("ada@example.com", "nobody@example.com")]
    assert {(each.status_code, each["Location"]) for each in answers} == {(302, f"{RESET}sent/")}
    assert [letter.to for letter in mail.outbox] == [["ada@example.com"]]
    assert "If an account has this address" in client.get(f"{RESET}sent/").content.decode()
    assert client.post(RESET, {"email": "nobody"}).status_code == 422


class HeldMail(BaseEmailBackend):
    """A mail server that takes no mail before the test lets it."""

    asked, may_go_on = threading.Event(), threading.Event()

    def send_messages(self, email_messages: Sequence[mail.EmailMessage]) -> int:
        self.asked.set()
        assert self.may_go_on.wait(10)
        return len(email_messages)


def test_answer_does_not_wait_for_the_account_or_its_mail(
    client: Client, desk: Desk, traveller: User, settings: Settings
) -> None:
    """Else its time would tell that there is an account."""
    settings.EMAIL_BACKEND = "tests.test_outbox.HeldMail"
    answers = {}
    try:
        for address in ("ada@example.com", "nobody@example.com"):
            with CaptureQueriesContext(connection) as queries:
                answers[address] = client.post(RESET, {"email": address})
            assert not any(User._meta.db_table in query["sql"] for query in queries.captured_queries)
            assert HeldMail.asked.wait(10)
        assert {each.status_code for each in answers.values()} == {302}
    finally:
        HeldMail.may_go_on.set()
    reset_mails.sender.submit(int).result(timeout=10)


def test_too_many_waiting_mails_are_told_and_not_kept(
    client: Client, desk: Desk, traveller: User, settings: Settings
) -> None:
    gate = threading.Event()
    reset_mails.sender.submit(gate.wait, 10)
    try:
        answers = [
            client.post(RESET, {"email": f"nobody{n}@example.com"})
            for n in range(reset_mails.MOST_WAITING + 1)
        ]
    finally:
        gate.set()
    reset_mails.sender.submit(int).result(timeout=10)
    assert [each.status_code for each in answers] == [*[302] * reset_mails.MOST_WAITING, 503]
    assert answers[-1]["Retry-After"] and ask(client, "ada@example.com").status_code == 302


def test_resets_are_limited_by_mail_address(
    client: Client, desk: Desk, traveller: User, settings: Settings
) -> None:
    settings.DEMO_MODE = False
    answers = [ask(client, "Ada@example.com") for _ in range(4)]
    assert [each.status_code for each in answers] == [302, 302, 302, 429]
    assert len(mail.outbox) == 3
