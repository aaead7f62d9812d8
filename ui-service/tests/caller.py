"""A caller of the whole ASGI application, of which Django is a part."""

from typing import Any

from asgiref.testing import ApplicationCommunicator

from ui.asgi import application

SECONDS = 20
Json = dict[str, Any]
_communicator: Any = ApplicationCommunicator


class Caller:
    def __init__(self, path: str, method: str = "GET", **headers: str) -> None:
        sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        sent += [] if "host" in headers else [(b"host", b"testserver")]
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
        }
        self._server: Any = _communicator(application, {**scope, "headers": sent})

    async def send(self, body: bytes = b"", *, more: bool = False) -> "Caller":
        await self._server.send_input({"type": "http.request", "body": body, "more_body": more})
        return self

    async def receive(self) -> Json:
        event: Json = await self._server.receive_output(SECONDS)
        return event

    async def answer(self) -> tuple[int, str]:
        """All of it, until the application has finished."""
        start, body, more = await self.receive(), b"", True
        while more:
            part = await self.receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        await self._server.wait(SECONDS)
        return start["status"], body.decode()

    async def leave(self) -> None:
        await self._server.send_input({"type": "http.disconnect"})
        await self._server.wait(SECONDS)
