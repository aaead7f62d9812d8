"""The engine for many hosts: Procrastinate's workers on the backend's own PostgreSQL.

A job only names a saga. It is committed with the saga's row, has no lock, and is queued at most once per
epoch. Each serving process also submits due sagas without a queued job every second, which replaces lost
jobs. A job of a dead worker is marked failed and not repeated: the row's due time schedules the saga.
"""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import OperationalError, close_old_connections, transaction
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.contrib.django import app, connector_params
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Job, Status

from django_sagas import saga_log
from django_sagas.conf import conf
from django_sagas.database import db_time, fetch_all
from django_sagas.engines.local import recovery_until
from django_sagas.recovery import Recovery, attempt
from django_sagas.state import SagaStatus

log = structlog.get_logger("saga.engine")
QUEUE = "sagas"
TASK = "sagas.advance"
EARLIER_TASKS = ["flight.advance_saga"]
BATCH = 200
SWEEP_SECONDS = 2.0
KEEP_FAILED_HOURS = 24
RESTART_SECONDS = 1.0
STALLED_SECONDS = 30.0
"As Procrastinate's own default."
OPEN_SECONDS = 3.0
# Plain SQL: every worker asks it each second.
DUE_WITHOUT_JOB = """
    SELECT correlation_id, epoch, status FROM sagas_saga
    WHERE due_at <= %s AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs
        WHERE queueing_lock = correlation_id || ':' || epoch AND procrastinate_jobs.status = 'todo')
    ORDER BY CASE status WHEN 'COMPENSATING' THEN 0 ELSE 1 END, due_at LIMIT %s"""


@app.task(name=TASK, aliases=EARLIER_TASKS, queue=QUEUE, pass_context=True)
def advance_saga(context: JobContext, *, saga_id: str) -> None:
    context.additional_context["advance"](saga_id)


class ProcrastinateEngine:
    def submit(self, saga_id: str) -> None:
        epoch = saga_log.epoch(saga_id)
        if epoch is not None:
            defer([waiting_job(saga_id, epoch)])

    def wake(self, saga_id: str, at: datetime) -> None:
        saga_log.make_due(saga_id, at=at)

    def serve(self, stop: threading.Event) -> None:
        recovery = recovery_until(stop)
        log.info("engine_started", engine="procrastinate", threads=conf.SAGA_RECOVERY_THREADS)
        asyncio.run(_serve(recovery, stop))
        log.info("engine_stopped", engine="procrastinate")


def waiting_job(saga_id: str, epoch: int, *, priority: int = 0) -> Job:
    """The queueing lock allows one queued job per saga and epoch."""
    lock = f"{saga_id}:{epoch}"
    job = Job(task_name=TASK, queue=QUEUE, lock=None, queueing_lock=lock, priority=priority)
    return job.evolve(task_kwargs={"saga_id": saga_id})


def defer(jobs: list[Job]) -> bool:
    """Submit all in one statement, or none if one of them is queued already. Whether they were submitted.

    Raises OperationalError when the database is away.
    """
    try:
        # A savepoint inside a transaction: a conflict of the queueing lock must not abort it.
        with suppress(AlreadyEnqueued), transaction.atomic():
            app.job_manager.batch_defer_jobs(jobs)
            return True
    except ConnectorException as error:
        # The driver's own error is the cause, by which it is classified.
        raise OperationalError(str(error.__cause__ or error)) from (error.__cause__ or error)
    return False


def submit_due(now: datetime) -> int:
    """Submit the due sagas, compensations first; how many had no queued job.

    If another dispatcher submits some of them concurrently, the rest follow a second later.
    """
    due = fetch_all(DUE_WITHOUT_JOB, (db_time(now), BATCH))
    jobs = [
        waiting_job(saga_id, epoch, priority=int(status == SagaStatus.COMPENSATING))
        for saga_id, epoch, status in due
    ]
    return len(jobs) if jobs and defer(jobs) else 0


def dispatch(recovery: Recovery, stop: threading.Event) -> None:
    while not stop.is_set():
        recovery.keep_house()
        attempt(lambda: submit_due(recovery.now()))
        attempt(close_old_connections)
        stop.wait(conf.SAGA_DISPATCH_SECONDS)


async def _serve(recovery: Recovery, stop: threading.Event) -> None:
    threads = ThreadPoolExecutor(conf.SAGA_RECOVERY_THREADS + 2, "saga-engine")
    asyncio.get_running_loop().set_default_executor(threads)  # The default has cores + 4 threads.
    closing = asyncio.Event()
    working = asyncio.create_task(_work_until(closing, recovery))
    try:
        await sync_to_async(dispatch, thread_sensitive=False)(recovery, stop)
    finally:
        closing.set()
        await working


async def _work_until(closing: asyncio.Event, recovery: Recovery) -> None:
    """The worker ends when its connection does, and is restarted when the database is back."""
    while not closing.is_set():
        try:
            await _work(closing, recovery)
        except Exception as error:
            log.warning("worker_begins_again", error=repr(error))
            with suppress(TimeoutError):
                await asyncio.wait_for(closing.wait(), RESTART_SECONDS)


def worker_connector() -> PsycopgConnector:
    """Fails soon, so that the worker restarts with new connections: a waiting pool reconnects less and less,
    and a session that began on a read-only server stays read-only."""
    wait = conf.DATABASE_BUSY_SECONDS
    return PsycopgConnector(kwargs=connector_params(), timeout=wait, reconnect_timeout=wait)


async def _work(closing: asyncio.Event, recovery: Recovery) -> None:
    workers = app.with_connector(worker_connector())
    try:
        await asyncio.wait_for(workers.open_async(), OPEN_SECONDS)
        await _run_worker(workers, closing, recovery)
    finally:
        await workers.close_async()


async def _run_worker(workers: App, closing: asyncio.Event, recovery: Recovery) -> None:
    working = workers.run_worker_async(
        queues=[QUEUE],
        name=recovery.owner,
        concurrency=conf.SAGA_RECOVERY_THREADS,
        fetch_job_polling_interval=conf.SAGA_DISPATCH_SECONDS,
        delete_jobs="always",
        install_signal_handlers=False,
        additional_context={"advance": recovery.advance},
    )
    tasks = [asyncio.create_task(each) for each in (working, _fail_stalled_jobs(workers), _set(closing))]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()  # Tells the worker to finish what is under way and start nothing more.
    for ending in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ending, Exception):
            raise ending


async def _set(closing: asyncio.Event) -> None:
    await closing.wait()


async def _fail_stalled_jobs(workers: App) -> None:
    defaults = getattr(settings, "PROCRASTINATE_WORKER_DEFAULTS", {})
    dead_after = defaults.get("stalled_worker_timeout", STALLED_SECONDS)
    manager = workers.job_manager
    while True:
        with suppress(ConnectorException):  # Another worker may have done it.
            for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=dead_after):
                await manager.finish_job(job, status=Status.FAILED, delete_job=False)
            await manager.delete_old_jobs(nb_hours=KEEP_FAILED_HOURS, queue=QUEUE, include_failed=True)
        await asyncio.sleep(SWEEP_SECONDS)
