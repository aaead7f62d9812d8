"""HTTP between services: keep-alive, no retries, no redirects, and one deadline for a whole call."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import requests
import structlog
from django.db import connection as database
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import HTTPError, MaxRetryError, ProtocolError

CONNECT_SECONDS = 1.0
MAX_REPLY_BYTES = 64 * 1024
MAX_CALLS = 16
READ_BYTES = 64 * 1024
CACHED_ADDRESSES = 256
# requests raises OSErrors, and passes some of urllib3's errors through; its adapter hands out urllib3's pool.
FAILURES = (OSError, HTTPError)


class NoReply(Exception):
    """The call ended without a whole answer: whether it took effect is unknown."""


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Any


class OneService(HTTPAdapter):
    """requests' adapter for one service, whose connections need not be looked up for each call.

    It is used without a session, which adds nothing that a call may have: no proxy and no password from the
    environment, no cookies, no redirects.
    """

    _pool: ConnectionPool | None = None

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> ConnectionPool:
        # Two threads may look it up at once: they find the same one.
        if self._pool is None:
            self._pool = super().get_connection_with_tls_context(*args, **options)
        return self._pool


class ServiceClient:
    """Calls one service. Thread-safe; connections are kept and shared by all threads.

    A call runs in a thread of the client, because no time-out bounds a name lookup or a trickled answer. The
    caller continues at the deadline; the thread ends with its socket's time-out. `max_calls` run at once;
    waiting for a thread counts against the deadline.
    """

    def __init__(
        self, base_url: str, *, largest_reply: int = MAX_REPLY_BYTES, max_calls: int = MAX_CALLS
    ) -> None:
        self._base_url, self._largest_reply = base_url.rstrip("/"), largest_reply
        self._adapter = OneService(pool_connections=1, pool_maxsize=max_calls, max_retries=0)
        self._authority = os.environ.get("REQUESTS_CA_BUNDLE") or True
        self._threads = ThreadPoolExecutor(max_calls, thread_name_prefix="call")

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

        Sent once more at once if the connection is closed before an answer begins: the peer may have closed a
        kept connection, and every call is safe to repeat.
        """
        assert not database.in_atomic_block, "no transaction may be open during a call"
        if timeout <= 0:
            raise NoReply("the call's time is used up")
        deadline = time.monotonic() + timeout
        exchange = self._threads.submit(self._exchange, self._prepare(method, path, body, headers), deadline)
        try:
            return exchange.result(timeout)
        except TimeoutError as error:
            exchange.cancel()
            raise NoReply("Timeout: the call's time is used up") from error

    def _prepare(
        self, method: str, path: str, body: str | None, headers: dict[str, str] | None
    ) -> requests.PreparedRequest:
        sent = dict(headers or {})
        if body is not None:
            sent["Content-Type"] = "application/json"
        request = requests.PreparedRequest()
        request.method, request.url = method, _quoted(self._base_url + path)
        request.prepare_headers(sent)
        request.prepare_body(None if body is None else body.encode(), files=None)
        return request

    def _exchange(self, request: requests.PreparedRequest, deadline: float) -> Reply:
        try:
            return self._send(request, deadline)
        except FAILURES as error:
            if not _closed_without_answer(error):
                raise NoReply(_describe(error)) from error
        try:
            return self._send(request, deadline)
        except FAILURES as error:
            raise NoReply(_describe(error)) from error

    def _send(self, request: requests.PreparedRequest, deadline: float) -> Reply:
        left = _left(deadline)
        timeout = (min(CONNECT_SECONDS, left), left)
        with self._adapter.send(request, timeout=timeout, stream=True, verify=self._authority) as response:
            return Reply(response.status_code, self._body(response, deadline), response.headers)

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        body = bytearray()
        for part in response.iter_content(READ_BYTES):
            body += part
            if len(body) > self._largest_reply:
                raise NoReply(f"the answer is over {self._largest_reply} bytes")
            _left(deadline)
        return bytes(body)


@lru_cache(maxsize=CACHED_ADDRESSES)
def _quoted(address: str) -> str:
    """Cached: it is the most expensive part of a request's preparation."""
    return str(requests.Request("GET", address).prepare().url)


def correlation_headers() -> dict[str, str]:
    """The headers that carry this request's correlation id on to the next service."""
    bound = structlog.contextvars.get_contextvars()
    cid = bound.get("correlation_id")
    return {"X-Correlation-ID": cid} if isinstance(cid, str) else {}


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise NoReply("Timeout: the call's time is used up")
    return seconds


def _cause(error: BaseException) -> BaseException:
    """The wrapped error is more precise than requests' own."""
    cause = error.args[0] if error.args and isinstance(error.args[0], BaseException) else error
    return cause.reason if isinstance(cause, MaxRetryError) and cause.reason else cause


def _closed_without_answer(error: BaseException) -> bool:
    cause = _cause(error)
    return isinstance(cause, ProtocolError) and isinstance(cause.args[-1], ConnectionError)


def _describe(error: BaseException) -> str:
    cause = _cause(error)
    return f"{type(cause).__name__}: {cause}"[:200]
