"""Baseline: one Procrastinate job on PostgreSQL does the steps; its worker runs in this process."""

import asyncio
import os
import threading

from procrastinate import App, PsycopgConnector, SyncPsycopgConnector

from bench.baselines.saga import TIMEOUT, Booking, run_saga, serve

URL = os.environ["ENGINE_DATABASE_URL"]
THREADS = 8

app = App(connector=SyncPsycopgConnector(conninfo=URL, max_size=THREADS))
waiting: dict[str, tuple[threading.Event, list[bool]]] = {}


def do(correlation_id: str, booking: Booking) -> None:
    success = run_saga(correlation_id, booking)
    done, results = waiting.pop(correlation_id)
    results.append(success)
    done.set()


task = app.task(name="saga")(do)
app.open()
app.schema_manager.apply_schema()


async def work() -> None:
    worker = app.with_connector(PsycopgConnector(conninfo=URL, max_size=THREADS))
    async with worker.open_async():
        await worker.run_worker_async(concurrency=THREADS, install_signal_handlers=False)


threading.Thread(target=asyncio.run, args=(work(),), daemon=True).start()


def book(correlation_id: str, booking: Booking) -> bool:
    done, results = waiting[correlation_id] = threading.Event(), []
    task.defer(correlation_id=correlation_id, booking=booking)
    return done.wait(3 * TIMEOUT) and results[0]


application = serve(book)
