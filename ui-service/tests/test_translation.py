"""Every text that a page or a mail says is marked for translation.

The pages are rendered with a catalogue that puts each marked text in brackets. What stands outside of them
has to be a name, a number, or what another service has answered.
"""

import ast
import json
import re
from collections.abc import Collection, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pytest_django import Settings

from tests import catalogue
from tests.buying import ADA, ONE, PASSENGERS, SEATS, form_of, pay_page
from tests.catalogue import CLOSE, LANGUAGE, OPEN, UI
from tests.desk import (
    COMPLETED,
    DECLINED,
    DEFINITIONS,
    EVENTS,
    PAYMENT,
    RUNNING,
    SAGA,
    SEAT_LOST,
    Desk,
    Json,
    audit_row,
    flight,
    onward,
    turned,
)
from tests.everything_known import CANCELLED, UNDOING, world  # noqa: F401  a fixture
from tests.lesson_events import ASKED, ASKED_AGAIN, BEGUN, DONE, LOST, PAID, learns
from tests.password_reset import ask
from tests.searching import ONE_WAY
from ui.learn.lessons import LESSONS, Lesson
from ui.models import Attempt, User
from ui.search.views import IDEAS

WORD = re.compile(r"[^\W\d_]{2,}")
SHOWN_ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "data-say", "data-none", "data-past")
SHOWN_BY_SCRIPTS = ("data-incomplete", "data-invalid", "data-unknown")
NAMES = {
    *(
        "tidewing",
        "utc",
        "usd",
        "gmt",
        "json",
        "ada",
        "grace",
        "mm",
        "yy",
        "cvc",
        "docs",
        "runbooks",
        "md",
        "stuckcompensation",
        "lovelace",
    ),
    *("demo", "pass", "authorization", "bearer", "traveller"),
    *(word.lower() for idea in IDEAS for place in idea for word in WORD.findall(place)),
}
"The same in every language."
MACHINERY = {
    *("ui", "backend", "payment", "loyalty", "start", "booking", "pending", "started", "done", "undone"),
    *("refused", "resolved", "undoing", "unknown", "running", "compensating", "completed", "compensated"),
}
"Names of the contract, which the console and the stage show as they are."


