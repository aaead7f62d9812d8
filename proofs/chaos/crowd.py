"""Clients who book without waiting for each other: a process of its own, so that its CPU can be told apart.

With `--rate` a client arrives so many times a second, whatever becomes of those before (an open loop); with
`--clients` so many take turns, each at once after its answer. Each books once, on a connection of its own.
What came of them is printed as JSON: the second of arrival, the status (0 for no answer), the seconds waited,
the saga's id (empty without one).
"""

import argparse
import json
import os
import resource
import selectors
import socket
import sys
import time
from collections.abc import Iterator
from itertools import count
from urllib.parse import urlsplit

from proofs.chaos.given import START
from proofs.chaos.travellers import booking

PATIENCE = 10.0
"Seconds after which a client without an answer has gone. All that wait have a descriptor."
LONGEST_WAIT = 0.05
READ_BYTES = 65536
END_OF_HEAD = b"\r\n\r\n"


def requests(address: str, flights: list[int], seed: str) -> Iterator[bytes]:
    for number in count():
        body = json.dumps(booking(flights[number % len(flights)], f"{seed}-{number}")).encode()
        head = (
            f"POST {START} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n"
            f"X-Forwarded-For: {_address(number)}\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        yield head.encode() + body


def _address(number: int) -> str:
    """Strangers all: where a proxy counts by address, each is another."""
    return f"198.{18 + number // 65536 % 2}.{number // 256 % 256}.{number % 256}"


class Client:
    """One booking, from connecting to the answer's last byte."""

    def __init__(self, address: tuple[str, int], request: bytes, now: float) -> None:
        self.began, self._request, self._reply = now, request, b""
        self.correlation_id = ""
        self.socket = socket.socket()
        self.socket.settimeout(0)
        self.socket.connect_ex(address)

    def go_on(self) -> int | None:
        """The status once there is one; 0 when the connection has ended without."""
        try:
            if self._request:
                self._request = self._request[self.socket.send(self._request) :]
                return None
            part = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            return 0
        self._reply += part
        return None if part else self._status()

    @property
    def awaits(self) -> int:
        return selectors.EVENT_WRITE if self._request else selectors.EVENT_READ

    def _status(self) -> int:
        """The server closes after a whole answer; one that is cut is none."""
        head, _, body = self._reply.partition(END_OF_HEAD)
        try:
            self.correlation_id = json.loads(body).get("correlation_id", "")
        except ValueError:
            return 0
        return int(head.split(b" ", 2)[1])


class Crowd:
    def __init__(self, address: tuple[str, int], requests: Iterator[bytes]) -> None:
        self._address, self._requests = address, requests
        self._selector = selectors.DefaultSelector()
        self._present: dict[Client, int] = {}
        "who is here, in the order of arrival, and what its socket is watched for"
        self.heard: list[tuple[float, int, float, str]] = []
        self._began = time.monotonic()

    def arrive_at(self, rate: float, seconds: float) -> None:
        for number in range(int(rate * seconds)):
            due = self._began + number / rate
            while (left := due - time.monotonic()) > 0:
                self._listen(left)
            self._arrive()
        self._see_off()

    def take_turns(self, clients: int, seconds: float) -> None:
        while time.monotonic() - self._began < seconds:
            while len(self._present) < clients:
                self._arrive()
            self._listen(LONGEST_WAIT)
        self._see_off()

    def _see_off(self) -> None:
        while self._present:
            self._listen(LONGEST_WAIT)

    def _arrive(self) -> None:
        client = Client(self._address, next(self._requests), time.monotonic())
        self._selector.register(client.socket, client.awaits, client)
        self._present[client] = client.awaits

    def _listen(self, seconds: float) -> None:
        for key, _ in self._selector.select(min(seconds, LONGEST_WAIT)):
            client: Client = key.data
            status = client.go_on()
            if status is not None:
                self._leave(client, status)
            elif self._present[client] != client.awaits:
                self._selector.modify(client.socket, client.awaits, client)
                self._present[client] = client.awaits
        self._send_the_impatient_away()

    def _send_the_impatient_away(self) -> None:
        """The first one has waited longest."""
        while self._present and time.monotonic() - (first := next(iter(self._present))).began > PATIENCE:
            self._leave(first, 0)

    def _leave(self, client: Client, status: int) -> None:
        del self._present[client]
        self._selector.unregister(client.socket)
        client.socket.close()
        now = time.monotonic()
        began, waited = round(client.began - self._began, 3), round(now - client.began, 4)
        self.heard.append((began, status, waited, client.correlation_id))


def main() -> None:
    given = _parser().parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    url = urlsplit(given.url)
    flights = json.loads(sys.stdin.read())
    crowd = Crowd((url.hostname or "", url.port or 80), requests(url.netloc, flights, given.seed))
    if given.rate:
        crowd.arrive_at(given.rate, given.seconds)
    else:
        crowd.take_turns(given.clients, given.seconds)
    times = os.times()
    json.dump({"heard": crowd.heard, "cpu": times.user + times.system}, sys.stdout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="proofs.chaos.crowd", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--seed", required=True, help="the users' names begin with it")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, default=0.0)
    parser.add_argument("--clients", type=int, default=0)
    return parser


if __name__ == "__main__":
    main()
