"""The client against a real server in a thread: what is an answer, what is none, and what is tried again."""

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import structlog
from django.db import connection as database
from django.db import transaction
from django_sagas.http import (
    CONNECT_SECONDS,
    MAX_REPLY_BYTES,
    NoReply,
    Reply,
    ServiceClient,
    correlation_headers,
)

from tests.small_server import Script, SmallServer, answer, read_request, reset

Serve = Callable[..., SmallServer]
SECONDS = 5.0
"Of a call that says nothing else, and half as long as a server here is silent."


@pytest.fixture
def server() -> Iterator[SmallServer]:
    server = SmallServer()
    yield server
    server.close()


def call(client: ServiceClient, *, timeout: float = SECONDS, body: str | None = '{"a":1}') -> Reply:
    return client.request("POST", "/api/", body=body, headers={"X-Correlation-ID": "test-1"}, timeout=timeout)


def cut(part: bytes) -> Script:
    """Send a part of an answer and hang up."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(part)

    return script


def trickle(server: SmallServer, head: bytes) -> Script:
    """A byte every twentieth of a second, for as long as anybody listens."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head)
        while not server.done.wait(0.05):
            connection.sendall(b"x")

    return script


def test_answer_is_returned_as_it_came(server: SmallServer) -> None:
    server.serve(server.replies(answer(b'{"b":2}', status="409 Conflict", headers="Retry-After: 7\r\n")))
    reply = call(ServiceClient(server.url + "/"))
    assert (reply.status, reply.body, reply.headers["Retry-After"]) == (409, b'{"b":2}', "7")
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/ HTTP/1.1") and b"X-Correlation-ID: test-1" in head
    assert b"Content-Type: application/json" in head and body == b'{"a":1}'


def test_connection_is_kept_for_the_next_call(server: SmallServer) -> None:
    server.serve(server.replies(answer(b"1"), answer(b""), answer(b"3")))
    client = ServiceClient(server.url)
    assert [call(client).body for _ in range(3)] == [b"1", b"", b"3"]
    assert server.connections == 1


def test_kept_connection_that_was_closed_is_tried_once_more(server: SmallServer) -> None:
    server.serve(cut(answer(b"1")), server.replies(answer(b"2")))
    client = ServiceClient(server.url)
    assert [call(client).body for _ in range(2)] == [b"1", b"2"]
    assert server.connections == 2


def test_kept_connection_that_is_reset_after_the_request_is_tried_once_more(server: SmallServer) -> None:
    def answer_then_reset(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(b"1"))
        read_request(connection)
        reset(connection)

    server.serve(answer_then_reset, server.replies(answer(b"2")))
    client = ServiceClient(server.url)
    assert [call(client).body for _ in range(2)] == [b"1", b"2"]


def test_second_try_after_a_reset_is_the_last(server: SmallServer) -> None:
    server.serve(cut(b""), cut(b""), server.replies(answer(b"never")))
    with pytest.raises(NoReply):
        call(ServiceClient(server.url))
    assert server.connections == 2


def test_connection_that_is_closed_without_an_answer_is_tried_once_more(server: SmallServer) -> None:
    server.serve(cut(b""), server.replies(answer(b"2")))
    assert call(ServiceClient(server.url)).body == b"2"
    assert server.connections == 2


def test_refused_connection_is_no_reply_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    began = time.monotonic()
    with pytest.raises(NoReply, match="refused"):
        call(ServiceClient(f"http://127.0.0.1:{port}"))
    assert time.monotonic() - began < SECONDS


def test_name_that_does_not_resolve_is_no_reply() -> None:
    with pytest.raises(NoReply):
        call(ServiceClient("http://no-such-host.invalid:1"))


def test_slow_name_lookup_is_bounded_by_the_time_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = threading.Event()

    def slow(*_: object, **__: object) -> list[object]:
        looked_up.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    began = time.monotonic()
    with pytest.raises(NoReply, match="Timeout"):
        call(ServiceClient("http://slow.example:1"), timeout=0.3)
    assert time.monotonic() - began < SECONDS
    looked_up.set()


def test_wait_for_a_place_is_part_of_the_time_of_the_call(server: SmallServer) -> None:
    def silent(connection: socket.socket) -> None:
        read_request(connection)
        server.done.wait(10)

    server.serve(silent)
    client = ServiceClient(server.url, max_calls=1)
    with pytest.raises(NoReply, match="Timeout"):
        call(client, timeout=0.3)
    began = time.monotonic()
    with pytest.raises(NoReply, match="Timeout"):
        call(client, timeout=0.3)
    assert time.monotonic() - began < SECONDS
    assert len(server.requests) <= 2


def test_path_of_the_base_url_is_kept(server: SmallServer) -> None:
    server.serve(server.replies(answer(b"1")))
    call(ServiceClient(f"{server.url}/payment/"))
    assert server.requests[0].startswith(b"POST /payment/api/ HTTP/1.1\r\n")


