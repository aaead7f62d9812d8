"""A service's own application with counters of statements, commits and connections.

Used by the bench's counted round only. `GET /bench/counts/` returns the counts.
"""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

COUNTS_PATH = "/bench/counts/"
CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")
READS = ("SELECT", "PRAGMA", "SHOW", "SET")
OF_TIME = "FROM guard_fault"
"in what demo mode alone asks ten times a second, whatever is booked"

_counts: Counter[str] = Counter()
_peers: set[str] = set()
_lock = threading.Lock()


def count(name: str) -> None:
    with _lock:
        _counts[name] += 1


def count_statement(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    verb = sql.split(None, 1)[0].upper()
    if verb not in CONTROL and OF_TIME not in sql:
        count("statements")
    result = execute(sql, params, many, context)
    # Outside a transaction every write is a commit of its own.
    if verb not in CONTROL + READS and not context["connection"].in_atomic_block:
        count("commits")
    return result


def watch(sender: Any, connection: BaseDatabaseWrapper, **_: Any) -> None:
    count("connects")
    if count_statement not in connection.execute_wrappers:
        connection.execute_wrappers.append(count_statement)


def count_commits() -> None:
    """The COMMIT at the end of atomic() goes past the cursor, and so past any wrapper of statements."""
    wrapper: Any = BaseDatabaseWrapper
    commit = wrapper._commit

    def counted(self: BaseDatabaseWrapper) -> None:
        count("commits")
        commit(self)

    wrapper._commit = counted


count_commits()
connection_created.connect(watch)
_application = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == COUNTS_PATH:
        with _lock:
            body = json.dumps({**_counts, "tcp": len(_peers)}).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]
    # A new connection is a port that has not been seen before.
    with _lock:
        _peers.add(environ["REMOTE_PORT"])
        _counts["requests"] += 1
    return _application(environ, start_response)
