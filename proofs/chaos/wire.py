"""As much of HTTP/1.1 as a proxy between two services needs: whole messages, by Content-Length."""

import json
import re
from asyncio import IncompleteReadError, LimitOverrunError, StreamReader
from dataclasses import dataclass
from http import HTTPStatus

END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d+)")
AUTHORIZATION = re.compile(rb"(?im)^authorization:.*\r\n")


@dataclass(frozen=True)
class Message:
    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        return self.head + self.body

    @property
    def path(self) -> str:
        """Of a request."""
        return self.head.split(b" ", 2)[1].decode(errors="replace")

    @property
    def status(self) -> int:
        """Of an answer; 0 when it has none."""
        word = self.head.split(b" ", 2)[1:2]
        return int(word[0]) if word and word[0].isdigit() else 0

    @property
    def correlation_id(self) -> str:
        try:
            body = json.loads(self.body)
        except ValueError:
            return ""
        return str(body.get("correlation_id", "")) if isinstance(body, dict) else ""

    def without_credential(self) -> "Message":
        """As demo mode takes it at any time; a credential would have run out."""
        return Message(AUTHORIZATION.sub(b"", self.head), self.body)


async def read_message(reader: StreamReader) -> Message | None:
    """None when the peer has closed, or closes in the middle."""
    try:
        head = await reader.readuntil(END_OF_HEAD)
        length = LENGTH.search(head)
        return Message(head, await reader.readexactly(int(length[1]) if length else 0))
    except (IncompleteReadError, LimitOverrunError, OSError):
        return None


def answer(status: int, body: str, *, kind: str = "text/html", **headers: str) -> Message:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    data = body.encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(data)}\r\n{more}\r\n"
    )
    return Message(head.encode(), data)
