"""A client of the backend that knows that an answer may not come."""

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Body = dict[str, Any]
PATIENCE = 20.0
AGAIN = (503, 429)


@dataclass(frozen=True)
class Answer:
    status: int
    body: Body
    correlation_id: str


class Desk:
    def __init__(self, backend: str, patience: float = PATIENCE) -> None:
        self._address, self._patience = urlsplit(backend).netloc, patience

    def get(self, path: str) -> Answer | None:
        return self._call("GET", path, None, {})

    def post(self, path: str, body: Body | None = None, **headers: str) -> Answer | None:
        """None when no answer came: nobody knows then what became of it."""
        return self._call("POST", path, body, headers)

    def _call(self, method: str, path: str, body: Body | None, headers: dict[str, str]) -> Answer | None:
        connection = http.client.HTTPConnection(self._address, timeout=self._patience)
        try:
            _send(connection, method, path, body, headers)
            reply = connection.getresponse()
            return Answer(reply.status, _parse(reply.read()), reply.getheader("X-Correlation-ID", ""))
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def abandon(self, path: str, body: Body, patience: float, **headers: str) -> None:
        """Send it, and hang up without reading an answer."""
        connection = http.client.HTTPConnection(self._address, timeout=self._patience)
        try:
            _send(connection, "POST", path, body, headers)
            time.sleep(patience)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: Body | None,
    headers: dict[str, str],
) -> None:
    data = json.dumps(body).encode() if body is not None else None
    kind = {"Content-Type": "application/json"} if data else {}
    connection.request(method, path, data, {name.replace("_", "-"): v for name, v in headers.items()} | kind)


def _parse(raw: bytes) -> Body:
    try:
        body = json.loads(raw)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
