"""The UI's application: Django's, and event streams beside it."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ui.settings")
_http = get_asgi_application()

from django.conf import settings  # noqa: E402 - needs the settings' name
from service_kit import startup  # noqa: E402 - needs the settings

from ui.booking import streams  # noqa: E402 - needs the settings
from ui.middleware import LATE  # noqa: E402 - needs the settings

ABSOLUTE = re.compile(r"(?i)https?://(?P<host>[^/]*)(?P<path>/.*|)", re.DOTALL)
Json = dict[str, Any]
Receive = Callable[[], Awaitable[Json]]
Send = Callable[[Any], Awaitable[None]]

startup.announce()


async def application(scope: Json, receive: Receive, send: Send) -> None:
    """Django's application, plus refused websockets (403) and event streams.

    A request in Django holds a thread and perhaps a database connection. An event stream needs neither, so
    it is sent after Django has finished.
    """
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})
        return
    following: list[streams.Events] = []
    scope = {**_in_origin_form(scope), streams.KEY: following}
    incoming = Incoming(scope, receive)
    try:
        await _http(scope, incoming.receive, _unfinished(following, send))
        for events in following:
            await streams.deliver(events, incoming.receive, send)
    finally:
        incoming.close()


def _in_origin_form(scope: Json) -> Json:
    """Absolute form: `http://host/path` becomes `/path`, and its host replaces the header Host (RFC 9112)."""
    if not (absolute := ABSOLUTE.fullmatch(scope["path"])):
        return scope
    host = (b"host", absolute["host"].encode("latin-1", "replace"))
    headers = [each for each in scope["headers"] if each[0].lower() != b"host"]
    raw_path = b"/" + scope["raw_path"].split(b"/", 3)[3] if absolute["path"] else b"/"
    return {**scope, "path": absolute["path"] or "/", "raw_path": raw_path, "headers": [host, *headers]}


class Incoming:
    """Receives a request's body up to the limits of size and time, and then the disconnect.

    Django would first write a whole body to disk. A too large one without a length gets a length header, so
    that Django refuses it; a late one is marked and answered 408.
    """

    def __init__(self, scope: Json, receive: Receive) -> None:
        self._scope, self._receive = scope, receive
        self._seen, self._is_over = 0, False
        self._leaving: asyncio.Task[Json] | None = None
        self._read_until = asyncio.get_running_loop().time() + settings.READ_SECONDS

    async def receive(self) -> Json:
        if self._is_over:
            return await self._left()
        try:
            async with asyncio.timeout_at(self._read_until):
                event = await self._receive()
        except TimeoutError:
            self._scope[LATE] = True
            event = {"type": "http.request", "body": b"", "more_body": False}
        if event["type"] == "http.request":
            self._seen += len(event.get("body", b""))
            if self._seen > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                self._tell_length()
                event = {"type": "http.request", "body": b"", "more_body": False}
            self._is_over = not event.get("more_body", False)
        return event

    def _tell_length(self) -> None:
        if not any(name == b"content-length" for name, _ in self._scope["headers"]):
            length = (b"content-length", str(self._seen).encode())
            self._scope["headers"] = [*self._scope["headers"], length]

    async def _left(self) -> Json:
        # gunicorn takes a cancelled wait, as Django's is, for a disconnect: wait once only.
        if self._leaving is None:
            self._leaving = asyncio.create_task(self._until_left())
        return await asyncio.shield(self._leaving)

    async def _until_left(self) -> Json:
        while (event := await self._receive())["type"] == "http.request":
            pass  # The rest of a body that is too large or late is not read.
        return event

    def close(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()


def _unfinished(following: list[streams.Events], send: Send) -> Send:
    """Leaves the answer open if events follow: no length, more to come."""

    async def send_part(event: Json) -> None:
        if event["type"] == "http.response.start" and event["status"] != HTTPStatus.OK:
            following.clear()
        if following:
            headers = [each for each in event.get("headers", ()) if each[0].lower() != b"content-length"]
            event = {**event, "headers": headers, "more_body": True}
        await send(event)

    return send_part
