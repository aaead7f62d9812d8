"""Numbers the commits of a run, and lets something happen before and after each."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from django.db import connections, transaction

READS = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "PRAGMA", "SET ", "SHOW", "EXPLAIN")
CHANGED = re.compile(r"(?:INTO|UPDATE|FROM)\s+\"?(\w+)", re.IGNORECASE)

Statement = tuple[str, int]
"A statement of a transaction, and how often it had run in it. A count of all would change with every cache."
ALONE: Statement = ("", 0)
"Of a write outside a transaction: it is not even sent."
ANY: Statement = ("", -1)
"The first that is met, for a commit of a run that was not recorded."


class Watcher(Protocol):
    def statement(self) -> None:
        """A statement is about to run."""

    def before_commit(self, number: int, statement: Statement) -> None:
        """A statement of this commit has run; it may be the last."""

    def after_commit(self, number: int, last: Statement, tables: Collection[str]) -> None:
        """It is durable; nothing else has happened."""


@dataclass
class _Open:
    """A transaction under way."""

    ran: Counter[str] = field(default_factory=Counter)
    last: Statement = ALONE
    tables: dict[str, None] = field(default_factory=dict)


class Commits:
    """Of every transaction that writes, and of every write outside one, in this thread."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher, self._number = watcher, 0
        self._open: dict[str, _Open] = {}

    @contextmanager
    def watched(self, databases: Collection[str]) -> Iterator[None]:
        with ExitStack() as stack:
            for alias in databases:
                stack.enter_context(connections[alias].execute_wrapper(self._execute))
            yield

    def _execute(self, run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.lstrip().upper().startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            return run(sql, params, many, context)  # A dying process still leaves its blocks.
        self._watcher.statement()
        connection = context["connection"]
        if connection.in_atomic_block:
            return self._inside(connection, run, sql, params, many, context)
        if not is_write(sql):
            return run(sql, params, many, context)
        self._watcher.before_commit(self._number + 1, ALONE)
        result = run(sql, params, many, context)
        self._made(_Open(tables=dict.fromkeys(CHANGED.findall(sql))))
        return result

    def _inside(self, connection: Any, run: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        # Empty only before the first statement, because this hook comes first; a rollback empties it.
        if not connection.run_on_commit:
            self._open[connection.alias] = _Open()
            transaction.on_commit(partial(self._committed, connection.alias), using=connection.alias)
        result = run(sql, *arguments)
        current = self._open[connection.alias]
        current.ran[sql] += 1
        current.last = sql, current.ran[sql]
        if is_write(sql):
            current.tables |= dict.fromkeys(CHANGED.findall(sql))
        self._watcher.before_commit(self._number + 1, current.last)
        return result

    def _committed(self, alias: str) -> None:
        current = self._open.pop(alias)
        if current.tables:
            self._made(current)

    def _made(self, commit: _Open) -> None:
        self._number += 1
        self._watcher.after_commit(self._number, commit.last, commit.tables)


def is_write(sql: str) -> bool:
    return not sql.lstrip(" (\n").upper().startswith(READS)
