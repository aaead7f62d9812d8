import io
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.console import Console
from scripts.ports import free_ports
from scripts.service import Service
from scripts.suite import Suite

# Answers every GET with 200; `grandchild` has a second process in the group that holds the port too.
SERVER = textwrap.dedent("""
    import http.server, os, signal, subprocess, sys
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
        def log_message(self, *words):
            pass
    if "stubborn" in sys.argv:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    print("listening", flush=True)
    if "grandchild" in sys.argv:
        os.fork()
    server.serve_forever()
""")


def server(name: str, *words: str, port: int | None = None) -> Service:
    """A stand-in for a service that starts in no time."""
    port = port or free_ports(1)[0]
    command = (sys.executable, "-S", "-c", SERVER, str(port), *words)
    return Service(name, command, Path.cwd(), port=port, port_variable=f"{name.upper()}_PORT")


@pytest.fixture
def log() -> io.StringIO:
    return io.StringIO()


MakeSuite = Callable[..., Suite]


@pytest.fixture
def make_suite(tmp_path: Path, log: io.StringIO) -> Iterator[MakeSuite]:
    made: list[Suite] = []

    def make(*services: Service, restart: bool = True, data_dir: Path = tmp_path) -> Suite:
        made.append(Suite(services, data_dir=data_dir, console=Console(log), restart=restart))
        return made[-1]

    yield make
    for suite in made:
        suite.kill_all()
