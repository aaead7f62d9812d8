"""A proxy on one edge between two services, which applies the plan's faults to calls."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random

from proofs.chaos.faults import Drawn, Fault, draw
from proofs.chaos.plan import Plan
from proofs.chaos.wire import Message, answer, read_message
from scripts.service import HOST

UPSTREAM_SECONDS = 40.0
"Longer than a participant is ever stopped: what was sent to it arrives when it wakes up."
REMEMBERED = 200
BAD_GATEWAY = "<!doctype html><title>502</title><h1>Bad gateway</h1><p>nginx"


@dataclass(frozen=True)
class Passed:
    """One call that came to the proxy, and what became of it."""

    at: float
    edge: str
    call: str
    correlation_id: str
    fault: str
    answered: int
    "the participant's status; 0 when it gave none, or was not asked"


class Edge:
    """All of it runs in one event loop, but for `calls`, which anybody may read."""

    def __init__(self, name: str, ports: tuple[int, int], plan: Plan, clock: Callable[[], float]) -> None:
        self.name, (self.port, self._upstream) = name, ports
        self._plan, self._clock = plan, clock
        self.calls: list[Passed] = []
        self.calm = asyncio.Event()
        self._number = 0
        self._server: asyncio.Server | None = None
        self._open: set[StreamWriter] = set()
        self._late: set[asyncio.Task[None]] = set()
        self._strangers: Message | None = None
        self._remembered: list[Message] = []

    # -- listening

    async def listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, HOST, self.port)

    async def refuse(self) -> None:
        """From now on connections are refused, and open ones are reset."""
        if self._server:
            self._server.close()
            self._server = None
        for writer in list(self._open):
            writer.transport.abort()

    async def keep_bad_times(self) -> None:
        """Refuse connections during the plan's outages."""
        for bad in self._plan.bad_times:
            if bad.edge == self.name and bad.fault is Fault.REFUSE:
                await asyncio.sleep(max(0.0, bad.at - self._clock()))
                await self.refuse()
                await asyncio.sleep(bad.seconds)
                await self.listen()

    async def deliver_late_ones(self) -> None:
        """What was held back goes out now."""
        self.calm.set()
        if self._late:
            await asyncio.wait(self._late)

    async def deliver_old_ones(self) -> list[int]:
        """Calls from the whole run once more, without their caller; what the participant answered."""
        old = [await self._deliver(message.without_credential()) for message in self._remembered]
        return [message.status if message else 0 for message in old]

    # -- one connection, one call

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self._open.add(writer)
        try:
            # asyncio prints the cancellation of a connection's task, which is how all of them end.
            with suppress(OSError, asyncio.CancelledError):
                while request := await read_message(reader):
                    if not await self._take(request, writer):
                        writer.transport.abort()
                        return
        finally:
            self._open.discard(writer)
            writer.close()

    async def _take(self, request: Message, writer: StreamWriter) -> bool:
        """Whether the connection can be kept."""
        drawn = self._draw()
        self._remember(request)
        at = self._clock()
        reply, kept = await self._carry_out(request, drawn, writer)
        status = reply.status if reply else 0
        kind = drawn.fault.value if drawn else ""
        call = request.path.rstrip("/").rpartition("/")[2]
        self.calls.append(Passed(at, self.name, call, request.correlation_id, kind, status))
        if reply and status == 200:
            self._strangers = reply
        return kept

    def _draw(self) -> Drawn | None:
        if self.calm.is_set():
            return None
        self._number += 1
        bad = self._plan.bad_time(self.name, self._clock())
        return draw(self._plan.seed, self.name, self._number, usual_share=self._plan.usual_share, bad=bad)

    def _remember(self, request: Message) -> None:
        """An even sample of all calls, of a fixed size."""
        place = Random(f"{self.name}/{self._number}").randrange(max(self._number, 1))
        if len(self._remembered) < REMEMBERED:
            self._remembered.append(request)
        elif place < REMEMBERED:
            self._remembered[place] = request

    async def _carry_out(
        self, request: Message, drawn: Drawn | None, writer: StreamWriter
    ) -> tuple[Message | None, bool]:
        """The participant's answer, and whether the caller's connection can be kept."""
        match drawn:
            case None:
                reply = await self._deliver(request)
                return reply, await _send(reply, writer)
            case Drawn(Fault.DELAY):
                await self._wait(drawn.seconds)
                reply = await self._deliver(request)
                return reply, await _send(reply, writer)
            case Drawn(Fault.HOLD):
                self._deliver_later(request, drawn.seconds)
                return None, False
            case Drawn(Fault.REPLAY):
                self._deliver_later(request, drawn.seconds)
                reply = await self._deliver(request)
                return reply, await _send(reply, writer)
            case Drawn(Fault.DUPLICATE):
                reply, twin = await asyncio.gather(self._deliver(request), self._deliver(request))
                return reply, await _send(reply or twin, writer)
            case Drawn(Fault.ERROR | Fault.REDIRECT | Fault.HTML):
                reply = await self._deliver(request) if drawn.delivered else None
                return reply, await _send(_forged(drawn.fault, request), writer)
        reply = await self._deliver(request)
        return reply, await self._spoil(reply, drawn, writer)

    async def _spoil(self, reply: Message | None, drawn: Drawn, writer: StreamWriter) -> bool:
        """Faults of the way back; whether the connection can be kept."""
        if reply is None or drawn.fault is Fault.DROP:
            return False
        if drawn.fault is Fault.STRANGER:
            return await _send(self._strangers or answer(502, BAD_GATEWAY), writer)
        if drawn.fault is Fault.CUT:
            writer.write(reply.raw[: len(reply.raw) * 2 // 3])
            await writer.drain()
            return False
        return await self._trickle(reply, drawn.seconds, writer)

    async def _trickle(self, reply: Message, pause: float, writer: StreamWriter) -> bool:
        for start in range(0, len(reply.raw), 8):
            writer.write(reply.raw[start : start + 8])
            await writer.drain()
            await self._wait(pause)
        return True

    # -- the participant's side

    async def _deliver(self, request: Message) -> Message | None:
        """None when the participant is away, or ends without an answer."""
        try:
            async with asyncio.timeout(UPSTREAM_SECONDS):
                reader, writer = await asyncio.open_connection(HOST, self._upstream)
                try:
                    writer.write(request.raw)
                    await writer.drain()
                    return await read_message(reader)
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return None

    def _deliver_later(self, request: Message, seconds: float) -> None:
        async def deliver() -> None:
            await self._wait(seconds)
            await self._deliver(request)

        task = asyncio.create_task(deliver())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _wait(self, seconds: float) -> None:
        """So long, or until the faults are off."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.calm.wait(), seconds)


async def _send(reply: Message | None, writer: StreamWriter) -> bool:
    """Whether the connection can be kept: without an answer of the participant's the caller gets none."""
    if reply is None:
        return False
    writer.write(reply.raw)
    await writer.drain()
    return True


def _forged(fault: Fault, request: Message) -> Message:
    if fault is Fault.REDIRECT:
        return answer(302, "", Location=f"http://{HOST}:9{request.path}")
    return answer(500 if fault is Fault.ERROR else 200, BAD_GATEWAY)
