"""gunicorn's threaded worker, with an end to the patience for callers that send slowly or never.

Without it a request line, a header or a body that never comes to its end keeps a thread for as long as its
sender likes, and as many of them as there are threads stop the service.
"""

import socket
import threading
import time
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

from service_kit.settings import env

READ_SECONDS = env.float("READ_SECONDS", default=10.0)


class Patience:
    """Closes the reading half of sockets on which a request is still not over after `seconds`.

    What was read by then is answered as it is: a body that is cut is no JSON. Writing goes on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: dict[socket.socket, float] = {}

    def begin(self, sock: socket.socket) -> None:
        self._ends[sock] = time.monotonic() + self._seconds

    def end(self, sock: socket.socket) -> None:
        self._ends.pop(sock, None)

    def watch(self) -> None:
        while True:
            time.sleep(self._seconds / 10)
            self.close_overdue(time.monotonic())

    def close_overdue(self, now: float) -> None:
        for sock, end in list(self._ends.items()):
            # Whoever takes it out may act on it: a socket that has just been answered is not ours any more.
            if end <= now and self._ends.pop(sock, None) is not None:
                with suppress(OSError):  # Its other end may have gone by itself.
                    sock.shutdown(socket.SHUT_RD)


class Worker(ThreadWorker):  # type: ignore[misc]
    patience: Patience

    def init_process(self) -> None:
        self.patience = Patience(READ_SECONDS)
        threading.Thread(target=self.patience.watch, name="patience", daemon=True).start()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        self.patience.begin(conn.sock)
        try:
            return super().handle(conn)
        finally:
            self.patience.end(conn.sock)
