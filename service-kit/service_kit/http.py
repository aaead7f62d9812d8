"""HTTP between services: keep-alive, no retries, no redirects, and one deadline for a whole call."""

import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import requests
import structlog
from django.db import connection as database
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import ConnectionPool, HTTPConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

CONNECT_SECONDS = 1.0
MAX_REPLY_BYTES = 64 * 1024
POOL_SIZE = 32

_call = threading.local()


class NoReply(Exception):
    """The call ended without a whole answer: whether it took effect is unknown."""


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: Any


class _DeadlineSocket(socket.socket):
    """Each read gets what is left of the call's time, so that a trickling peer cannot stretch it."""

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        left = _call.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's time is used up")
        self.settimeout(left)
        return super().recv_into(*args, **kwargs)


class _DeadlineConnection(HTTPConnection):
    _pieces: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Head and body leave in one piece, or the receiver would wake up twice."""
        pieces: list[bytes] = []
        self._pieces = pieces
        try:
            super().request(*args, **kwargs)
        finally:
            self._pieces = None
        self.send(b"".join(pieces))

    def send(self, data: Any) -> None:
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)

    def connect(self) -> None:
        super().connect()
        _call.opened = True
        plain = self.sock
        plain_timeout = plain.gettimeout()
        self.sock = _DeadlineSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        self.sock.settimeout(plain_timeout)


class _DeadlinePool(HTTPConnectionPool):
    ConnectionCls = _DeadlineConnection


class _DeadlineAdapter(HTTPAdapter):
    """For one service only: its connections are looked up once, and of an answer only what a Reply needs
    is made. Together that is a third of what requests adds to urllib3's cost of a call."""

    _connections: ConnectionPool | None = None

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        pools = {**self.poolmanager.pool_classes_by_scheme, "http": _DeadlinePool}
        self.poolmanager.pool_classes_by_scheme = pools

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> ConnectionPool:
        if self._connections is None:
            self._connections = super().get_connection_with_tls_context(*args, **kwargs)
        return self._connections

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.headers, response.raw = resp.status, resp.headers, resp
        response.request = req
        return response


class ServiceClient:
    """Calls one service. Thread-safe; connections are kept and shared by all threads."""

    def __init__(self, base_url: str, *, largest_reply: int = MAX_REPLY_BYTES) -> None:
        self._base_url, self._largest_reply = base_url.rstrip("/"), largest_reply
        self._adapter = _DeadlineAdapter(pool_connections=1, pool_maxsize=POOL_SIZE, max_retries=0)

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
        _call.deadline = time.monotonic() + timeout
        request = self._prepare(method, path, body, headers or {})
        _call.opened = False
        try:
            return self._send(request)
        except requests.ConnectionError as error:
            never_opened = isinstance(error, requests.Timeout) or isinstance(_root(error), NewConnectionError)
            if _call.opened or never_opened:
                raise NoReply(_describe(error)) from error
        except (requests.RequestException, HTTPError, OSError) as error:
            raise NoReply(_describe(error)) from error
        try:
            return self._send(request)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise NoReply(_describe(error)) from error

    def _prepare(
        self, method: str, path: str, body: str | None, headers: dict[str, str]
    ) -> requests.PreparedRequest:
        # Built by hand: a Session's merging of settings, cookies and hooks doubles the cost of a call.
        request = requests.PreparedRequest()
        request.method, request.url = method, self._base_url + path
        request.headers = requests.structures.CaseInsensitiveDict(headers)
        request.hooks = {"response": []}
        if body is not None:
            request.body = body.encode()
            request.headers["Content-Type"] = "application/json"
            request.headers["Content-Length"] = str(len(request.body))
        return request

    def _send(self, request: requests.PreparedRequest) -> Reply:
        left = _call.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's time is used up")
        timeout = (min(CONNECT_SECONDS, left), left)
        response = self._adapter.send(request, stream=True, timeout=timeout)
        body = response.raw.read(self._largest_reply + 1, decode_content=True)
        if len(body) > self._largest_reply:
            response.close()
            raise OSError(f"the answer is over {self._largest_reply} bytes")
        if response.raw.length_remaining:
            response.close()
            raise OSError("the answer was cut short")
        response.raw.release_conn()
        return Reply(response.status_code, body, response.headers)


def correlation_headers() -> dict[str, str]:
    """The headers that carry this request's correlation id on to the next service."""
    bound = structlog.contextvars.get_contextvars()
    cid = bound.get("correlation_id")
    return {"X-Correlation-ID": cid} if isinstance(cid, str) else {}


def _root(error: BaseException) -> BaseException:
    cause = error.args[0] if error.args and isinstance(error.args[0], BaseException) else None
    reason = getattr(cause, "reason", None)
    return reason if isinstance(reason, BaseException) else cause or error


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {_root(error)}"[:200]
