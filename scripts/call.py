"""JSON over HTTP to a service on this machine, past any proxy of the environment."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit


class NoAnswerError(Exception):
    """The service did not answer at all."""


def call(method: str, url: str, body: object = None, *, timeout: float = 30) -> tuple[int, Any]:
    """The status and the parsed answer, None where it is not JSON."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    data = None if body is None else json.dumps(body).encode()
    headers = {"Accept": "application/json"} | ({"Content-Type": "application/json"} if data else {})
    try:
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        return answer.status, _parse(answer.read())
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(f"{method} {url}: {error}") from error
    finally:
        connection.close()


def _parse(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
