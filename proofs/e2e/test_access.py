"""Every URL of the four services, asked for by everybody, outside demo mode: what each may see and do."""

import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import requests

from proofs.e2e import access_table as table
from proofs.e2e.access_table import (
    AUDITOR,
    CHANGES,
    FINDER,
    FOR_AUDITOR,
    FOR_OPERATOR,
    FOR_OWNER,
    FOR_USER,
    GUEST,
    LOGGED_IN,
    LOGIN,
    METHODS,
    NOBODY,
    OF_OWNER,
    OF_STAFF,
    OPERATOR,
    OTHER_GUEST,
    OWNER,
    SERVICE,
    TABLE,
    UNNAMED_OPERATOR,
    USER,
    Method,
    Row,
)
from proofs.e2e.commands import commands, run
from proofs.e2e.desk import wait
from proofs.e2e.guarded import Browser, Signer, Trip, api, guarded, routes, run_in
from scripts.booking_suite import Config, booking_suite
from scripts.console import Console
from scripts.paths import ROOT
from scripts.prepare import prepare

pytestmark = pytest.mark.e2e
PARAMETER = re.compile("<[a-z]+:([a-z_]+)>")
APIS = ("backend", "payment", "loyalty")
OF_THE_BACKEND = ("a call", "a call for an auditor")
GREEN = ("Ada", "Green", "ada@green.example", "+15550100")
Headers = dict[str, str]


@dataclass
class World:
    """The running suite, everybody's browser and credential, and two trips: the owner's and the guest's."""

    config: Config
    browsers: dict[str, Browser]
    trips: dict[str, Trip]
    tokens: dict[str, str]

    def browser(self, person: str) -> Browser:
        """Nobody comes with a new one each time: the pages of booking make a guest of who opens them."""
        return Browser(self.config.url("ui")) if person == NOBODY else self.browsers[person]

    def headers(self, audience: str, caller: str) -> Headers:
        if caller == NOBODY:
            return {}
        if caller in self.tokens:
            return {"Authorization": self.tokens[caller]}
        owner, user = self.trips[OWNER].user_id, self.trips[USER].user_id
        named: dict[str, tuple[str, str]] = {
            SERVICE: ("", ""),
            UNNAMED_OPERATOR: ("", "operator"),
            FOR_OWNER: (owner, "traveller"),
            FOR_USER: (user, "traveller"),
            FOR_OPERATOR: ("op", "operator"),
            FOR_AUDITOR: ("au", "auditor"),
        }
        names = dict(zip(("X-On-Behalf-Of", "X-On-Behalf-Of-Role"), named[caller], strict=True))
        return {
            "Authorization": Signer.of(self.config, "ui").bearer(audience),
            **{name: value for name, value in names.items() if value},
        }

    def api(self, name: str, path: str, caller: str = AUDITOR, body: Any = None) -> requests.Response:
        return api(self.config.url(name), path, self.headers(name, caller), body)

    def books(self, trip: Trip) -> dict[str, Any]:
        """All that the three services hold of a trip."""
        saga, user = trip.correlation_id, trip.user_id
        paths = [("backend", f"/api/saga/{each}/{saga}/") for each in ("status", "events")]
        paths += [("backend", f"/api/bookings/{trip.reference}/"), ("backend", f"/api/tickets/user/{user}/")]
        paths += [("payment", f"/api/payments/{saga}/"), ("loyalty", f"/api/loyalty/{user}/")]
        return {path: self.api(name, path).json() for name, path in paths}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data: Path = tmp_path_factory.mktemp("guarded")
    config = guarded(data)
    with (data / "suite.log").open("w", encoding="utf-8") as lines:
        console = Console(lines)
        prepare(config, console)
        with booking_suite(config, console=console):
            yield peopled(config)


def peopled(config: Config) -> World:
    browsers = {person: Browser(config.url("ui")) for person in table.BROWSERS if person != NOBODY}
    tokens = {}
    for person in LOGGED_IN:
        name = person.replace(" ", "-")
        browsers[person].register(name)
        if person in (OPERATOR, AUDITOR):
            run_in(config, "ui", "manage.py", "set_role", name, person, "--reason", "works here")
            browsers[person].set_up_second_factor()
        tokens[person] = browsers[person].api_token()
    trips = {
        OWNER: Trip("Zephyrine", "Quillfeather", "zephyrine@private.example", "+15557654321"),
        GUEST: Trip("Ignatius", "Wobblecroft", "ignatius@private.example", "+15551234567"),
        OTHER_GUEST: Trip("Philippa", "Mossbottom", "philippa@private.example", "+15552345678"),
        USER: Trip("Balthasar", "Underhay", "balthasar@private.example", "+15553456789"),
    }
    world = World(config, browsers, trips, tokens)
    for person, trip in trips.items():
        browsers[person].book(trip)
        complete(world, trip)
    browsers[FINDER].find(trips[OWNER])
    return world


