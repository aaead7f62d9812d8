"""A closed-loop load in one thread: each client sends its next booking when the last one is answered.

Run as a process of its own, so that its CPU is nobody's. It warms up, says `ready`, waits for a line on
its input, runs, waits for every answer and prints the measurement as JSON.
"""

import argparse
import itertools
import json
import selectors
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

USERS = 1000
STALLED_SECONDS = 30.0
READ_BYTES = 65536
END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


def booking(number: int, flight: int) -> bytes:
    """The body of one start-booking."""
    body = {
        "flight_id": flight,
        "user_id": f"user-{number % USERS}",
        "passengers": [{"first_name": "Amelia", "last_name": "Earhart", "gender": "female"}],
        "contact_info": {"email": "amelia@example.com", "mobile": "+15550100"},
        "payment": {"card_token": "tok_ok"},
    }
    return json.dumps(body).encode()


def requests(url: str, flights: list[int], first: int) -> Iterator[bytes]:
    address = urlsplit(url)
    for number in itertools.count(first):
        body = booking(number, flights[number % len(flights)])
        head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def is_whole(reply: bytes) -> bool:
    """Whether an answer has arrived to its last byte. Raises ValueError for one without a length."""
    head, end, body = reply.partition(END_OF_HEAD)
    if not end:
        return False
    _, found, rest = head.lower().partition(LENGTH)
    if not found:
        raise ValueError("an answer without Content-Length")
    return len(body) >= int(rest.split(b"\r\n", 1)[0])


def is_booked(reply: bytes) -> bool:
    return reply.startswith(b"HTTP/1.1 200") and b'"success":true' in reply.replace(b": ", b":")


@dataclass
class Client:
    connection: socket.socket
    began: float = 0.0
    received: bytes = b""

    def send(self, request: bytes) -> None:
        self.received = b""
        self.began = time.perf_counter()
        self.connection.sendall(request)

    def receive(self) -> bool:
        """Whether the answer is complete. Raises ConnectionError when the server has hung up."""
        part = self.connection.recv(READ_BYTES)
        if not part:
            raise ConnectionError("the server closed a kept connection")
        self.received += part
        return is_whole(self.received)


@dataclass
class Result:
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    example: str = ""
    "an answer that was no booking"

    def note(self, client: Client, now: float) -> None:
        if is_booked(client.received):
            self.latencies.append(now - client.began)
        else:
            self.failed += 1
            self.example = client.received[-500:].decode(errors="replace")


class Load:
    def __init__(self, url: str, clients: int, source: Iterator[bytes]) -> None:
        address = urlsplit(url)
        self._source = source
        self._selector = selectors.DefaultSelector()
        self._clients = [self._connect(address.hostname or "", address.port or 80) for _ in range(clients)]

    def _connect(self, host: str, port: int) -> Client:
        connection = socket.create_connection((host, port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = Client(connection)
        self._selector.register(connection, selectors.EVENT_READ, client)
        return client

    def run(self, seconds: float, most: int | None = None) -> Result:
        """Bookings for `seconds`, or until `most` were sent; returns when each is answered."""
        result, began = Result(), time.perf_counter()
        left = itertools.repeat(None) if most is None else iter([None] * most)
        waiting = sum(self._next(client, left) for client in self._clients)
        while waiting:
            ready = self._selector.select(STALLED_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer for {STALLED_SECONDS:.0f} s")
            for key, _ in ready:
                client: Client = key.data
                if not client.receive():
                    continue
                now = time.perf_counter()
                result.note(client, now)
                if now - began >= seconds or not self._next(client, left):
                    waiting -= 1
        result.seconds = time.perf_counter() - began
        return result

    def close(self) -> None:
        for client in self._clients:
            client.connection.close()
        self._selector.close()

    def _next(self, client: Client, left: Iterator[None]) -> bool:
        try:
            next(left)
        except StopIteration:
            return False
        client.send(next(self._source))
        return True


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.load")
    parser.add_argument("url")
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--bookings", type=int, help="stop after this many")
    parser.add_argument("--warmup", type=float, required=True)
    parser.add_argument("--flights", required=True, help="flight ids, with commas between")
    parser.add_argument("--first", type=int, default=0, help="number of the first booking")
    given = parser.parse_args()
    # Ctrl-C reaches the whole terminal; the load ends when its server has.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    flights = [int(word) for word in given.flights.split(",")]
    load = Load(given.url, given.clients, requests(given.url, flights, given.first))
    load.run(given.warmup)
    tell("ready")
    sys.stdin.readline()
    result = load.run(given.seconds, given.bookings)
    tell(json.dumps(vars(result)))


if __name__ == "__main__":
    try:
        main()
    except ConnectionError as error:
        sys.exit(f"The load ended: {error}")
