"""A load balancer of a few lines: hands each connection to the next replica that takes it."""

import selectors
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from types import TracebackType

from scripts.service import HOST

CHUNK = 65536
CONNECT_WITHIN = 1.0


class Balancer:
    """Serves on `port` while it is entered. A replica that refuses is passed over, never forgotten."""

    def __init__(self, port: int, replicas: Sequence[int]) -> None:
        self._port, self._replicas = port, replicas
        self._turn = count()

    def __enter__(self) -> "Balancer":
        self._listener = socket.create_server((HOST, self._port), backlog=256)
        threading.Thread(target=self._accept, name=f"balancer-{self._port}", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # Closed: the end.
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if replica := self._connect():
                with replica:
                    _pump(client, replica)

    def _connect(self) -> socket.socket | None:
        first = next(self._turn)
        for place in range(len(self._replicas)):
            port = self._replicas[(first + place) % len(self._replicas)]
            with suppress(OSError):
                return socket.create_connection((HOST, port), CONNECT_WITHIN)
        return None


def _pump(one: socket.socket, other: socket.socket) -> None:
    """Until either side ends."""
    one.settimeout(None)
    other.settimeout(None)
    with selectors.DefaultSelector() as ready:
        ready.register(one, selectors.EVENT_READ, other)
        ready.register(other, selectors.EVENT_READ, one)
        while True:
            for key, _ in ready.select():
                data = key.fileobj.recv(CHUNK)  # type: ignore[union-attr]
                if not data:
                    return
                key.data.sendall(data)
