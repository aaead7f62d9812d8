"""Load that does not wait for answers: so many bookings a second, whatever becomes of the ones before."""

import asyncio
import itertools
import json
import time
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from chaos.travellers import START, booking

PATIENCE = 30.0
"Seconds after which a client hangs up; it counts as status 0, as does a connection that breaks."
USERS = 1_000


@dataclass(frozen=True)
class Served:
    """One answer: when it came, which status, and how long its client waited."""

    at: float
    status: int
    seconds: float


@dataclass
class Flood:
    backend: str
    flights: Sequence[int]
    served: list[Served] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def statuses(self, since: float = 0.0, until: float = float("inf")) -> Counter[int]:
        return Counter(one.status for one in self.served if since <= one.at < until)

    async def in_turn(self, clients: int, seconds: float) -> None:
        """Each client sends its next booking when it has the answer to the last one."""
        end = time.monotonic() + seconds

        async def client() -> None:
            while time.monotonic() < end:
                await self._book()

        await asyncio.gather(*(client() for _ in range(clients)))

    async def at_rate(self, rate: float, seconds: float) -> None:
        """Returns when the last client has its answer, or has hung up."""
        began, sent = time.monotonic(), 0
        async with asyncio.TaskGroup() as clients:
            while (passed := time.monotonic() - began) < seconds:
                while sent < passed * rate:
                    clients.create_task(self._book())
                    sent += 1
                await asyncio.sleep(0.01)

    async def _book(self) -> None:
        began, status = time.monotonic(), 0
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, ValueError):
            async with asyncio.timeout(PATIENCE):
                status = await self._ask()
        ended = time.monotonic()
        self.served.append(Served(ended, status, ended - began))

    async def _ask(self) -> int:
        number, address = next(self._numbers), urlsplit(self.backend)
        flight = self.flights[number % len(self.flights)]
        body = json.dumps(booking(flight, f"user-{number % USERS}")).encode()
        head = f"POST {START} HTTP/1.1\r\nHost: {address.netloc}\r\nConnection: close\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            return await _exchange(reader, writer, head.encode() + body)
        finally:
            writer.close()


async def _exchange(reader: StreamReader, writer: StreamWriter, request: bytes) -> int:
    """The status; the answer is read to its end."""
    writer.write(request)
    status = int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])
    await reader.read()
    return status
