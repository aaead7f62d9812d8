"""One intention is one booking, whatever the browser does: real processes, killed, stopped and locked."""

import re
import secrets
import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import connection
from django_sagas.clock import utc_now

from tests.buying import ADA
from tests.suite import OPEN, SECONDS, Suite, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        connection.vendor != "sqlite", reason="its processes have SQLite databases of their own"
    ),
]
HIDDEN = re.compile(r'name="(csrfmiddlewaretoken|key)" value="([^"]+)"')
# The longest that a page waits for a backend that hangs.
PAGE_SECONDS = "4"
CLICKS = 6
ONE = "flight=1&passengers=1"
Form = dict[str, str]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    running = Suite(tmp_path_factory.mktemp("suite"), PAGE_SECONDS=PAGE_SECONDS, AT_ONCE_SECONDS="0")
    try:
        running.start()
        yield running
    finally:
        running.stop()


class Traveller:
    """A browser up to the payment page, and what became of it."""

    def __init__(self, suite: Suite, session: requests.Session, kind: str, query: str = ONE) -> None:
        self.suite, self.session = suite, session
        if kind == "with an account":
            name, email = f"ada-{secrets.token_hex(4)}", "ada@example.com"
            self.fill_in("/account/register/", username=name, email=email, password="correct horse 9")
        elif kind == "guest who came before":
            self.fill_in("/book/passengers/?flight=1&passengers=1", **ADA)
        self.filled = self.get(f"/book/seats/?{query}").text
        found = re.search('name="draft" value="([0-9a-f]+)"', self.filled)
        assert found is not None
        self.passengers = f"/book/passengers/?{query}&draft={found[1]}"
        self.page = self.fill_in(self.passengers, **ADA)
        self.before = {saga["correlation_id"] for saga in self.sagas()}

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.suite.url() + path, timeout=SECONDS)

    def form(self, path: str) -> Form:
        return dict(HIDDEN.findall(self.get(path).text))

    def fill_in(self, path: str, **fields: str) -> str:
        """Send the form of a page; where that leads."""
        answer = self.post(path, {**self.form(path), **fields})
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def post(self, path: str, form: Form) -> requests.Response:
        # Not by the session, which threads cannot share.
        cookies = self.session.cookies.get_dict()
        url = self.suite.url() + path
        answer = requests.post(url, data=form, cookies=cookies, timeout=SECONDS, allow_redirects=False)
        self.session.cookies.update(answer.cookies)
        return answer

    def pay_form(self) -> Form:
        return {**self.form(self.page), "card_token": "tok_ok"}

    def pay(self, form: Form) -> requests.Response:
        return self.post(self.page, form)

    def sagas(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.suite.get("/api/saga/?limit=200")["results"]
        return found

    def own(self) -> list[dict[str, Any]]:
        return [saga for saga in self.sagas() if saga["correlation_id"] not in self.before]

    def has_one_booking(self) -> None:
        """Exactly one saga was started; it is booked, paid once, and stands in My trips."""
        wait_for(lambda: self.own(), "a booking is started")
        wait_for(lambda: all(saga["status"] not in OPEN for saga in self.own()), "no saga is open")
        (saga,) = self.own()
        assert saga["status"] == "COMPLETED"
        booked = self.suite.get(f"/api/bookings/{saga['booking_reference']}/")
        asked = re.findall("flight=([0-9]+)", self.passengers)
        assert [str(flight["id"]) for flight in booked["flights"]] == asked
        payment = self.suite.get(f"/api/payments/{saga['correlation_id']}/", "payment")
        assert payment["status"] in ("AUTHORIZED", "CAPTURED")  # Its settlement may have run meanwhile.
        trips = self.get("/trips/").text
        assert f"/trips/{saga['booking_reference']}/" in trips
        assert "Not paid yet" not in trips or self.page not in trips
        shown = self.get(self.page)
        assert shown.url.endswith(f"/trips/{saga['booking_reference']}/?new=1"), (
            "the payment page shows the booking"
        )
        assert saga["booking_reference"] in shown.text


KINDS = ("guest", "with an account")
THERE_AND_BACK = "guest with a return trip"
# Of what takes seconds once for each suffices: what differs between them is who books.
by_guest = pytest.mark.parametrize("traveller", [THERE_AND_BACK], indirect=True)
by_each = pytest.mark.parametrize(
    ("traveller", "again"), [(KINDS[0], 1), (KINDS[1], 0)], indirect=["traveller"]
)


@pytest.fixture(params=[*KINDS, "guest who came before", THERE_AND_BACK])
def traveller(request: pytest.FixtureRequest, suite: Suite) -> Iterator[Traveller]:
    with requests.Session() as session:
        query = there_and_back(suite) if request.param == THERE_AND_BACK else ONE
        yield Traveller(suite, session, request.param, query)


def there_and_back(suite: Suite) -> str:
    """A way out and a way back a week later, which become one booking."""
    today = utc_now().date()
    ids = [
        suite.get(f"/api/flights/search/?{route}&depart_date={today + timedelta(days=days)}")["results"][0][
            "id"
        ]
        for route, days in (("origin=DFW&destination=ORD", 20), ("origin=ORD&destination=DFW", 27))
    ]
    return f"flight={ids[0]}&flight={ids[1]}&passengers=1"


def attempts(suite: Suite, state: str) -> int:
    with closing(sqlite3.connect(suite.data / "ui.sqlite3")) as database:
        (number,) = database.execute("SELECT count(*) FROM ui_attempt WHERE state = ?", [state]).fetchone()
    return int(number)


@contextmanager
def waiting_for_the_backend(traveller: Traveller, form: Form) -> Iterator["Future[requests.Response]"]:
    """The payment is written down, and sent to a backend that hangs until the end of the block."""
    before = attempts(traveller.suite, "sent")
    with ThreadPoolExecutor(1) as pool, traveller.suite.hung("backend"):
        answer = pool.submit(traveller.pay, form)
        wait_for(lambda: attempts(traveller.suite, "sent") > before, "the attempt is written down")
        yield answer


@contextmanager
def locked(suite: Suite) -> Iterator[None]:
    """Somebody else writes to the UI's database and takes long."""
    with closing(sqlite3.connect(suite.data / "ui.sqlite3", isolation_level=None, timeout=SECONDS)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def test_two_tabs_book_once(traveller: Traveller) -> None:
    first, second = traveller.pay_form(), traveller.pay_form()
    assert traveller.pay(first).headers["Location"] == traveller.pay(second).headers["Location"]
    traveller.has_one_booking()


def test_form_sent_many_times_at_the_same_moment_books_once(traveller: Traveller) -> None:
    form = traveller.pay_form()
    with ThreadPoolExecutor(CLICKS) as pool:
        answers = list(pool.map(traveller.pay, [form] * CLICKS))
    assert len({answer.headers["Location"] for answer in answers}) == 1
    traveller.has_one_booking()


def test_form_sent_again_while_the_backend_is_slow_books_once(traveller: Traveller) -> None:
    form = traveller.pay_form()
    with ThreadPoolExecutor(1) as pool, waiting_for_the_backend(traveller, form) as first:
        second = pool.submit(traveller.pay, form)
    places = {answer.result().headers["Location"] for answer in (first, second)}
    assert len(places) == 1 and "/progress/" in places.pop()
    traveller.has_one_booking()


def test_reload_after_paying_shows_the_booking(traveller: Traveller) -> None:
    traveller.pay(traveller.pay_form())
    for _ in range(2):
        assert re.search(r"/progress/|\?new=1$", traveller.get(traveller.page).url)
    traveller.has_one_booking()


def test_going_back_to_the_passengers_and_on_again_books_once(traveller: Traveller) -> None:
    old, payment = {**traveller.form(traveller.passengers), **ADA}, traveller.pay_form()
    traveller.pay(payment)
    traveller.has_one_booking()
    assert traveller.post(traveller.passengers, old).headers["Location"] == traveller.page
    traveller.pay(payment)
    traveller.has_one_booking()


def test_form_sent_again_later_books_once(traveller: Traveller) -> None:
    form = traveller.pay_form()
    traveller.pay(form)
    traveller.has_one_booking()
    assert "/progress/" in traveller.pay(form).headers["Location"]
    traveller.has_one_booking()


def test_form_sent_again_after_a_declined_card_shows_what_became_of_it(traveller: Traveller) -> None:
    form = {**traveller.pay_form(), "card_token": "tok_declined"}
    progress = traveller.pay(form).headers["Location"]
    wait_for(lambda: [saga["status"] for saga in traveller.own()] == ["COMPENSATED"], "it is undone")
    failed = traveller.get("/trips/").text
    assert "Not booked" in failed and "Your bank refused the payment." in failed
    assert f'href="{traveller.page}"' in failed, "the next step is there"
    assert traveller.pay(form).headers["Location"] == progress
    assert len(traveller.own()) == 1
    traveller.before |= {saga["correlation_id"] for saga in traveller.own()}
    traveller.pay(traveller.pay_form())
    traveller.has_one_booking()


@by_each
def test_worker_killed_while_it_waits_for_the_backend_books_once(traveller: Traveller, again: int) -> None:
    form = traveller.pay_form()
    with waiting_for_the_backend(traveller, form) as answer:
        traveller.suite.kill("ui")
        assert isinstance(answer.exception(SECONDS), requests.ConnectionError)
    traveller.suite.wait_ready("ui")
    if again:
        assert "/progress/" in traveller.pay(form).headers["Location"]
    traveller.has_one_booking()


@by_guest
def test_locked_database_before_the_call_sends_nothing_and_the_next_try_books_once(
    traveller: Traveller,
) -> None:
    form = traveller.pay_form()
    with locked(traveller.suite):
        answer = traveller.pay(form)
    assert answer.status_code == 503 and "Nothing was sent or charged" in answer.text
    assert answer.headers["Retry-After"] == "2"
    assert traveller.own() == []
    assert dict(HIDDEN.findall(answer.text))["key"] == form["key"]
    traveller.pay(form)
    traveller.has_one_booking()


@by_guest
def test_locked_database_after_the_call_leads_to_the_booking(traveller: Traveller) -> None:
    form = traveller.pay_form()
    with ExitStack() as lock:
        with waiting_for_the_backend(traveller, form) as answer:
            lock.enter_context(locked(traveller.suite))
        assert "/progress/" in answer.result().headers["Location"]
        assert attempts(traveller.suite, "sent") >= 1, "the answer could not be kept"
    assert "/progress/" in traveller.pay(form).headers["Location"]
    traveller.has_one_booking()


@by_each
def test_backend_that_hangs_books_once_after_reload_and_pay(traveller: Traveller, again: int) -> None:
    form = traveller.pay_form()
    with traveller.suite.hung("backend"):
        answer = traveller.pay(form)
        assert answer.status_code == 503 and "you will not be charged twice" in answer.text
        retry = dict(HIDDEN.findall(answer.text))
        for _ in range(again):
            page = traveller.get(traveller.page)
            assert page.status_code == 200 and "we have no answer to it yet" in page.text
            retry = dict(HIDDEN.findall(page.text))
        assert retry["key"] == form["key"]
    for _ in range(again):
        traveller.get(traveller.page)
    traveller.pay({**form, **retry})
    traveller.has_one_booking()


@by_guest
def test_another_card_after_silence_starts_no_second_booking(traveller: Traveller) -> None:
    form = traveller.pay_form()
    with traveller.suite.hung("backend"):
        assert traveller.pay(form).status_code == 503
    other = traveller.pay({**form, "card_token": "tok_insufficient_funds"})
    assert "/progress/" in other.headers["Location"]
    wait_for(lambda: [saga["status"] not in OPEN for saga in traveller.own()] == [True], "it has ended")
    assert len(traveller.own()) == 1, "whichever came first is the only one"
