"""Live events of a saga: one poller per saga and process, any number of listeners."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import structlog

from ui.backend_client import Actor, Json, ServiceTrouble, get
from ui.sagas import TERMINAL

log = structlog.get_logger(__name__)
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 2.0
KEEP_ALIVE_SECONDS = 15.0
LONGEST_STREAM_SECONDS = 600.0

Read = Callable[[str], Json]


@dataclass
class Feed:
    """What is known of one saga's events. Only its poller writes; listeners read and wait."""

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


def reader(actor: Actor) -> Read:
    return partial(_read, actor)


def _read(actor: Actor, path: str) -> Json:
    return get("backend", path, actor=actor)


async def listen(correlation_id: str, after: int, read: Read) -> AsyncIterator[bytes]:
    """Server-sent events later than `after`, until every event is sent and the saga is terminal."""
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
        feed.poller = asyncio.create_task(_poll(correlation_id, feed, read))
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
    pause = FIRST_PAUSE
    try:
        while not feed.ended:
            # The status is read before the events: if it is terminal, no event can be missing after.
            status = await asyncio.to_thread(read, f"/api/saga/status/{correlation_id}/")
            news = await _news(correlation_id, feed, read)
            feed.events.extend(news)
            feed.ended = status.get("status") in TERMINAL
            if news or feed.ended:
                pause = FIRST_PAUSE
                feed.announce()
            if not feed.ended:
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, LONGEST_PAUSE)
    except ServiceTrouble:
        log.info("stream_interrupted", correlation_id=correlation_id)
    finally:
        # Listeners reconnect with the number of their last event, which starts a fresh poller.
        feed.broken = not feed.ended
        _forget(correlation_id, feed)
        feed.announce()


async def _news(correlation_id: str, feed: Feed, read: Read) -> list[Json]:
    after = feed.events[-1]["sequence"] if feed.events else 0
    answer = await asyncio.to_thread(read, f"/api/saga/events/{correlation_id}/?after={after}")
    return [event for event in answer.get("events", []) if event["sequence"] > after]


def _encode(event: Json) -> bytes:
    data = json.dumps(event, default=float, separators=(",", ":"))
    return f"id: {event['sequence']}\ndata: {data}\n\n".encode()
