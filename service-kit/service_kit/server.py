"""gunicorn's threaded worker, with an end to the patience for callers and to their number.

Without it a request line, a header or a body that never comes to its end keeps a thread for as long as its
sender likes, as many of them as there are threads stop the service, and under overload every request waits
behind all others until its sender has gone. Who goes on talking, as services do, keeps its thread instead:
handing a connection back to the main thread for each request costs a third of a small one.
"""

import select
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import takewhile
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from service_kit.overload import (
    MAX_WAITING_REQUESTS,
    PROBES,
    is_whole,
    overloaded,
)
from service_kit.request_head import Parser, trust_nobody
from service_kit.settings import READ_SECONDS
from service_kit.unreadable import write_problem

LINGER_SECONDS = 2.0
READ_BYTES = 65536
TALK_ON_MS = 20
DRAINED_BYTES = 64 * 1024
"A body that nobody has read is thrown away up to here; behind a longer one the connection ends."
CORK: int | None = getattr(socket, "TCP_CORK", None)
"Linux only"
MAY_BE_GONE = suppress(OSError)
"The other end, or we have closed it."

util.write_error = write_problem  # gunicorn has no hook for it.


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


class Connection(TConn):  # type: ignore[misc]
    """One whose plain requests are quickly read, and whose polite end does not hold up the thread that
    serves all others."""

    parser: Any

    def __init__(self, *args: Any, linger: Callable[["Connection"], None]) -> None:
        super().__init__(*args)
        self._linger = linger

    def init(self) -> None:
        if self.parser is None and not self.cfg.is_ssl:
            self.parser = Parser(self.cfg, self.sock, self.client)
        super().init()

    def close(self, graceful: bool = False) -> None:
        if graceful:
            self._linger(self)
        else:
            super().close()


class Worker(ThreadWorker):  # type: ignore[misc]
    """Everything but the running of requests happens in the main thread, and nothing there waits.

    A connection gets a thread when its request has begun to arrive. While too many requests wait for one,
    further ones are turned away before anything was done for them.
    """

    patience: Patience

    def init_process(self) -> None:
        trust_nobody(self.cfg)
        self.patience = Patience(READ_SECONDS)
        self._in_hand, self._most_in_hand = 0, self.cfg.threads + MAX_WAITING_REQUESTS
        self._talkers = threading.Semaphore(self.cfg.threads - 1)
        self._lingering: dict[Connection, float] = {}
        threading.Thread(target=self.patience.watch, name="patience", daemon=True).start()
        super().init_process()

    def accept(self, listener: socket.socket) -> None:
        """All who are there: under load each turn of the loop has to wait for the threads."""
        server = listener.getsockname()
        with suppress(BlockingIOError, ConnectionAbortedError):
            while self.nr_conns < self.worker_connections:
                sock, client = listener.accept()
                self._welcome(Connection(self.cfg, sock, client, server, linger=self._linger))

    def _welcome(self, conn: Connection) -> None:
        self.nr_conns += 1
        if self._is_full and (begun := _arrived(conn.sock)):
            self._judge(conn, begun)
            return
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    @property
    def _is_full(self) -> bool:
        return bool(self._in_hand >= self._most_in_hand)

    def enqueue_req(self, conn: Connection) -> None:
        """Everything that has begun to arrive comes here."""
        if self._is_full and (begun := _arrived(conn.sock)):
            self._judge(conn, begun)
        else:
            self._take(conn)

    def _judge(self, conn: Connection, begun: bytes) -> None:
        if begun.startswith(PROBES):
            conn.init()
            conn.parser.unreader.unread(begun)
            self._take(conn)
        else:
            self._turn_away(conn, begun)

    def _take(self, conn: Connection) -> None:
        self._in_hand += 1
        super().enqueue_req(conn)

    def _turn_away(self, conn: Connection, begun: bytes) -> None:
        self.nr_conns -= 1
        with suppress(OSError):  # It may have gone by itself.
            conn.sock.send(overloaded(begun))
        conn.close(graceful=not is_whole(begun))

    def finish_request(self, conn: Connection, fs: Any) -> None:
        self._in_hand -= 1
        super().finish_request(conn, fs)

    def handle(self, conn: Connection) -> Any:
        while (kept := self._answer(conn)) is True and self._talks_on(conn):
            pass
        return kept

    def _answer(self, conn: Connection) -> Any:
        self.patience.begin(conn.sock)
        # Head and body of an answer leave together, or the receiver would wake up twice.
        _cork(conn.sock, on=True)
        try:
            return super().handle(conn)
        finally:
            _cork(conn.sock, on=False)
            self.patience.end(conn.sock)

    def handle_request(self, req: Any, conn: TConn) -> Any:
        """The answer says that the connection ends where the body may not be read to its end."""
        if getattr(req.body.reader, "length", DRAINED_BYTES) >= DRAINED_BYTES:
            req.force_close()
        return super().handle_request(req, conn)

    def _talks_on(self, conn: Connection) -> bool:
        """Whether the next request comes at once; one thread is left for newcomers, and nobody waits."""
        someone_waits = self._in_hand > self.cfg.threads
        if someone_waits or not self.alive or not self._talkers.acquire(blocking=False):
            return False
        try:
            coming = select.poll()
            coming.register(conn.sock, select.POLLIN)
            return bool(coming.poll(TALK_ON_MS))
        finally:
            self._talkers.release()

    def _linger(self, conn: Connection) -> None:
        """Until the caller closes, for a moment at most: a reset could overtake our answer."""
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            conn.close()
            return
        conn.sock.settimeout(0)
        self._lingering[conn] = time.monotonic() + LINGER_SECONDS
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._hear_out, conn))

    def _hear_out(self, conn: Connection, sock: socket.socket) -> None:
        with suppress(BlockingIOError):
            try:
                more = sock.recv(READ_BYTES)
            except ConnectionError:
                more = b""
            if not more:
                self._end(conn)

    def _end(self, conn: Connection) -> None:
        del self._lingering[conn]
        self.poller.unregister(conn.sock)
        conn.close()

    def murder_pending(self) -> None:
        super().murder_pending()
        now = time.monotonic()
        for conn in list(takewhile(lambda one: self._lingering[one] <= now, self._lingering)):
            self._end(conn)


def _cork(sock: socket.socket, *, on: bool) -> None:
    if CORK is not None:
        with MAY_BE_GONE:
            sock.setsockopt(socket.IPPROTO_TCP, CORK, on)


def _arrived(sock: socket.socket) -> bytes:
    """What has come and was not read yet; nothing of a connection that has broken."""
    try:
        return sock.recv(READ_BYTES)
    except OSError:
        return b""
