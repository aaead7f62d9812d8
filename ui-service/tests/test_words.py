"""What a traveller reads is about flights, seats and money, never about the machinery."""

import re
from html import unescape
from pathlib import Path

import pytest
from django.test import Client
from django.utils.html import strip_tags

from tests.buying import ONE, PASSENGERS, SEATS, pay_page
from tests.desk import (
    COMPLETED,
    DECLINED,
    DEFINITIONS,
    EVENTS,
    LOYALTY,
    PAYMENT,
    RETURN,
    RUNNING,
    SAGA,
    Desk,
    Json,
    flight,
    onward,
    turned,
)
from tests.everything_known import CANCELLED, UNDOING, world
from tests.searching import ONE_WAY

__all__ = ["world"]
"A fixture."
MACHINERY = re.compile(r"\b(saga|token|step|compensat|participant|idempoten|orchestrat)\w*", re.IGNORECASE)


def words(page: bytes) -> str:
    body = re.sub(r"<(script|style).*?</\1>", " ", page.decode(), flags=re.DOTALL)
    labels = " ".join(re.findall(r'(?:aria-label|title|placeholder)="([^"]*)"', body))
    return unescape(strip_tags(body)) + labels


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "page",
    [
        *(
            "/",
            "/where/",
            f"{SEATS}?{ONE}",
            f"{PASSENGERS}?{ONE}",
            "/trips/",
            "/trips/find/",
            "/trips/ABC234/",
            "/trips/RET234/",
        ),
        *(
            "/trips/GNE234/",
            "/trips/ABC234/ticket/",
            "/trips/ABC234/cancel/",
            "/trips/ABC234/change/",
            "/miles/",
            "/account/",
        ),
        *(
            "/account/login/",
            "/account/register/",
            "/account/profile/",
            "/account/password/",
            "/account/factor/",
            "/account/reset/",
            "/how-it-works/",
        ),
        *("/pages/about/", "/pages/contact/", "/pages/privacy/", "/pages/terms/"),
    ],
)
def test_page_of_a_traveller_has_no_word_of_the_machinery(client: Client, page: str) -> None:
    if "login" in page or "register" in page:
        client.logout()
    response = client.get(page)
    assert response.status_code == 200
    assert MACHINERY.findall(words(response.content)) == []


@pytest.mark.usefixtures("world")
def test_results_and_payment_have_no_word_of_the_machinery(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2))
    pages = [
        client.get("/flights/", ONE_WAY),
        client.get(pay_page(client)),
        client.get(pay_page(client, RETURN)),
    ]
    desk.finds(connections=[[flight(1), onward(2)]])
    pages.append(client.get("/flights/", ONE_WAY))
    for response in pages:
        assert response.status_code == 200
        assert MACHINERY.findall(words(response.content)) == []


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("status", [COMPLETED, RUNNING, DECLINED, CANCELLED, UNDOING])
def test_progress_has_no_word_of_the_machinery(client: Client, desk: Desk, status: Json) -> None:
    desk.tells(status)
    response = client.get(f"/progress/{SAGA}/?how=1")
    assert response.status_code == 200
    assert MACHINERY.findall(words(response.content)) == []


@pytest.mark.parametrize("page", [f"/console/{SAGA}/", f"/learn/success/{SAGA}/"])
def test_console_and_stage_say_the_names_of_the_contract_and_no_words_of_travellers(
    client: Client, desk: Desk, page: str
) -> None:
    shown = {**COMPLETED, "user_id": "learner"}
    begun, reserved = EVENTS[1:3]
    asked = [
        {**each, "sequence": each["sequence"] + 2, "data": {"step": "AuthorizePayment"}}
        for each in (begun, reserved)
    ]
    desk.tells(shown, [*EVENTS[:3], *asked, {**EVENTS[3], "sequence": 6}])
    desk.answers("/api/saga/definitions/", DEFINITIONS)
    desk.audits()
    desk.answers(f"/api/payments/{SAGA}/", {}, status=404, base=PAYMENT)
    desk.answers("/api/loyalty/learner/", {"entries": []}, base=LOYALTY)
    for base in (PAYMENT, LOYALTY):
        desk.answers("/api/demo/faults/", {"faults": []}, base=base)
    text = words(client.get(page).content)
    assert "ReserveSeat" in text and "AuthorizePayment" in text
    assert "Seats held" not in text and "Asking your bank" not in text


TEMPLATES = Path(__file__).parents[1] / "ui" / "templates" / "ui"
TRANSLATED = sorted(page for page in TEMPLATES.rglob("*.*") if page.suffix in (".html", ".txt"))
NAMES = {"UTC", "Tidewing"}
"The same in every language."
TEXT_OF_ATTRIBUTES = re.compile(r' (?:aria-label|placeholder|title)="([^"]*)"')


NO_TEXT = re.compile(
    r"{% comment %}.*?{% endcomment %}|{#.*?#}|{% blocktranslate.*?{% endblocktranslate %}"
    r"|<(script|style)\b.*?</\1>",
    re.DOTALL,
)


@pytest.mark.parametrize("page", TRANSLATED, ids=lambda page: str(page.relative_to(TEMPLATES)))
def test_every_text_of_a_page_can_be_translated(page: Path) -> None:
    source = re.sub(r"{%.*?%}|{{.*?}}", "", NO_TEXT.sub("", page.read_text()))
    texts = [strip_tags(source), *TEXT_OF_ATTRIBUTES.findall(source)]
    assert {found for text in texts for found in re.findall("[A-Za-z]{2,}", text)} <= NAMES


def test_no_text_to_translate_stands_within_an_f_string() -> None:
    """There `makemessages` does not find it."""
    code = [path for path in TEMPLATES.parents[1].rglob("*.py") if "migrations" not in path.parts]
    hidden = re.compile(r"""f["'].*{(_|gettext|gettext_lazy)\(""")
    assert len(code) > 50 and [path.name for path in code if hidden.search(path.read_text())] == []


def test_terms_say_what_a_cancellation_and_a_change_cost(client: Client) -> None:
    text = client.get("/pages/terms/").content.decode()
    for said in (
        "free within 24 hours",
        "seven days later",
        "a fee is kept for each ticket",
        "keeps its fare",
    ):
        assert said in text
