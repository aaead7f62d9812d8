"""Server-sent events of a saga: complete, in order, resumable, with one poller behind many listeners."""

import asyncio
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.test import Client

from tests.caller import Caller
from tests.desk import COMPLETED, DECLINED, EVENTS, RUNNING, SAGA, Desk, Json, event
from ui import patience
from ui.backend_client import Unavailable
from ui.booking import streams
from ui.models import User

URL = f"/api/saga/stream/{SAGA}/"


class Backend:
    """Tells one event more with every read of the events."""

    def __init__(self, fails_after: int = 99) -> None:
        self.status_reads = self.known = 0
        self._fails_after = fails_after

    def __call__(self, path: str) -> Json:
        if "/status/" in path:
            self.status_reads += 1
            if self.status_reads > self._fails_after:
                raise Unavailable("backend", "gone")
            return COMPLETED if self.known >= len(EVENTS) else RUNNING
        self.known = min(self.known + 1, len(EVENTS))
        after = int(path.partition("?after=")[2])
        return {"events": EVENTS[after : self.known]}


async def read_all(cid: str, after: int, backend: Callable[[str], Json]) -> list[str]:
    return [chunk.decode() async for chunk in streams.listen(cid, after, backend)]


def ids(chunks: list[str]) -> list[int]:
    return [int(line[4:]) for chunk in chunks for line in chunk.splitlines() if line.startswith("id: ")]


def test_every_event_is_sent_once_in_order_and_then_the_end() -> None:
    chunks = asyncio.run(read_all("all", 0, Backend()))
    assert ids(chunks) == [1, 2, 3, 4]
    assert chunks[-1] == "event: end\ndata: {}\n\n"


def test_stream_resumes_after_the_last_event_that_was_seen() -> None:
    assert ids(asyncio.run(read_all("resume", 2, Backend()))) == [3, 4]


def test_a_stream_of_more_events_than_a_page_of_the_backend_has_leaves_none_out() -> None:
    every = [event(number, "SAGA_STEP_UNKNOWN") for number in range(1, 1143)]

    def backend(path: str) -> Json:
        if "/status/" in path:
            return COMPLETED
        after = int(path.partition("?after=")[2])
        return {"events": every[after : after + 1000], "next": f"{path}?after=1000" if after < 142 else None}

    chunks = asyncio.run(read_all("long", 0, backend))
    assert ids(chunks) == list(range(1, 1143))
    assert chunks[-1] == "event: end\ndata: {}\n\n"


def test_many_listeners_share_one_poller_and_all_get_everything() -> None:
    backend = Backend()

    async def crowd() -> list[list[str]]:
        return await asyncio.gather(*(read_all("crowd", 0, backend) for _ in range(20)))

    for chunks in asyncio.run(crowd()):
        assert ids(chunks) == [1, 2, 3, 4]
    assert backend.status_reads == len(EVENTS)


def test_backend_that_goes_away_ends_the_stream_without_the_end_event_so_that_it_is_resumed() -> None:
    chunks = asyncio.run(read_all("broken", 0, Backend(fails_after=2)))
    assert ids(chunks) == [1, 2, 3]
    assert not any("event: end" in chunk for chunk in chunks)


def test_saga_that_is_begun_again_at_its_end_is_followed_to_its_new_end() -> None:
    """Its cancellation came between the reading of its status and that of its events."""
    undone = [*EVENTS, event(5, "SAGA_COMPENSATION_STARTED"), event(6, "SAGA_COMPENSATED")]
    events = iter([EVENTS, undone[4:5], undone[5:], []])
    statuses = iter([COMPLETED, {**COMPLETED, "status": "COMPENSATING"}, DECLINED])

    def backend(path: str) -> Json:
        return next(statuses) if "/status/" in path else {"events": next(events)}

    assert ids(asyncio.run(read_all("again", 0, backend))) == [1, 2, 3, 4, 5, 6]


def test_poller_outlives_the_time_of_the_page_that_began_it() -> None:
    async def begun_by_a_page() -> list[str]:
        with patience.within(0):
            return await read_all("late", 0, in_time)

    backend = Backend()

    def in_time(path: str) -> Json:
        assert patience.seconds_left(60) == 60
        return backend(path)

    assert ids(asyncio.run(begun_by_a_page())) == [1, 2, 3, 4]