def test_connection_that_nobody_accepts_ends_with_its_own_time(server: SmallServer) -> None:
    with ExitStack() as stack:
        full = stack.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        for _ in range(4):  # Fill the backlog, so that the next connection gets no answer at all.
            one = stack.enter_context(socket.socket())
            one.settimeout(0)
            one.connect_ex(address)
        began = time.monotonic()
        with pytest.raises(NoReply, match="timed out"):
            # With the time of three tries: one that is repeated by the library would use it up.
            call(ServiceClient(f"http://127.0.0.1:{address[1]}"), timeout=3 * CONNECT_SECONDS)
        assert time.monotonic() - began > 0.9 * CONNECT_SECONDS


@pytest.mark.parametrize(
    "head",
    [
        answer(b"", length=1000),
        b"HTTP/1.1 200 OK\r\nX-Slow: ",
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3E8\r\n",
    ],
    ids=["body", "header", "status_line", "chunk"],
)
def test_trickled_answer_is_bounded_by_the_time_of_the_whole_call(server: SmallServer, head: bytes) -> None:
    server.serve(trickle(server, head))
    began = time.monotonic()
    with pytest.raises(NoReply):
        call(ServiceClient(server.url), timeout=0.4)
    assert 0.35 < time.monotonic() - began < SECONDS
    assert server.connections == 1


def test_silent_server_is_bounded_by_the_time_of_the_call(server: SmallServer) -> None:
    def silent(connection: socket.socket) -> None:
        read_request(connection)
        server.done.wait(10)

    server.serve(silent)
    began = time.monotonic()
    with pytest.raises(NoReply, match="Timeout"):
        call(ServiceClient(server.url), timeout=0.3)
    assert time.monotonic() - began < SECONDS


def test_silence_on_a_kept_connection_is_not_tried_again(server: SmallServer) -> None:
    def once(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(b"1"))
        read_request(connection)
        server.done.wait(10)

    server.serve(once, server.replies(answer(b"never")))
    client = ServiceClient(server.url)
    call(client)
    with pytest.raises(NoReply):
        call(client, timeout=0.3)
    assert server.connections == 1


def test_call_without_time_left_is_no_reply(server: SmallServer) -> None:
    with pytest.raises(NoReply, match="used up"):
        call(ServiceClient(server.url), timeout=0)
    assert server.connections == 0


