"""HTTP between services: keep-alive, no retries, no redirects, and one deadline for a whole call."""

from dataclasses import dataclass
from typing import Any

import requests
import structlog
from django.db import connection as database

from service_kit.connections import KeptAdapter

MAX_REPLY_BYTES = 64 * 1024


class NoReply(Exception):
    """The call ended without a whole answer: whether it took effect is unknown."""


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Any


class ServiceClient:
    """Calls one service. Thread-safe; connections are kept and shared by all threads."""

    def __init__(self, base_url: str, *, largest_reply: int = MAX_REPLY_BYTES) -> None:
        self._base_url = base_url.rstrip("/")
        self._adapter = KeptAdapter(self._base_url, largest_reply)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: str | None = None,
        headers: dict[str, str] | None = None,
        timeout: float,
    ) -> Reply:
        """One call of at most `timeout` seconds in all. Raises NoReply.

        Goes once more at once when a kept connection turns out to be closed: the peer may have
        ended it between two calls, and every call of the suite is safe to repeat.
        """
        assert not database.in_atomic_block, "no transaction may be open during a call"
        if timeout <= 0:
            raise NoReply("the call's time is used up")
        request = self._prepare(method, path, body, headers or {})
        try:
            response = self._adapter.send(request, timeout=timeout)
        except (requests.RequestException, OSError) as error:
            raise NoReply(_describe(error)) from error
        return Reply(response.status_code, response.content, response.headers)

    def _prepare(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> requests.PreparedRequest:
        # Built by hand: a Session's merging of settings, cookies and hooks doubles the cost of a call.
        request = requests.PreparedRequest()
        request.method, request.url = method, self._base_url + path
        # Spelt by us alone: nobody has to find them in another spelling.
        request.headers = {**headers}  # type: ignore[assignment]
        request.hooks = {"response": []}
        if body is not None:
            request.body = body.encode()
            request.headers["Content-Type"] = "application/json"
        if method != "GET":
            request.headers["Content-Length"] = str(len(request.body or b""))
        return request


def correlation_headers() -> dict[str, str]:
    """The headers that carry this request's correlation id on to the next service."""
    bound = structlog.contextvars.get_contextvars()
    cid = bound.get("correlation_id")
    return {"X-Correlation-ID": cid} if isinstance(cid, str) else {}


def _describe(error: BaseException) -> str:
    """What requests' exception holds says more than its own name."""
    cause = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error
    return f"{type(cause).__name__}: {cause}"[:200]