class Texts(HTMLParser):
    """What a page shows: its text in one piece, and each attribute that is read or shown."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text, self.attributes, self._hidden = "", list[str](), 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        self.text += "" if tag == "wbr" else " "
        self.attributes += [
            text for name, text in attrs if text and name in (*SHOWN_ATTRIBUTES, *SHOWN_BY_SCRIPTS)
        ]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")
        self.text += " "

    def handle_data(self, data: str) -> None:
        self.text += "" if self._hidden else data


def outside(text: str) -> str:
    """Without what stands in brackets, which may lie within each other."""
    found, depth = "", 0
    for letter in text:
        depth += (letter == OPEN) - (letter == CLOSE)
        found += letter if depth == 0 and letter != CLOSE else " "
    assert depth == 0
    return found


def unmarked(page: str, known: set[str]) -> set[str]:
    seen = Texts(page)
    words = WORD.findall(" ".join(map(outside, [seen.text, *seen.attributes])))
    return {word for word in words if word.lower() not in known}


def said_by_others(desk: Desk) -> set[str]:
    return set(map(str.lower, WORD.findall(json.dumps(desk.told, ensure_ascii=False))))


@pytest.fixture(scope="session")
def bracketing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("locale")
    catalogue.write(folder)
    return folder


@pytest.fixture
def bracketed(settings: Settings, bracketing: Path) -> None:
    settings.LOCALE_PATHS, settings.LANGUAGE_CODE = [bracketing], LANGUAGE


def check(desk: Desk, response: Any, *, but: Collection[str] = ()) -> None:
    text = response.content.decode()
    assert OPEN in text
    assert unmarked(text, NAMES | set(but) | said_by_others(desk)) == set()


TRAVELLERS = (
    *("/", "/where/", "/where/?from=DFW", f"{SEATS}?{ONE}", f"{PASSENGERS}?{ONE}", "/trips/", "/trips/find/"),
    *("/trips/ABC234/", "/trips/RET234/", "/trips/GNE234/", "/trips/ABC234/ticket/", "/trips/ABC234/cancel/"),
    *("/trips/ABC234/?new=1", "/trips/ABC234/?changed=1"),
    *("/trips/ABC234/change/", "/miles/", "/account/", "/account/profile/", "/account/password/"),
    *(
        "/account/data/",
        "/account/reset/",
        "/account/reset/sent/",
        "/account/reset/MQ/x-y/",
        "/how-it-works/",
    ),
    *(f"/pages/{name}/" for name in ("about", "contact", "privacy", "terms", "emissions")),
    *("/nothing/", "/learn/", "/flights/?origin=nowhere"),
)


@pytest.mark.usefixtures("world", "bracketed")
@pytest.mark.parametrize("page", TRAVELLERS)
def test_page_of_a_traveller(client: Client, desk: Desk, traveller: User, page: str) -> None:
    desk.answers("/api/places/destinations/", {"results": [], "origin": "DFW"})
    desk.answers("/api/flights/lowest/", {"results": []})
    known = {"nowhere", "example", "com", *WORD.findall(traveller.traveller_id)}
    check(desk, client.get(page), but=known)


@pytest.mark.usefixtures("bracketed")
def test_results_payment_and_what_is_typed_wrong(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2))
    check(desk, client.get("/flights/", ONE_WAY))
    check(desk, client.get("/flights/", {**ONE_WAY, "most": "1", "cabin": "first", "passengers": "3"}))
    desk.answers(
        "/api/flights/fares/", {"days": [{"date": "2099-12-05", "lowest_fare": 100.0}], "other_charges": 50}
    )
    page = pay_page(client)
    check(desk, client.get(page), but={"example", "com"})
    wrong = {**ADA, "p0-first_name": "a\x07", "p0-last_name": "", "email": "nobody", "mobile": "12"}
    check(desk, client.post(f"{PASSENGERS}?{ONE}", wrong), but={"nobody"})
    check(desk, client.post(page, {**form_of(client, page), "card_token": ""}), but={"example", "com"})
    desk.refuses("/api/saga/start-booking/", 503, "TRY_AGAIN", "")
    check(desk, client.post(page, form_of(client, page)), but={"example", "com"})
    desk.finds(connections=[[flight(1), onward(2)]])
    check(desk, client.get("/flights/", ONE_WAY))
    desk.finds(nearest=["2099-12-05"])
    check(desk, client.get("/flights/", ONE_WAY))
    desk.finds()
    check(desk, client.get("/flights/", {**ONE_WAY, "cabin": "first"}))


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("status", [COMPLETED, RUNNING, DECLINED, SEAT_LOST, CANCELLED, UNDOING])
def test_progress(client: Client, desk: Desk, status: Json) -> None:
    desk.sells()
    desk.tells(status)
    check(desk, client.get(f"/progress/{SAGA}/?how=1"))


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_lesson(client: Client, desk: Desk, lesson: Lesson) -> None:
    learns(desk, COMPLETED, BEGUN, ASKED, LOST, ASKED_AGAIN, PAID, DONE)
    code = {word.lower() for path, _ in lesson.code for word in WORD.findall(path)}
    but = MACHINERY | code
    check(desk, client.get(f"/learn/{lesson.slug}/{SAGA}/"), but=but)


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize(
    "page",
    [
        *(
            "/console/",
            "/console/?attention=1&q=ada",
            f"/console/{SAGA}/",
            "/console/audit/",
            "/console/by-hand/",
        ),
        *("/console/people/", "/console/people/?q=nobody", "/console/group/?why=x", "/faults/", "/outbox/"),
    ],
)
@pytest.mark.parametrize("status", [COMPLETED, UNDOING], ids=["over", "stuck"])
def test_console(client: Client, desk: Desk, page: str, status: Json, traveller: User) -> None:
    incident = {"reason": "x", "count": 2, "sagas": [SAGA]}
    desk.lists(status, incidents=[incident], needs_attention=2)
    desk.tells(status, EVENTS)
    desk.audits(audit_row())
    desk.answers("/api/saga/settlements/", {"results": []})
    desk.answers("/api/demo/outbox/", {"results": []})
    desk.answers("/api/saga/definitions/", DEFINITIONS)
    desk.answers(f"/api/payments/{SAGA}/", {"status": "CAPTURED", "authorization_id": "a"}, base=PAYMENT)
    for base in (PAYMENT, "http://127.0.0.1:8002", "http://127.0.0.1:8001"):
        desk.answers("/api/demo/faults/", {"faults": [], "kinds": {}}, base=base)
    check(desk, client.get(page), but=MACHINERY | {"nobody"})


@pytest.mark.usefixtures("bracketed")
@pytest.mark.parametrize("role", User.Role.values)
def test_errors_and_what_accounts_are_told(
    client: Client, desk: Desk, traveller: User, settings: Settings, role: str
) -> None:
    check(desk, client.post("/account/login/", {"username": "ada", "password": "x"}))
    check(desk, client.post("/account/register/", {"username": "a b", "email": "x", "password": "tidewing1"}))
    check(desk, client.put("/miles/"))
    settings.DEMO_MODE = False
    traveller.role = role
    traveller.save()
    client.force_login(traveller)
    form = {"old_password": "x", "new_password1": "12", "new_password2": "13"}
    known = {"example", "com", *WORD.findall(traveller.traveller_id)}
    check(desk, client.post("/account/password/", form), but=known)
    check(desk, client.post("/account/profile/", {"email": "x"}), but=known)
    desk.lists()
    for data in ({"username": "nobody"}, {"username": "ada", "role": "operator", "reason": "x"}):
        client.post("/console/people/", {**data, "password": "correct horse 9"})
    check(
        desk,
        client.get("/console/people/"),
        but=MACHINERY | known | {"nobody", *User.Role.values, "login", "set", "role"},
    )


@pytest.mark.usefixtures("bracketed")
def test_mail_of_a_forgotten_password(client: Client, desk: Desk, traveller: User) -> None:
    ask(client, "ada@example.com")
    (letter,) = mail.outbox
    said = re.sub(r"http\S+", "", f"{letter.subject}\n{letter.body}")
    assert OPEN in letter.subject and set(WORD.findall(outside(said))) == {"Tidewing"}


# -- the sources


SENTENCE = re.compile(r"[A-Za-z]{2,}[,:;.]? [A-Za-z]")
NO_TEXT = re.compile(r"[<>=]|^[a-z-]+/[a-z-]+;|max-age|no-cache|no-store|attachment;|\([A-Z]{3}\)$")
"Markup, headers, and names of places."
NOT_SHOWN = {"help_text", "verbose_name", "help"}
INTERNAL = ("management", "migrations")


def bare(node: ast.AST) -> Iterator[str]:
    """The sentences that are neither marked nor a docstring, a log's, or a developer's."""
    if isinstance(node, ast.Call) and catalogue.called(node) in catalogue.MARKS:
        return
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return
    if isinstance(node, ast.Assert) or (isinstance(node, ast.keyword) and node.arg in NOT_SHOWN):
        return
    if isinstance(node, ast.Call) and catalogue.called(node) == "stored":
        # Its keywords are columns of tables.
        for given in node.args:
            yield from bare(given)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and SENTENCE.search(node.value):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from bare(child)


def test_every_sentence_in_python_is_marked() -> None:
    code = [path for path in UI.rglob("*.py") if not set(INTERNAL) & set(path.parts)]
    found = {text for path in code for text in bare(ast.parse(path.read_text())) if not NO_TEXT.search(text)}
    assert len(code) > 50
    assert found == {
        # What the backend says, what the audit trail says in every language, and a column that no page shows.
        "must not be the origin",
        "asked for on the account page",
        *Attempt.State.labels,
        # What a sweep and a device are called in logs and tables.
        "unconfirmed apps",
        "recovery codes",
    }
