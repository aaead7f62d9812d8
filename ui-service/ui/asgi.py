import os
from collections.abc import Awaitable, Callable
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ui.settings")
_http = get_asgi_application()

from django.conf import settings  # noqa: E402 - needs the settings' name
from service_kit import startup  # noqa: E402 - needs the settings

Json = dict[str, Any]
Receive = Callable[[], Awaitable[Json]]
Send = Callable[[Any], Awaitable[None]]

startup.announce()


async def application(scope: Json, receive: Receive, send: Send) -> None:
    """Django's, which takes the opening of a websocket for an error of ours: it is refused, with 403."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close"})
    else:
        await _http(scope, _bounded(scope, receive), send)


def _bounded(scope: Json, receive: Receive) -> Receive:
    """Ends a body that is too large where it becomes so: Django would put all of it on the disk first.

    Its length is told by a header then, if its sender told none, so that Django refuses it.
    """
    seen, ended = 0, False

    async def receive_some() -> Json:
        nonlocal seen, ended
        while (event := await receive())["type"] == "http.request":
            if ended:
                continue  # Nobody waits for the rest.
            seen += len(event["body"])
            if seen <= settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
                break
            ended = True
            if not any(name == b"content-length" for name, _ in scope["headers"]):
                scope["headers"] = [*scope["headers"], (b"content-length", str(seen).encode())]
            return {"type": "http.request", "body": b"", "more_body": False}
        return event

    return receive_some
