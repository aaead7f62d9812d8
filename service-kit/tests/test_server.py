"""The real server, with two threads and callers that send slowly or never."""

import http.client
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[1]
HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\n"
READ_SECONDS = 0.4
CUT = {
    "request_line": b"PO",
    "header": HEAD + b"X-Sl",
    "body": HEAD + b"Content-Length: 100\r\n\r\n{",
    "chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\n64\r\n{",
}


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Tells how much of the body came, or says one word and reads nothing."""
    try:
        text = os.environ.get("APPLICATION") or str(len(environ["wsgi.input"].read()))
    except OSError:
        text = "cut"
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text.encode()]


@contextmanager
def serving(**environment: object) -> Iterator[int]:
    """The port of a server of its own."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.set_inheritable(True)
        command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--log-level", "critical"]
        worker = ["--worker-class", "service_kit.server.Worker", "--threads", "2"]
        bind = ["--bind", f"fd://{listening.fileno()}", "tests.test_server:application"]
        process = subprocess.Popen(  # noqa: S603  the server under test
            [*command, *worker, *bind],
            cwd=FOLDER,
            env={**os.environ, **{name: str(value) for name, value in environment.items()}},
            pass_fds=[listening.fileno()],
        )
        try:
            yield listening.getsockname()[1]
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving(READ_SECONDS=READ_SECONDS) as port:
        yield port


def ask(port: int, body: bytes = b"{}") -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("POST", "/", body)
        return connection.getresponse().read()


@pytest.mark.parametrize("cut", CUT)
def test_callers_that_never_finish_do_not_stop_the_others(port: int, cut: str) -> None:
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]
    for each in slow:
        each.sendall(CUT[cut])
    assert ask(port) == b"2"
    for each in slow:
        each.close()


def test_body_that_trickles_is_cut_at_the_same_time(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as slow:
        slow.sendall(HEAD + b"Content-Length: 1000000\r\n\r\n")
        slow.settimeout(READ_SECONDS / 20)
        for _ in range(400):
            slow.sendall(b"x")
            try:
                answer = slow.recv(1000)
                break
            except TimeoutError:
                continue
        slow.settimeout(20)
        # Head and body may come one after the other.
        while answer.endswith(b"\r\n\r\n"):
            answer += slow.recv(1000)
        assert answer.startswith(b"HTTP/1.1 200")
        assert 0 < int(answer.rpartition(b"\r\n")[2]) < 400


def test_large_body_that_comes_in_time_is_read_whole(port: int) -> None:
    assert ask(port, b"x" * 5_000_000) == b"5000000"


LONG = {
    "length": b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000,
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n" + b"fffff\r\n" + b"x" * 0xFFFFF + b"\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("body", LONG)
def test_connection_that_ended_behind_a_long_body_was_called_kept_and_is_called_closed(body: str) -> None:
    with serving(APPLICATION="unread") as port, closing(connect(port, HEAD + LONG[body])) as caller:
        reply, text = answer(caller)
        assert (reply.status, reply.headers["Connection"], text) == (200, "close", b"unread")
        assert caller.recv(1) == b""


UNREADABLE = {
    "line": (b"garbage\r\n\r\n", 400, "BAD_REQUEST"),
    "header": (b"GET / HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n", 400, "BAD_REQUEST"),
    "address": (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n\r\n", 414, "URI_TOO_LONG"),
    "headers": (b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 200 + b"\r\n", 431, "REQUEST_HEADER_FIELDS_TOO_LARGE"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_request_that_cannot_be_read_got_a_page_and_gets_a_problem(port: int, case: str) -> None:
    sends, status, code = UNREADABLE[case]
    with closing(connect(port, sends)) as caller:
        reply, text = answer(caller)
    problem = json.loads(text)
    assert (reply.status, problem["status"], problem["code"]) == (status, status, code)
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert reply.headers["X-Correlation-ID"] == problem["correlation_id"]


def test_prefix_told_by_a_caller_was_500_and_is_ignored(port: int) -> None:
    with closing(connect(port, HEAD + b"SCRIPT_NAME: /x\r\nContent-Length: 2\r\n\r\n{}")) as caller:
        assert answer(caller)[1] == b"2"


def connect(port: int, sends: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(sends)
    return connection


def answer(connection: socket.socket) -> tuple[http.client.HTTPResponse, bytes]:
    reply = http.client.HTTPResponse(connection)
    reply.begin()
    return reply, reply.read()


@pytest.fixture
def crowded() -> Iterator[tuple[int, list[socket.socket]]]:
    """A server with two threads busy and three requests waiting, which is as many as may wait."""
    with serving(MAX_WAITING_REQUESTS=3) as port, ExitStack() as stack:
        slow = [
            stack.enter_context(closing(connect(port, HEAD + b"Content-Length: 2\r\n\r\n{")))
            for _ in range(5)
        ]
        yield port, slow


def test_while_too_many_requests_wait_further_ones_are_turned_away(
    crowded: tuple[int, list[socket.socket]],
) -> None:
    port, slow = crowded
    request = HEAD + b"X-Correlation-ID: one-too-many\r\nContent-Length: 2\r\n\r\n{}"
    with closing(connect(port, request)) as late:
        reply, body = answer(late)
        assert late.recv(1) == b"", "closed without a reset"
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert json.loads(body)["code"] == "OVERLOADED"
    assert json.loads(body)["correlation_id"] == reply.headers["X-Correlation-ID"] == "one-too-many"
    for each in slow:
        each.sendall(b"}")
        assert answer(each)[1] == b"2"
    assert ask(port) == b"2"


def test_who_is_turned_away_in_the_middle_of_a_body_gets_the_whole_answer(
    crowded: tuple[int, list[socket.socket]],
) -> None:
    port, _ = crowded
    with closing(connect(port, HEAD + b"Content-Length: 200000\r\n\r\n{")) as late:
        reply, body = answer(late)
        late.sendall(b"x" * 199_999)
        assert late.recv(1) == b""
    assert reply.status == 503
    assert uuid.UUID(json.loads(body)["correlation_id"]).version == 4


@pytest.mark.parametrize("path", ["/api/health/", "/api/health/ready/", "/metrics"])
def test_probe_is_answered_however_many_requests_wait(
    crowded: tuple[int, list[socket.socket]], path: str
) -> None:
    port, slow = crowded
    with closing(connect(port, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())) as probe:
        with closing(connect(port, HEAD + b"Content-Length: 0\r\n\r\n")) as late:
            assert answer(late)[0].status == 503
        for each in slow:
            each.sendall(b"}")
        assert answer(probe)[0].status == 200


def test_caller_that_does_not_close_after_its_answer_holds_up_nobody(port: int) -> None:
    request = HEAD + b"Connection: close\r\nContent-Length: 2\r\n\r\n{}"
    with ExitStack() as stack:
        idle = [stack.enter_context(closing(connect(port, request))) for _ in range(4)]
        for each in idle:
            assert answer(each)[1] == b"2"
        began = time.monotonic()
        assert ask(port) == b"2"
        assert time.monotonic() - began < 1


def test_who_talks_on_keeps_a_thread_but_never_the_last_one(port: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as talkative:
        for _ in range(20):
            talkative.request("POST", "/", b"{}")
            assert talkative.getresponse().read() == b"2"
            assert ask(port, b"{ }") == b"3"


def test_head_and_body_come_in_one_piece(port: int) -> None:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as caller:
        caller.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        assert caller.recv(1000).endswith(b"\r\n\r\n2")
