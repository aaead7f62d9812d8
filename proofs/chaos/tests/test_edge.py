"""Each fault does to a call what its name says, and nothing else."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from proofs.chaos.edge import Edge
from proofs.chaos.faults import Fault
from proofs.chaos.tests.participant import Participant, call, connected, proxied

Scene = Callable[[Edge, Participant], Awaitable[None]]


def play(fault: Fault | None, scene: Scene) -> None:
    async def run() -> None:
        async with proxied(fault) as (edge, participant):
            await scene(edge, participant)

    asyncio.run(run())


def test_without_a_fault_a_call_passes_and_is_recorded() -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        reply = await call(edge, "one")
        assert reply and (reply.status, reply.correlation_id) == (200, "one")
        (passed,) = edge.calls
        assert (passed.call, passed.correlation_id, passed.fault) == ("authorize-payment", "one", "")
        assert passed.answered == 200

    play(None, scene)


def test_closed_edge_delivers_no_call_until_it_listens_again() -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        await edge.refuse()
        with pytest.raises(ConnectionRefusedError):
            await call(edge, "one")
        await edge.listen()
        assert await call(edge, "two")
        assert participant.got == ["two"]

    play(None, scene)


def test_delayed_call_is_not_delivered_before_its_time() -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        waiting = asyncio.create_task(call(edge, "one"))
        assert (await asyncio.wait([waiting], timeout=0.05))[0] == set()
        assert participant.got == []
        edge.calm.set()
        assert await waiting
        assert participant.got == ["one"]

    play(Fault.DELAY, scene)


def test_trickled_answer_comes_in_pieces_and_whole() -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        async with connected(edge, "one") as reader:
            first = await reader.read(1000)
            assert len(first) <= 16
            edge.calm.set()
            rest = await reader.readuntil(b"}")
        assert (first + rest).startswith(b"HTTP/1.1 200")

    play(Fault.TRICKLE, scene)


@pytest.mark.parametrize(("fault", "begins"), [(Fault.CUT, b"HTTP/1.1 200"), (Fault.DROP, b"")])
def test_call_is_carried_out_and_its_answer_is_lost(fault: Fault, begins: bytes) -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        async with connected(edge, "one") as reader:
            try:
                received = await reader.read()
            except ConnectionResetError:
                received = b""
        assert received.startswith(begins)
        assert b"}" not in received
        assert participant.got == ["one"]

    play(fault, scene)


def test_duplicated_call_is_delivered_twice_and_answered_once() -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        assert await call(edge, "one")
        assert participant.got == ["one", "one"]

    play(Fault.DUPLICATE, scene)


def test_held_call_is_cut_off_and_delivered_after_later_ones() -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        assert await call(edge, "held") is None
        assert participant.got == []
        edge.calm.set()
        await edge.deliver_late_ones()
        await participant.has("held")

    play(Fault.HOLD, scene)


def test_replayed_call_is_answered_and_delivered_once_more() -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        assert await call(edge, "one")
        assert participant.got == ["one"]
        await edge.deliver_late_ones()
        await participant.has("one", "one")

    play(Fault.REPLAY, scene)


@pytest.mark.parametrize(("fault", "status"), [(Fault.ERROR, 500), (Fault.REDIRECT, 302), (Fault.HTML, 200)])
def test_answer_is_replaced_by_a_page_of_the_proxy(fault: Fault, status: int) -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        reply = await call(edge, "one")
        assert reply and (reply.status, reply.correlation_id) == (status, "")

    play(fault, scene)


def test_answer_is_the_one_to_another_saga() -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        await call(edge, "first")
        reply = await call(edge, "second")
        assert reply and reply.correlation_id == "first"
        assert participant.got == ["first", "second"]

    play(Fault.STRANGER, scene)


def test_old_calls_come_once_more_without_their_credential() -> None:
    async def scene(edge: Edge, participant: Participant) -> None:
        await call(edge, "one")
        assert await edge.deliver_old_ones() == [200]
        assert participant.got == ["one", "one"]

    play(None, scene)