def complete(world: World, trip: Trip) -> None:
    path = f"/api/saga/status/{trip.correlation_id}/"
    wait(lambda: bool(world.api("backend", path).json()["status"] == "COMPLETED"), f"{path} is complete")
    trip.reference = world.api("backend", path).json()["booking_reference"]
    trip.user_id = world.api("backend", f"/api/bookings/{trip.reference}/").json()["user_id"]


def filled(text: str, trip: Trip) -> str:
    """An address or a field of the table, about this trip."""
    known = {
        "reference": trip.reference,
        "booking_reference": trip.reference,
        "correlation_id": trip.correlation_id,
        "user_id": trip.user_id,
        "draft": trip.unpaid,
        "flight_id": "1",
        "name": "about",
        "slug": "killed",
        "day": (datetime.now(UTC).date() + timedelta(days=10)).isoformat(),
    }
    return PARAMETER.sub(r"{\1}", text).format(**known)


def address(route: str, row: Row, trip: Trip) -> str:
    return f"/{filled(route, trip)}" + (f"?{filled(row.query, trip)}" if row.query else "")


def seen(answer: requests.Response) -> table.Outcome:
    if answer.status_code == 302 and answer.headers["Location"].startswith("/account/login/"):
        return LOGIN
    return answer.status_code


def leaks(answer: requests.Response, trip: Trip) -> list[str]:
    """What an answer tells of a trip, but for what its request named itself."""
    asked = f"{answer.request.path_url} {answer.request.body!r}"
    text = f"{answer.headers} {answer.content.decode(errors='replace')}"
    return [secret for secret in trip.secrets if secret in text and secret not in asked]


def test_table_has_every_url_and_no_other(world: World) -> None:
    with ThreadPoolExecutor(len(TABLE)) as at_once:
        known = dict(zip(TABLE, at_once.map(partial(routes, world.config), TABLE), strict=True))
    for name, rows in TABLE.items():
        assert sorted(rows) == known[name], f"{name}: see e2e/access_table.py"


