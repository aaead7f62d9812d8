"""A participant that counts its calls, a proxy in front of it that has one fault, and a caller."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from proofs.chaos.edge import Edge
from proofs.chaos.faults import BadTime, Fault
from proofs.chaos.plan import EDGES, Plan
from proofs.chaos.wire import Message, answer, read_message
from scripts.ports import free_ports
from scripts.service import HOST

NAME = EDGES[0]
SECONDS = 60.0


@dataclass
class Participant:
    """Answers every call with its correlation id."""

    got: list[str] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        message = await read_message(reader)
        if message:
            async with self.changed:
                self.got.append(message.correlation_id)
                self.changed.notify_all()
            body = json.dumps({"correlation_id": message.correlation_id, "success": True})
            writer.write(answer(200, body, kind="application/json").raw)
            await writer.drain()
        writer.close()
        await writer.wait_closed()

    async def has(self, *correlation_ids: str) -> None:
        """Returns when exactly these calls have come."""
        async with asyncio.timeout(SECONDS), self.changed:
            await self.changed.wait_for(lambda: len(self.got) >= len(correlation_ids))
        assert self.got == list(correlation_ids)


@asynccontextmanager
async def proxied(fault: Fault | None) -> AsyncIterator[tuple[Edge, Participant]]:
    """Every call meets this fault."""
    bad = (BadTime(0, 1000, NAME, fault, share=1.0),) if fault else ()
    participant, ports = Participant(), free_ports(2)
    server = await asyncio.start_server(participant.serve, HOST, ports[1])
    edge = Edge(NAME, (ports[0], ports[1]), Plan("a", 1000, 0.0, (), bad), lambda: 1.0)
    await edge.listen()
    try:
        yield edge, participant
    finally:
        await edge.deliver_late_ones()
        await edge.refuse()
        server.close()
        await server.wait_closed()


def request(correlation_id: str) -> bytes:
    body = json.dumps({"correlation_id": correlation_id}).encode()
    head = f"POST /api/saga/authorize-payment/ HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def connected(edge: Edge, correlation_id: str) -> AsyncIterator[StreamReader]:
    """A caller that has sent its call."""
    reader, writer = await asyncio.open_connection(HOST, edge.port)
    try:
        writer.write(request(correlation_id))
        yield reader
    finally:
        writer.close()
        try:
            await writer.wait_closed()
        except ConnectionError:
            assert writer.is_closing()


async def call(edge: Edge, correlation_id: str) -> Message | None:
    """The whole answer; None where the connection ended before."""
    async with connected(edge, correlation_id) as reader, asyncio.timeout(SECONDS):
        return await read_message(reader)
