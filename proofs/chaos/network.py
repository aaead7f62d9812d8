"""The proxies of all edges, in an event loop of their own thread."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, TypeVar

from proofs.chaos.edge import Edge, Passed
from proofs.chaos.plan import EDGES, Plan

Result = TypeVar("Result")
PATIENCE = 120.0


class Network:
    """`ports` names for each edge where its proxy listens, and where its participant does."""

    def __init__(self, ports: Mapping[str, tuple[int, int]], plan: Plan, clock: Callable[[], float]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self.edges = [Edge(name, ports[name], plan, clock) for name in EDGES]
        self._bad_times: list[asyncio.Task[None]] = []

    def __enter__(self) -> "Network":
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def begin(self) -> None:
        """The clock of the plan runs from now on."""
        self._run(self._keep_bad_times())

    def end_faults(self) -> None:
        """Everything passes from now on; what was held back is delivered on return."""
        self._run(self._calm())

    def deliver_old_calls(self) -> list[int]:
        return self._run(self._deliver_old_calls())

    @property
    def calls(self) -> list[Passed]:
        return sorted((call for edge in self.edges for call in list(edge.calls)), key=lambda call: call.at)

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    async def _listen(self) -> None:
        for edge in self.edges:
            await edge.listen()

    async def _keep_bad_times(self) -> None:
        self._bad_times = [asyncio.create_task(edge.keep_bad_times()) for edge in self.edges]

    async def _calm(self) -> None:
        await self._cancel(self._bad_times)
        for edge in self.edges:
            await edge.listen()
        await asyncio.gather(*(edge.deliver_late_ones() for edge in self.edges))

    async def _deliver_old_calls(self) -> list[int]:
        answers = await asyncio.gather(*(edge.deliver_old_ones() for edge in self.edges))
        return [status for edge in answers for status in edge]

    async def _close(self) -> None:
        for edge in self.edges:
            await edge.refuse()
        this = asyncio.current_task()
        await self._cancel([task for task in asyncio.all_tasks() if task is not this])

    @staticmethod
    async def _cancel(tasks: list[asyncio.Task[None]] | list[asyncio.Task[Any]]) -> None:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
