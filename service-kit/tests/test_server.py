"""The real server, with two threads and callers that send slowly or never."""

import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
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
    """Tells how much of the body came."""
    try:
        text = str(len(environ["wsgi.input"].read()))
    except OSError:
        text = "cut"
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text.encode()]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        listening.set_inheritable(True)
        command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--log-level", "critical"]
        worker = ["--worker-class", "service_kit.server.Worker", "--threads", "2"]
        bind = ["--bind", f"fd://{listening.fileno()}", "tests.test_server:application"]
        process = subprocess.Popen(  # noqa: S603  the server under test
            [*command, *worker, *bind],
            cwd=FOLDER,
            env={**os.environ, "READ_SECONDS": str(READ_SECONDS)},
            pass_fds=[listening.fileno()],
        )
        try:
            yield listening.getsockname()[1]
        finally:
            process.terminate()
            process.wait(10)


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
