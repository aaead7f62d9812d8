"""The connections under a ServiceClient: kept alive, never retried, and bound to one deadline for a call.

They stand where requests' adapter has urllib3's, and cost a third of them. llhttp, which httptools wraps,
understands the answers.
"""

import os
import select
import socket
import ssl
import time
import weakref
import zlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import requests
from httptools import HttpParserError, HttpResponseParser
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import DEFAULT_CA_BUNDLE_PATH, requote_uri
from urllib3.util import Timeout

CONNECT_SECONDS = 1.0
READ_BYTES = 64 * 1024
MAX_HEAD_BYTES = 64 * 1024
MOST_KEPT = 32
GZIP_OR_ZLIB = 47


class Answer:
    """An answer while it arrives; the interim ones (1xx) before it are passed over."""

    status = 0
    is_whole = False
    is_last = False
    "whether the other side ends the connection after it"

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            raise OSError(f"this is no HTTP answer: {error.__context__ or error}") from error
        if self.is_whole:
            del self._parser  # It knows this object, and a cycle would wait for the garbage collector.

    def on_message_begin(self) -> None:
        if self.is_whole:
            raise OSError("more came than one answer")
        self.headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
        self.body = bytearray()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1")] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status, self.is_last = self._parser.get_status_code(), not self._parser.should_keep_alive()

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        self.is_whole = self.status >= 200


class Connection:
    """One connection; whatever happens on it ends by the deadline, a time of `time.monotonic`."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, deadline: float) -> None:
        self._socket = socket.create_connection((host, port), min(CONNECT_SECONDS, _left(deadline)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self._socket.settimeout(_left(deadline))
            self._socket = tls.wrap_socket(self._socket, server_hostname=host)

    def exchange(self, request: bytes, deadline: float, largest: int) -> Answer:
        """The answer to a request. Each read gets what is left of the time, so that nobody can stretch it."""
        self._socket.settimeout(_left(deadline))
        self._socket.sendall(request)
        answer, received = Answer(), 0
        while not answer.is_whole:
            self._socket.settimeout(_left(deadline))
            data = self._socket.recv(READ_BYTES)
            if not data:
                raise OSError("the answer was cut short") if received else ConnectionResetError("no answer")
            received += len(data)
            if received > largest + MAX_HEAD_BYTES:
                raise _too_large(largest)
            answer.feed(data)
        return answer

    def is_idle(self) -> bool:
        """Whether nothing has come since the last answer, such as the other side's end of the connection."""
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def close(self) -> None:
        self._socket.close()


class Connections:
    """Those to one service, for all threads. Of urllib3's pool it has what requests' adapter asks for."""

    def __init__(self, base_url: str, largest_reply: int) -> None:
        address = urlsplit(base_url)
        secure = address.scheme == "https"
        self._host, self._port = address.hostname or "", address.port or (443 if secure else 80)
        self._tls = _trust() if secure else None
        self._host_line = f"Host: {address.netloc.rpartition('@')[2]}"
        self._largest = largest_reply
        self._kept: list[Connection] = []
        weakref.finalize(self, _close_all, self._kept)

    def urlopen(
        self,
        *,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        timeout: Timeout,
        **_: Any,
    ) -> Answer:
        """One try; a second one at once where a kept connection turns out to be closed, which the other
        side may have done between two calls."""
        deadline = time.monotonic() + float(timeout.read_timeout or 0.0)
        lines = [f"{method} {_quoted(url)} HTTP/1.1", self._host_line, *map(": ".join, headers.items())]
        head = "\r\n".join(lines)
        if head.count("\n") + head.count("\r") != 2 * (len(lines) - 1):
            raise ValueError("a header holds the end of a line")
        request = f"{head}\r\n\r\n".encode("latin-1") + (body or b"")
        if kept := self._take():
            try:
                return self._exchange(kept, request, deadline)
            except ConnectionError:
                pass
        fresh = Connection(self._host, self._port, self._tls, deadline)
        return self._exchange(fresh, request, deadline)

    def _take(self) -> Connection | None:
        try:
            while not (kept := self._kept.pop()).is_idle():
                kept.close()
        except IndexError:
            return None
        return kept

    def _exchange(self, connection: Connection, request: bytes, deadline: float) -> Answer:
        try:
            answer = connection.exchange(request, deadline, self._largest)
        except BaseException:
            connection.close()
            raise
        if answer.is_last or len(self._kept) >= MOST_KEPT:
            connection.close()
        else:
            self._kept.append(connection)
        _unpack(answer, self._largest)
        return answer


class KeptAdapter(HTTPAdapter):
    """requests' adapter for one service, over connections of ours."""

    def __init__(self, base_url: str, largest_reply: int) -> None:
        super().__init__(pool_connections=1, max_retries=0)
        self._base_url, self._connections = base_url, Connections(base_url, largest_reply)

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        return self._connections

    def request_url(self, request: requests.PreparedRequest, proxies: Any) -> str:
        """The path: there is no proxy."""
        return str(request.url).removeprefix(self._base_url)

    def build_response(self, req: requests.PreparedRequest, resp: Any) -> requests.Response:
        if not isinstance(resp, Answer):  # One that a test gives in the service's place.
            return super().build_response(req, resp)
        response = requests.Response()
        response.status_code, response.headers, response.request = resp.status, resp.headers, req
        response._content = bytes(resp.body)
        return response


_quoted = lru_cache(maxsize=256)(requote_uri)


def _trust() -> ssl.SSLContext:
    """The authorities that requests trusts, or those of its REQUESTS_CA_BUNDLE."""
    return ssl.create_default_context(cafile=os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH)


def _close_all(connections: list[Connection]) -> None:
    for connection in connections:
        connection.close()


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the call's time is used up")
    return seconds


def _too_large(largest: int) -> OSError:
    return OSError(f"the answer is over {largest} bytes")


def _unpack(answer: Answer, largest: int) -> None:
    """A proxy may send a packed body, though nobody asked for one."""
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        try:
            answer.body = bytearray(zlib.decompressobj(GZIP_OR_ZLIB).decompress(answer.body, largest + 1))
        except zlib.error as error:
            raise OSError(f"the answer could not be unpacked: {error}") from error
    if len(answer.body) > largest:
        raise _too_large(largest)