def test_poller_stops_when_the_last_listener_leaves() -> None:
    backend = Backend()

    async def leave_early() -> int:
        stream = streams.listen("leave", 0, backend)
        await anext(stream)
        await anext(stream)
        feed, seen = streams._feeds["leave"], backend.status_reads
        await stream.aclose()
        assert feed.poller
        await asyncio.wait([feed.poller])
        assert "leave" not in streams._feeds
        return backend.status_reads - seen

    # A read that was under way in its thread comes to its end.
    assert asyncio.run(leave_early()) <= 1


async def follow(session: str) -> Caller:
    """A stream that is open: its first words have come."""
    caller = await Caller(URL, cookie=f"ui_session={session}").send()
    assert (await caller.receive())["status"] == 200
    while b"retry" not in (await caller.receive())["body"]:
        pass
    return caller


async def leave(callers: list[Caller]) -> None:
    for caller in callers:
        await caller.leave()


async def get(last_event_id: str = "", url: str = URL) -> tuple[int, str]:
    caller = await Caller(url, last_event_id=last_event_id).send()
    return await caller.answer()


@pytest.mark.parametrize(
    ("last", "expected"),
    [("", [1, 2, 3, 4]), ("3", [4]), ("4", []), ("x", [1, 2, 3, 4]), ("-1", [1, 2, 3, 4])],
)
def test_endpoint_replays_from_last_event_id(desk: Desk, last: str, expected: list[int]) -> None:
    desk.tells(COMPLETED)
    status, text = asyncio.run(get(last))
    assert status == 200
    assert ids([text]) == expected
    assert text.endswith("event: end\ndata: {}\n\n")


def test_event_data_is_the_backends_event(desk: Desk) -> None:
    hostile = event(1, "SAGA_STEP_FAILED", error="</script>\n\ndata: forged")
    desk.tells(COMPLETED, [hostile])
    _, text = asyncio.run(get())
    (data,) = [line[6:] for line in text.splitlines() if line.startswith("data: {") and "event_id" in line]
    assert json.loads(data) == hostile


def test_saga_that_is_not_the_callers_is_a_404_problem(desk: Desk) -> None:
    desk.refuses(f"/api/saga/status/{SAGA}/", 404, "NOT_FOUND", "There is no such saga.", method="GET")
    status, text = asyncio.run(get())
    assert status == 404 and json.loads(text)["code"] == "NOT_FOUND"


@pytest.mark.parametrize("unreadable", ["a b", ".", "..", "x" * 65])
def test_unreadable_id_is_a_404_and_asks_nobody(desk: Desk, unreadable: str) -> None:
    status, _ = asyncio.run(get(url=f"/api/saga/stream/{unreadable}/"))
    assert status == 404 and desk.calls == []


def test_backend_away_is_a_503_with_retry_after(desk: Desk) -> None:
    desk.answers(f"/api/saga/status/{SAGA}/", {}, status=503)
    assert asyncio.run(get())[0] == 503


def test_open_streams_hold_no_thread_and_no_connection_to_the_database(
    desk: Desk, client: Client, traveller: User
) -> None:
    """Each of them has read a session and a user: were that connection kept, a pool would be used up."""
    desk.tells(RUNNING)
    client.force_login(traveller)
    session = client.cookies["ui_session"].value
    opened: list[BaseDatabaseWrapper] = []

    def note(connection: BaseDatabaseWrapper, **_: Any) -> None:
        opened.append(connection)

    async def crowd() -> tuple[int, int]:
        before = threading.active_count()
        callers = [await follow(session) for _ in range(300)]
        threads = threading.active_count() - before
        kept = sum(each.connection is not None for each in opened)
        await leave(callers)
        return threads, kept

    connection_created.connect(note)
    try:
        threads, kept = asyncio.run(crowd())
    finally:
        connection_created.disconnect(note)
    assert len(opened) >= 300 and kept == 0
    assert threads <= streams.READERS + 1, "the readers, and the last request's own, which may be ending"
    assert streams._feeds == {}


def test_stream_over_the_limit_gets_a_retry_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.tells(RUNNING)
    monkeypatch.setattr(streams, "MOST_LISTENERS", 2)

    async def crowd() -> tuple[int, str]:
        callers = [await follow("") for _ in range(2)]
        answer = await get()
        await leave(callers)
        return answer

    status, text = asyncio.run(crowd())
    assert status == 503 and "TRY_AGAIN" in text


def test_poller_ends_with_its_last_listener(desk: Desk) -> None:
    desk.tells(RUNNING)

    async def come_and_go() -> int:
        callers = [await follow("") for _ in range(2)]
        pollers = len(streams._feeds)
        await leave(callers)
        return pollers

    assert asyncio.run(come_and_go()) == 1
    assert streams._feeds == {}
