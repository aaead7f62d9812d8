"""A page ends within its time, and never waits for what it can do without."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from tests.desk import COMPLETED, LOYALTY, PAYMENT, SAGA, Desk, audit_row, booking
from ui import patience
from ui.backend_client import Actor, Unavailable, get
from ui.models import User


class Hung:
    """A service that takes connections, as a stopped process does, and never answers on them."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    @contextmanager
    def taken(self, calls: int) -> Iterator[None]:
        """While so many calls have come and wait; they are broken off afterwards."""
        with ExitStack() as connections:
            for _ in range(calls):
                connections.enter_context(self._listener.accept()[0])
            yield

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def hung() -> Iterator[Hung]:
    service = Hung()
    yield service
    service.close()


@pytest.fixture
def desk_beside(desk: Desk, hung: Hung) -> Desk:
    """The other services; what is asked of the one that hangs goes to its socket."""
    desk.passes_on(hung.url)
    return desk


@pytest.fixture(autouse=True)
def short(settings: Settings) -> None:
    """Long enough that a page which waits twice is told from one that waits once."""
    settings.PAGE_SECONDS, settings.OPTIONAL_SECONDS = 10.0, 0.5


@pytest.fixture(autouse=True)
def own_places() -> Iterator[None]:
    patience.bulkhead.cache_clear()
    yield
    patience.bulkhead.cache_clear()


def seconds_of(client: Client, page: str) -> tuple[float, int, str]:
    began = time.monotonic()
    answer = client.get(page)
    return time.monotonic() - began, answer.status_code, answer.content.decode()


def test_cancel_page_comes_without_the_miles_of_a_loyalty_that_hangs(
    client: Client, desk_beside: Desk, traveller: User, hung: Hung, settings: Settings
) -> None:
    settings.LOYALTY_URL = hung.url
    client.force_login(traveller)
    desk_beside.answers("/api/bookings/ABC234/", booking(user_id=traveller.traveller_id))
    desk_beside.quotes_a_cancellation()
    seconds, status, text = seconds_of(client, "/trips/ABC234/cancel/")
    assert status == 200 and "Your balance is not available just now" in text
    assert "Cancel this booking" in text
    assert seconds < settings.PAGE_SECONDS


def test_console_page_comes_without_what_payment_and_loyalty_cannot_say(
    client: Client, desk_beside: Desk, hung: Hung, settings: Settings
) -> None:
    settings.PAYMENT_URL = settings.LOYALTY_URL = hung.url
    desk_beside.tells(COMPLETED)
    desk_beside.audits(audit_row())
    seconds, status, text = seconds_of(client, f"/console/{SAGA}/")
    assert status == 200 and text.count("not available just now") == 2
    assert "payment is back" in text
    assert seconds < settings.PAGE_SECONDS


def test_missing_payment_is_distinguished_from_an_unavailable_service(client: Client, desk: Desk) -> None:
    desk.tells(COMPLETED)
    desk.audits()
    desk.refuses(f"/api/payments/{SAGA}/", 404, "NOT_FOUND", "none", method="GET", base=PAYMENT)
    desk.refuses("/api/loyalty/demo/", 404, "NOT_FOUND", "none", method="GET", base=LOYALTY)
    text = client.get(f"/console/{SAGA}/").content.decode()
    assert "not available just now" not in text and text.count("<dd>none</dd>") == 2


@pytest.mark.parametrize(
    "page",
    ["/trips/", f"/console/{SAGA}/", "/console/", f"/progress/{SAGA}/", "/book/seats/?flight=1&flight=2"],
)
def test_page_ends_within_its_time_where_the_backend_hangs(
    client: Client, traveller: User, hung: Hung, settings: Settings, page: str
) -> None:
    client.force_login(traveller)
    settings.BACKEND_URL, settings.PAGE_SECONDS = hung.url, 0.5
    seconds, status, _ = seconds_of(client, page)
    assert status == 503
    assert 0.5 <= seconds < 5, "a call alone may take 8"


def test_service_that_hangs_slows_no_page_of_another(
    client: Client, desk_beside: Desk, hung: Hung, settings: Settings
) -> None:
    """All of its places are taken, by calls whose pages have much time left."""
    settings.PAYMENT_URL, settings.PAGE_SECONDS = hung.url, 20.0
    desk_beside.answers("/api/bookings/ABC234/", booking())
    desk_beside.tells(COMPLETED)
    desk_beside.audits()
    desk_beside.answers("/api/loyalty/demo/", {"entries": []}, base=LOYALTY)
    with ThreadPoolExecutor(patience.PLACES) as crowd:
        calls = [crowd.submit(ask_payment) for _ in range(patience.PLACES)]
        with hung.taken(patience.PLACES):
            plain = seconds_of(client, "/trips/ABC234/")
            console = seconds_of(client, f"/console/{SAGA}/")
        assert all(isinstance(call.exception(), Unavailable) for call in calls)
    assert (plain[1], console[1]) == (200, 200)
    assert max(plain[0], console[0]) < settings.PAGE_SECONDS / 2
    assert "not available just now" in console[2]


def ask_payment() -> None:
    get("payment", f"/api/payments/{SAGA}/", actor=Actor("demo"))


def test_call_beyond_the_queue_is_refused_at_once() -> None:
    bulkhead = patience.Bulkhead(places=1, queue=0)
    began = time.monotonic()
    with bulkhead.place(60), pytest.raises(patience.NoPlaceError), bulkhead.place(60):
        pass
    assert time.monotonic() - began < 10
    with bulkhead.place(60):
        pass


def test_wait_for_a_place_ends_with_the_time() -> None:
    bulkhead = patience.Bulkhead(places=1, queue=1)
    with bulkhead.place(60), pytest.raises(patience.NoPlaceError), bulkhead.place(0.01):
        pass


def test_call_is_not_made_when_the_time_of_its_page_is_up(desk: Desk) -> None:
    desk.tells(COMPLETED)
    with patience.within(0), pytest.raises(Unavailable):
        get("backend", f"/api/saga/status/{SAGA}/", actor=Actor("demo"))
    assert desk.calls == []


def test_time_that_is_left_is_never_extended() -> None:
    with patience.within(0.5), patience.within(60):
        assert patience.seconds_left(60) <= 0.5
    assert patience.seconds_left(60) == 60


def test_page_that_waits_for_a_service_keeps_no_connection_of_the_pool(
    client: Client, desk: Desk, traveller: User
) -> None:
    if not connection.settings_dict["OPTIONS"].get("pool"):
        pytest.skip("SQLite has no pool")
    client.force_login(traveller)
    kept: list[bool] = []
    desk.when_asked(
        "/api/bookings/ABC234/", booking(), lambda: kept.append(connection.connection is not None)
    )
    assert client.get("/trips/ABC234/").status_code == 200
    assert kept == [False]
