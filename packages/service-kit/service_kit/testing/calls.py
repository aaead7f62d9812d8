"""Calling endpoints from tests: one by one, at the same moment, and against a busy database."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from django.apps import apps
from django.db import connection
from django.test import Client
from django_sagas import json_text

T = TypeVar("T")
PATIENCE = 20.0
BUSY = {
    "sqlite": ("BEGIN IMMEDIATE",),
    "postgresql": ("BEGIN", "LOCK TABLE {tables} IN EXCLUSIVE MODE"),
}
PATIENCE_FOR_LOCKS = {
    "sqlite": ("PRAGMA busy_timeout = 200", "PRAGMA busy_timeout = 2000"),
    "postgresql": ("SET lock_timeout = 200", "RESET lock_timeout"),
}
_kept = threading.local()


def client() -> Client:
    """A client that returns a 500 instead of raising; one per thread, because each loads the middleware."""
    if not hasattr(_kept, "client"):
        _kept.client = Client(raise_request_exception=False)
    kept: Client = _kept.client
    return kept


def post(url: str, body: Any, **headers: str) -> Any:
    """POST a JSON value, or bytes as they are. A header's name is written with underscores."""
    data = body if isinstance(body, bytes) else json_text.dumps(body).encode()
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return client().post(url, data=data, content_type="application/json", headers=sent)


def envelope(correlation_id: str, booking: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    booking_data = {} if booking is None else {"booking_data": booking}
    return {"correlation_id": correlation_id, **booking_data, **more}


def at_once(*calls: Callable[[], T]) -> list[T]:
    """All calls at the same moment, each in a thread with a database connection of its own."""
    start = threading.Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(PATIENCE)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@contextmanager
def busy_database() -> Iterator[None]:
    """Another process holds the write lock; the time-out is 0.2 s."""
    other = connection.copy()
    with impatient(), other.cursor() as cursor:
        for statement in BUSY[connection.vendor]:
            cursor.execute(statement.format(tables=", ".join(snapshot())))
        try:
            yield
        finally:
            cursor.execute("ROLLBACK")
            other.close()


@contextmanager
def impatient() -> Iterator[None]:
    """This thread's connection waits 0.2 s for another's lock."""
    short, usual = PATIENCE_FOR_LOCKS[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(short)
    try:
        yield
    finally:
        # The pool gives the same connection to the next caller.
        with connection.cursor() as cursor:
            cursor.execute(usual)
        connection.close()


@contextmanager
def another_thread_in(block: Callable[[], Any]) -> Iterator[None]:
    """Another thread of this process stays inside the context that `block` makes."""
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with block():
            entered.set()
            leave.wait(PATIENCE)
        connection.close()

    thread = threading.Thread(target=stay)
    thread.start()
    try:
        assert entered.wait(PATIENCE)
        yield
    finally:
        leave.set()
        thread.join(PATIENCE)


def snapshot() -> dict[str, list[str]]:
    """Every row of every table, to assert that nothing changed; without counters and the audit trail."""
    return {
        model._meta.db_table: sorted(map(repr, model._default_manager.values_list()))
        for model in apps.get_models()
        if model._meta.app_label != "security"
    }