def test_everybody_sees_and_does_at_the_ui_what_the_table_says(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {person: world.books(trip) for person, trip in world.trips.items()}
    wrong, pairs = [], set()
    for whose in (OWNER, GUEST):
        trip = world.trips[whose]
        for route, row in table.UI.items():
            for person in table.BROWSERS:
                is_mine = person == whose or (person == FINDER and whose == OWNER and "draft" not in route)
                for method in METHODS:
                    expected = row.outcome(method, person, mine=is_mine)
                    if expected == CHANGES:
                        continue
                    pairs.add((method, route, whose if "<" in route else "", person))
                    answer = ask(world.browser(person), method, address(route, row, trip), row, trip)
                    if seen(answer) != expected:
                        wrong.append(
                            f"{method} /{route} of the {whose} by {person}: {seen(answer)}, not {expected}"
                        )
                    entitled = is_mine or person in (OPERATOR, AUDITOR)
                    wrong += [] if entitled else told(method, route, person, answer, trip)
    with capsys.disabled():
        sys.stdout.write(f"\n{len(pairs)} pairs of a URL of the UI and a person\n")
    assert not wrong, "\n".join(wrong)
    assert {person: world.books(trip) for person, trip in world.trips.items()} == before


def ask(browser: Browser, method: Method, path: str, row: Row, trip: Trip) -> requests.Response:
    if method == "GET":
        return browser.get(path)
    return browser.post(path, {name: filled(str(value), trip) for name, value in row.form.items()})


def told(method: Method, route: str, person: str, answer: requests.Response, trip: Trip) -> list[str]:
    found = leaks(answer, trip)
    return [f"{method} /{route} tells {person} {', '.join(found)}"] if found else []


@pytest.mark.parametrize("name", ["backend", "payment", "loyalty"])
def test_everybody_sees_and_does_at_the_apis_what_the_table_says(
    world: World, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    trip, wrong, pairs = world.trips[OWNER], [], 0
    before = world.books(trip)
    for route, row in TABLE[name].items():
        for caller in table.CALLERS:
            for method in METHODS:
                expected = row.outcome(method, caller, mine=False)
                if expected == CHANGES:
                    continue
                body = None if method == "GET" else filled_body(row.form, trip)
                answer = world.api(name, address(route, row, trip), caller, body)
                pairs += 1
                if answer.status_code != expected:
                    wrong.append(f"{method} /{route} by {caller}: {answer.status_code}, not {expected}")
                entitled = caller in (*OF_OWNER, *OF_STAFF)
                wrong += [] if entitled else told(method, route, caller, answer, trip)
    with capsys.disabled():
        sys.stdout.write(f"\n{pairs} pairs of a URL of {name} and a caller\n")
    assert not wrong, "\n".join(wrong)
    assert world.books(trip) == before


def filled_body(form: Any, trip: Trip) -> Any:
    return {name: filled(value, trip) if isinstance(value, str) else value for name, value in form.items()}


def test_what_belongs_to_somebody_else_looks_as_if_there_were_none(world: World) -> None:
    """By a session, without one, and at the API: the same words for a trip and for none."""
    trip, none = world.trips[OWNER], Trip("", "", "", "", "0b54a8b7-6a4c-4a86-8b6b-0f6f0f4f9d11", "ZZZZ99")
    for route in (
        "trips/<slug:reference>/",
        "trips/<slug:reference>/cancel/",
        "progress/<str:correlation_id>/",
    ):
        for person in (NOBODY, OTHER_GUEST, USER):
            pages = [world.browser(person).get(f"/{filled(route, each)}") for each in (trip, none)]
            bodies = [re.sub(r'value="[^"]{60,}"', "", page.text) for page in pages]
            names = (trip.reference, none.reference, trip.correlation_id, none.correlation_id)
            bodies = [re.sub("|".join(names), "", body) for body in bodies]
            assert bodies[0] == bodies[1], (route, person)
    for caller in (NOBODY, USER, SERVICE, UNNAMED_OPERATOR, FOR_USER):
        answers = [world.api("backend", f"/api/bookings/{each.reference}/", caller) for each in (trip, none)]
        assert answers[0].content == answers[1].content, caller


def test_key_of_a_service_proves_no_more_than_its_place_allows(world: World) -> None:
    """With the keys that the running services have: whose call, and whose token of an operator, is taken."""
    taken = set()
    for issuer, audience in product(world.config.ports, APIS):
        signer, url = Signer.of(world.config, issuer), world.config.url(audience)
        own = {"Authorization": signer.bearer(audience)}
        told = {
            "a call": own,
            "a call for an operator": {**own, "X-On-Behalf-Of": "op", "X-On-Behalf-Of-Role": "operator"},
            "a call for an auditor": {**own, "X-On-Behalf-Of": "au", "X-On-Behalf-Of-Role": "auditor"},
            "an operator": {"Authorization": signer.person(audience, user_id="op", role="operator")},
            "an operator everywhere": {"Authorization": signer.person("*", user_id="op", role="operator")},
        }
        for claim, headers in told.items():
            answer = api(url, "/api/audit/", headers)
            assert answer.status_code in (200, 401, 403), (issuer, audience, claim)
            if answer.status_code != 401:
                taken.add((issuer, audience, claim))
    everything = {("ui", audience, claim) for audience in APIS for claim in told}
    backends = {("backend", audience, claim) for audience in APIS[1:] for claim in OF_THE_BACKEND}
    assert taken == everything | backends


def test_refusals_stand_in_the_audit_trail(world: World) -> None:
    trip = world.trips[OWNER]
    world.browser(NOBODY).post(f"/trips/{trip.reference}/cancel/", {})
    world.api("backend", f"/api/saga/{trip.correlation_id}/retry/", UNNAMED_OPERATOR, {"reason": "x"})
    rows = world.api("backend", "/api/audit/?kind=refusal&actor=ui&limit=200").json()["results"]
    kept = {(row["action"], row["reason"], row["evidence"]) for row in rows}
    assert ("GET /api/bookings/<str:reference>/", "NOT_THE_OWNER", trip.reference) in kept
    assert ("POST /api/saga/<str:correlation_id>/retry/", "NOT_ALLOWED", trip.correlation_id) in kept


def test_finder_sees_the_trip_and_nothing_of_the_owners_account(world: World) -> None:
    trip = world.trips[OWNER]
    owners, finders = (
        world.browsers[person].get(f"/trips/{trip.reference}/cancel/").text for person in (OWNER, FINDER)
    )
    assert "Your balance goes from" in owners
    assert "Cancel this booking" in finders and "Your balance" not in finders
    for path in ("/trips/", "/miles/"):
        page = world.browsers[FINDER].get(path)
        assert not leaks(page, trip), path


def test_personal_answers_are_kept_by_no_cache(world: World) -> None:
    trip, owner = world.trips[OWNER], world.browsers[OWNER]
    personal = [route for route, row in table.UI.items() if row in (table.TRIP, table.ACCOUNT)]
    for route in (*personal, "trips/", "miles/", "account/", "book/<slug:draft>/pay/"):
        answer = owner.get(f"/{filled(route, trip)}")
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-store"), route
    for name, rows in TABLE.items():
        for route in [route for route, row in rows.items() if row is table.OWN]:
            answer = world.api(name, f"/{filled(route, trip)}", OWNER)
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store"), route


def test_whose_trip_it_is_may_cancel_it_and_an_operator_with_a_reason(world: World) -> None:
    """What the table leaves out because it changes something, with trips of its own."""
    guest, trips = Browser(world.config.url("ui")), [Trip(*GREEN), Trip(*GREEN), Trip(*GREEN)]
    for browser, trip in zip((guest, world.browsers[OWNER], world.browsers[USER]), trips, strict=True):
        browser.book(trip)
        complete(world, trip)
        assert status(world, trip) == "CONFIRMED"
    for browser, trip in ((guest, trips[0]), (world.browsers[OWNER], trips[1])):
        place = browser.submit(f"/trips/{trip.reference}/cancel/")
        assert place == f"/progress/{trip.correlation_id}/?how=1"
    path = f"/api/bookings/{trips[2].reference}/cancel/"
    assert world.api("backend", path, OPERATOR, {"reason": "she called"}).status_code in (200, 202)
    for trip in trips:
        # The pages do not wait for it; the booking is turned back all the same.
        wait(partial(cancelled, world, trip), f"{trip.reference} is cancelled")
    audit = f"/api/audit/?kind=operator&correlation_id={trips[2].correlation_id}"
    (row,) = world.api("backend", audit).json()["results"]
    assert (row["action"], row["reason"]) == ("cancel-booking", "she called")


def test_browser_that_logged_out_is_nobody(world: World) -> None:
    browser, trip = Browser(world.config.url("ui")), Trip(*GREEN)
    browser.register("leaver")
    browser.book(trip)
    complete(world, trip)
    pages = (f"/trips/{trip.reference}/", f"/progress/{trip.correlation_id}/?how=1")
    assert [browser.get(page).status_code for page in pages] == [200, 200]
    assert browser.post("/account/logout/", {}).status_code == 302
    assert [browser.get(page).status_code for page in pages] == [404, 404]


def test_registration_brings_the_guests_trip_and_miles_into_the_account(world: World) -> None:
    browser, trip = Browser(world.config.url("ui")), Trip(*GREEN)
    browser.book(trip)
    complete(world, trip)
    assert "yours there" in browser.get(f"/trips/{trip.reference}/?new=1").text
    browser.register("newcomer")
    for page in (f"/trips/{trip.reference}/", f"/progress/{trip.correlation_id}/?how=1"):
        assert browser.get(page).status_code == 200, page
    assert trip.reference in browser.get("/trips/").text
    assert trip.reference in browser.get("/miles/").text
    assert browser.post("/account/logout/", {}).status_code == 302
    assert browser.get(f"/trips/{trip.reference}/").status_code == 404
    assert browser.post(f"/trips/{trip.reference}/cancel/", {}).status_code == 404
    assert status(world, trip) == "CONFIRMED"


def cancelled(world: World, trip: Trip) -> bool:
    return status(world, trip) == "CANCELLED"


def status(world: World, trip: Trip) -> str:
    found: str = world.api("backend", f"/api/bookings/{trip.reference}/").json()["status"]
    return found


def test_curl_cookbook_works_with_a_travellers_credential(world: World) -> None:
    sections = commands(ROOT / "docs" / "cookbook.md")
    person = {"TOKEN": world.tokens[OWNER].removeprefix("Bearer "), "USER_ID": world.trips[OWNER].user_id}
    urls = {name: world.config.url(name) for name in world.config.ports}
    said = run("\n".join(sections.values()), urls, person)
    assert '"status":"CANCELLED"' in said or '"status":"COMPENSATED"' in said, said
