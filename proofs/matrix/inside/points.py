"""The points at which a process can die: around each commit, each write outside a transaction, each call."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper

from proofs.matrix.inside import wire

KILLED = 9
WRITES = ("INSERT", "UPDATE", "DELETE")


class Points:
    """Counts points, reports them to the driver, and applies the job's fault at one of them."""

    def __init__(self, at: str, fault: str) -> None:
        self._at, self._fault = at, fault
        self._commits = self._writes = 0

    def reach(self, point: str) -> None:
        wire.tell(at=point)
        if point != self._at:
            return
        self._at = ""
        match self._fault:
            case "kill":
                os._exit(KILLED)
            case "error":
                raise OperationalError("the database went away")
            case "bug":
                raise RuntimeError("a bug of our own")
            case "hang":
                wire.tell(hangs=point)
                wire.hear()

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        self.reach(f"before {name}")
        yield
        self.reach(f"after {name}")

    def watch(self) -> None:
        """Have every commit and every write of this process pass through here."""
        connection.ensure_connection()
        connection.execute_wrappers.append(self._execute)
        wrapper: Any = BaseDatabaseWrapper
        commit = wrapper._commit

        def watched(database: BaseDatabaseWrapper) -> None:
            self._commits += 1
            with self.around(f"commit {self._commits}"):
                commit(database)

        # Django's own, and in this fork only: the end of atomic() goes past every statement's wrapper.
        wrapper._commit = watched

    def _execute(self, run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if connection.in_atomic_block or not sql.lstrip().startswith(WRITES):
            return run(sql, params, many, context)
        self._writes += 1
        with self.around(f"write {self._writes}"):
            return run(sql, params, many, context)
