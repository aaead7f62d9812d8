"""A server of a few lines that answers each connection as a script says, well or badly."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

Script = Callable[[socket.socket], None]
RESET = struct.pack("ii", 1, 0)


def answer(body: bytes, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{headers}\r\n".encode() + body


def read_request(connection: socket.socket) -> bytes:
    """One request with its body; empty when the caller has hung up."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := connection.recv(65536)):
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    wanted = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ),
        0,
    )
    while len(body) < wanted:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def reset(connection: socket.socket) -> None:
    """Close with a RST instead of the polite FIN."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    connection.close()


class SmallServer:
    """Serves its n-th connection by its n-th script."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.done = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self, *scripts: Script) -> None:
        self._start(self._accept, scripts)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self, scripts: tuple[Script, ...]) -> None:
        for script in scripts:
            connection, _ = self._listener.accept()
            if self.done.is_set():
                connection.close()
                return
            self.connections += 1
            self._start(self._run, script, connection)

    @staticmethod
    def _run(script: Script, connection: socket.socket) -> None:
        # The caller may give up first, as some of the tests want it to.
        with connection, suppress(OSError):
            connection.settimeout(10)
            script(connection)

    def replies(self, *parts: bytes) -> Script:
        """A script that answers one request of a kept connection after the other."""

        def script(connection: socket.socket) -> None:
            for part in parts:
                if not (request := read_request(connection)):
                    return
                self.requests.append(request)
                connection.sendall(part)
            while not self.done.wait(0.02):
                """Keeps the connection open."""

        return script

    def close(self) -> None:
        self.done.set()
        # Wakes an accept() that still waits; closing the listener alone would not.
        socket.create_connection(self._listener.getsockname()[:2]).close()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()
