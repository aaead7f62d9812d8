"""Live events of a saga: one poller per saga and process, any number of listeners."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from ui.backend_client import Actor, Json, ServiceTrouble, get
from ui.view_models.sagas import TERMINAL

log = structlog.get_logger(__name__)
FIRST_PAUSE, PATIENCE, LONGEST_PAUSE = 0.1, 1.2, 1.0
KEEP_ALIVE_SECONDS = 15.0
LONGEST_STREAM_SECONDS = 600.0
MOST_LISTENERS = 600
"per process, below the usual limit of 1,024 descriptors. A page without a stream polls instead."
READERS = 4
KEY = "ui.events"
"Key of the ASGI scope: what to send after Django's part of the answer."

Read = Callable[[str], Json]
Events = AsyncGenerator[bytes, None]
Receive = Callable[[], Awaitable[Json]]
Send = Callable[[Any], Awaitable[None]]


@dataclass
class Feed:
    """The known events of one saga. Only its poller writes; listeners read and wait."""

    events: list[Json] = field(default_factory=list)
    ended: bool = False
    broken: bool = False
    listeners: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    poller: asyncio.Task[None] | None = None

    def announce(self) -> None:
        waiting, self.changed = self.changed, asyncio.Event()
        waiting.set()


_feeds: dict[str, Feed] = {}
# Own threads, so that a backend that hangs takes none from the pages.
_readers = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="events")


def reader(actor: Actor) -> Read:
    return partial(_read, actor)


def _read(actor: Actor, path: str) -> Json:
    return get("backend", path, actor=actor)


def are_full() -> bool:
    return sum(feed.listeners for feed in list(_feeds.values())) >= MOST_LISTENERS


async def deliver(events: Events, receive: Receive, send: Send) -> None:
    """Send until the events end or the listener disconnects."""

    async def send_all() -> None:
        async with aclosing(events):
            async for event in events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body"})

    async def watch() -> None:
        await receive()  # The request is complete: the next message can only be the disconnect.
        sending.cancel()

    async with asyncio.TaskGroup() as tasks:
        sending = tasks.create_task(send_all())
        watching = tasks.create_task(watch())
        sending.add_done_callback(lambda _: watching.cancel())


async def listen(correlation_id: str, after: int, read: Read) -> Events:
    """Server-sent events after `after`, until all are sent and the saga is terminal."""
    feed = _join(correlation_id, read)
    loop = asyncio.get_running_loop()
    stop_at = loop.time() + LONGEST_STREAM_SECONDS
    try:
        yield b"retry: 1000\n\n"
        while True:
            changed, ended, broken = feed.changed, feed.ended, feed.broken
            for event in feed.events:
                if event["sequence"] > after:
                    after = event["sequence"]
                    yield _encode(event)
            if ended:
                yield b"event: end\ndata: {}\n\n"
                return
            if broken or loop.time() > stop_at:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), KEEP_ALIVE_SECONDS)
                continue
            yield b": still here\n\n"
    finally:
        _leave(correlation_id, feed)


def _join(correlation_id: str, read: Read) -> Feed:
    feed = _feeds.get(correlation_id)
    if feed is None:
        feed = _feeds[correlation_id] = Feed()
        # In a new context: the deadline of the request must not apply.
        feed.poller = asyncio.create_task(_poll(correlation_id, feed, read), context=Context())
    feed.listeners += 1
    return feed


def _leave(correlation_id: str, feed: Feed) -> None:
    feed.listeners -= 1
    if feed.listeners == 0 and feed.poller is not None:
        feed.poller.cancel()
        _forget(correlation_id, feed)


def _forget(correlation_id: str, feed: Feed) -> None:
    if _feeds.get(correlation_id) is feed:
        del _feeds[correlation_id]


async def _poll(correlation_id: str, feed: Feed, read: Read) -> None:
    structlog.contextvars.bind_contextvars(correlation_id=correlation_id)
    pause, is_over = FIRST_PAUSE, None
    try:
        while not feed.ended:
            news = await _news(correlation_id, feed, read)
            if news:
                pause = FIRST_PAUSE
                feed.events.extend(news)
                feed.announce()
            if news or is_over is None:
                status = await _in_thread(read, f"/api/saga/status/{correlation_id}/")
                is_over = status.get("status") in TERMINAL
            elif is_over:
                # No event came after the saga's end, so none is missing and it was not turned back.
                feed.ended = True
            if not is_over:
                await asyncio.sleep(pause)
                pause = min(pause * PATIENCE, LONGEST_PAUSE)
    except ServiceTrouble:
        log.info("stream_interrupted", correlation_id=correlation_id)
    finally:
        # Listeners reconnect with their last event's number, which starts a new poller.
        feed.broken = not feed.ended
        _forget(correlation_id, feed)
        feed.announce()


async def _news(correlation_id: str, feed: Feed, read: Read) -> list[Json]:
    after = feed.events[-1]["sequence"] if feed.events else 0
    answer = await _in_thread(read, f"/api/saga/events/{correlation_id}/?after={after}")
    return [event for event in answer.get("events", []) if event["sequence"] > after]


async def _in_thread(read: Read, path: str) -> Json:
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_readers, copy_context().run, read, path)


def _encode(event: Json) -> bytes:
    data = json.dumps(event, default=float, separators=(",", ":"))
    return f"id: {event['sequence']}\ndata: {data}\n\n".encode()
