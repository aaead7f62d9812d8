"""The shipped proxy in front of a service that does not answer."""

import http.client
import json
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from proofs.chaos.front import SHIPPED, USUAL, nginx, proxied, write_configuration

pytestmark = pytest.mark.skipif(nginx() is None, reason="nginx is not installed")
CONFIGURATION = SHIPPED.joinpath("proxy.conf").read_text()
QUEUE = int(re.findall(r"limit_conn queues (\d+);", CONFIGURATION)[0])
OF_ONE_CALLER = int(re.findall(r"limit_conn connections (\d+);", CONFIGURATION)[0])
HEAD = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: %s\r\n"
    b"Content-Length: 9\r\nConnection: close\r\n\r\n"
)
WHOLE, HALF = b"123456789", b"12345"


@dataclass
class Service:
    """Holds every POST until it is let go."""

    let_go: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class Server(ThreadingHTTPServer):
    request_queue_size = 2 * QUEUE
    daemon_threads = True


@contextmanager
def running(service: Service) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            service.arrived.release()
            service.let_go.wait(30)
            self.do_GET()

        def do_GET(self) -> None:
            body = self.headers["X-Forwarded-For"].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *args: object) -> None:
            """Nobody reads it."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        service.let_go.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Proxy:
    host: str
    port: int
    stack: ExitStack

    def send(self, number: int, body: bytes, network: str = "198.18.0.") -> socket.socket:
        """As a caller who has sent so much, each from another address of the network."""
        caller = self.stack.enter_context(socket.create_connection((self.host, self.port), timeout=20))
        caller.sendall(HEAD % f"{network}{number}".encode() + body)
        return caller

    def ask(
        self, method: str, path: str, address: str = "198.18.1.1"
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        with closing(http.client.HTTPConnection(self.host, self.port, timeout=20)) as connection:
            connection.request(method, path, headers={"X-Forwarded-For": address})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()


@pytest.fixture
def service() -> Service:
    return Service()


@pytest.fixture
def proxy(service: Service, tmp_path: Path) -> Iterator[Proxy]:
    with ExitStack() as stack:
        port = stack.enter_context(running(service))
        urls = stack.enter_context(proxied(tmp_path / "proxy", dict.fromkeys(USUAL, port)))
        address = urlsplit(urls["backend"])
        yield Proxy(address.hostname or "", address.port or 0, stack.enter_context(ExitStack()))


def test_beyond_the_queue_a_request_is_503_at_once_and_a_health_check_goes_through(
    service: Service, proxy: Proxy
) -> None:
    waiting = [proxy.send(number, WHOLE) for number in range(QUEUE)]
    for _ in waiting:
        assert service.arrived.acquire(timeout=20)
    status, headers, body = proxy.ask("POST", "/")
    assert (status, headers["Retry-After"], json.loads(body)["code"]) == (503, "1", "TRY_AGAIN")
    assert headers["Content-Type"] == "application/problem+json"
    assert proxy.ask("GET", "/api/health/")[0] == 200
    service.let_go.set()
    assert all(caller.recv(12) == b"HTTP/1.1 200" for caller in waiting)
    assert proxy.ask("GET", "/")[::2] == (200, b"198.18.1.1")


def test_half_sent_requests_keep_no_place_in_the_queue(service: Service, proxy: Proxy) -> None:
    slow = [proxy.send(number, HALF) for number in range(QUEUE + 20)]
    service.let_go.set()
    assert proxy.ask("POST", "/")[0] == 200
    for caller in slow[:5]:
        caller.sendall(WHOLE[len(HALF) :])
        assert caller.recv(12) == b"HTTP/1.1 200"


def test_a_network_of_ipv6_is_one_caller(service: Service, proxy: Proxy) -> None:
    for number in range(OF_ONE_CALLER):
        proxy.send(number, WHOLE, network="2001:db8:0:1::")
        assert service.arrived.acquire(timeout=20)
    assert proxy.ask("POST", "/", "2001:db8:0:1:ffff::1")[0] == 429
    service.let_go.set()
    assert proxy.ask("POST", "/", "2001:db8:0:2::1")[::2] == (200, b"2001:db8:0:2::1")


def test_nginx_accepts_the_shipped_configuration(tmp_path: Path) -> None:
    ports = dict(zip(USUAL, range(20_000, 20_004), strict=True))
    write_configuration(tmp_path, ports, upstream=ports)
    program = nginx()
    assert program
    said = subprocess.run(  # noqa: S603  the machine's own nginx
        [program, "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"], capture_output=True, text=True
    )
    assert said.returncode == 0, said.stderr