@pytest.mark.parametrize(
    "part",
    [
        answer(b'{"a":', length=100),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n{",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello",
    ],
    ids=["length", "chunk", "other_protocol", "many_headers", "long_header", "not_gzip"],
)
def test_cut_or_garbled_answer_is_no_reply(server: SmallServer, part: bytes) -> None:
    server.serve(cut(part))
    with pytest.raises(NoReply):
        call(ServiceClient(server.url))


def test_connection_with_a_cut_answer_is_not_used_again(server: SmallServer) -> None:
    server.serve(cut(answer(b"12", length=3)), server.replies(answer(b"ok")))
    client = ServiceClient(server.url)
    with pytest.raises(NoReply):
        call(client)
    assert call(client).body == b"ok"


def test_answer_to_wait_is_passed_over(server: SmallServer) -> None:
    server.serve(server.replies(b"HTTP/1.1 100 Continue\r\n\r\n" + answer(b"{}"), answer(b"next")))
    client = ServiceClient(server.url)
    assert [call(client).body for _ in range(2)] == [b"{}", b"next"]


@pytest.mark.parametrize("first", [answer(b"1"), b"HTTP/1.1 103 Early Hints\r\n\r\n"], ids=["200", "103"])
def test_what_comes_behind_an_answer_is_not_taken_for_the_next(server: SmallServer, first: bytes) -> None:
    server.serve(server.replies(first + answer(b"2"), answer(b"3")), server.replies(answer(b"3")))
    client = ServiceClient(server.url)
    call(client)
    assert call(client).body == b"3"


def test_what_comes_between_two_calls_is_not_the_second_ones_answer(server: SmallServer) -> None:
    def talkative(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer(b"1"))
        connection.sendall(answer(b"nobody asked"))
        said.set()
        if read_request(connection):  # Where both came at once, what nobody asked for is gone already.
            connection.sendall(answer(b"2"))
        server.done.wait(10)

    said = threading.Event()
    server.serve(talkative, server.replies(answer(b"2")))
    client = ServiceClient(server.url)
    call(client)
    assert said.wait(SECONDS)
    assert call(client).body == b"2"


def test_connection_that_the_answer_ends_is_not_used_again(server: SmallServer) -> None:
    last = answer(b"1", headers="Connection: close\r\n")
    server.serve(server.replies(last), server.replies(answer(b"2")))
    client = ServiceClient(server.url)
    assert [call(client).body for _ in range(2)] == [b"1", b"2"]


def test_header_that_would_end_its_line_is_not_sent(server: SmallServer) -> None:
    client = ServiceClient(server.url)
    with pytest.raises(ValueError, match="header value"):
        client.request("GET", "/", headers={"X-Correlation-ID": "a\r\nX-Role: operator"}, timeout=SECONDS)
    assert server.connections == 0


def test_address_is_sent_quoted(server: SmallServer) -> None:
    server.serve(server.replies(answer(b"1")))
    ServiceClient(server.url).request("GET", "/a b/ü/%20/?q=<x>", timeout=SECONDS)
    assert server.requests[0].startswith(b"GET /a%20b/%C3%BC/%20/?q=%3Cx%3E HTTP/1.1\r\n")


def test_packed_answer_is_unpacked(server: SmallServer) -> None:
    server.serve(server.replies(answer(gzip.compress(b"{}"), headers="Content-Encoding: gzip\r\n")))
    assert call(ServiceClient(server.url)).body == b"{}"


def test_answer_over_the_limit_is_no_reply_and_its_rest_is_not_read_as_the_next(server: SmallServer) -> None:
    large = answer(b"x" * 10 * MAX_REPLY_BYTES)
    server.serve(server.replies(large, answer(b"x")), server.replies(answer(b"ok")))
    client = ServiceClient(server.url)
    with pytest.raises(NoReply, match="over"):
        call(client)
    assert call(client).body == b"ok"


def test_packed_answer_over_the_limit_is_no_reply(server: SmallServer) -> None:
    packed = gzip.compress(b"x" * 1000 * MAX_REPLY_BYTES)
    server.serve(server.replies(answer(packed, headers="Content-Encoding: gzip\r\n")))
    with pytest.raises(NoReply, match="over"):
        call(ServiceClient(server.url))


def test_answer_at_the_limit_is_read(server: SmallServer) -> None:
    server.serve(server.replies(answer(b"x" * MAX_REPLY_BYTES)))
    assert len(call(ServiceClient(server.url)).body) == MAX_REPLY_BYTES


def test_chunked_answer_is_read(server: SmallServer) -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    server.serve(server.replies(chunks, answer(b"next")))
    client = ServiceClient(server.url)
    assert [call(client).body for _ in range(2)] == [b"{}", b"next"]
    assert server.connections == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirect_is_not_followed(server: SmallServer, status: str) -> None:
    server.serve(server.replies(answer(b"", status=status, headers=f"Location: {server.url}/other\r\n")))
    assert call(ServiceClient(server.url)).status == int(status[:3])
    assert len(server.requests) == 1


def test_proxy_of_the_environment_is_not_used(server: SmallServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.serve(server.replies(answer(b"direct")))
    assert call(ServiceClient(server.url)).body == b"direct"


def test_cookie_of_an_answer_is_not_sent_back(server: SmallServer) -> None:
    server.serve(server.replies(answer(b"", headers="Set-Cookie: a=b\r\n"), answer(b"")))
    client = ServiceClient(server.url)
    call(client)
    call(client, body=None)
    assert b"ookie" not in server.requests[1] and b"Content-Type" not in server.requests[1]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for this machine, signed by itself, in one file."""
    if not (openssl := shutil.which("openssl")):
        pytest.skip("openssl, which makes a certificate, is not installed")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    named = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run([openssl, *made, *named], check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def over_tls(certificate: Path, script: Script) -> Script:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def wrapped(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            script(secured)

    return wrapped


def test_service_behind_tls_is_called_when_its_authority_is_trusted(
    server: SmallServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server.serve(over_tls(certificate, server.replies(answer(b"1"), answer(b"2"))))
    client = ServiceClient(server.url.replace("http:", "https:"))
    assert [call(client).body for _ in range(2)] == [b"1", b"2"]
    assert server.connections == 1


def test_service_with_an_unknown_authority_is_not_called(server: SmallServer, certificate: Path) -> None:
    server.serve(over_tls(certificate, server.replies(answer(b"never"))))
    with pytest.raises(NoReply, match="CERTIFICATE_VERIFY_FAILED"):
        call(ServiceClient(server.url.replace("http:", "https:")))
    assert not server.requests


@pytest.mark.django_db
def test_call_inside_a_transaction_is_a_mistake(server: SmallServer) -> None:
    with transaction.atomic(), pytest.raises(AssertionError, match="no transaction"):
        call(ServiceClient(server.url))
    assert database.vendor


def test_correlation_id_of_the_request_goes_on_with_its_calls() -> None:
    with structlog.contextvars.bound_contextvars(correlation_id="test-1"):
        assert correlation_headers() == {"X-Correlation-ID": "test-1"}
    with structlog.contextvars.bound_contextvars(correlation_id=None):
        assert correlation_headers() == {}
