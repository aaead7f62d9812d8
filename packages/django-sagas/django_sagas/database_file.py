"""A SQLite file that is deleted, moved or replaced under its connections.

They would go on with the file that they opened, which nobody finds any more: what they write is lost.
"""

import os
import sqlite3
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

Identity = tuple[int, int]


class OpenedFile:
    """A wrapper of Django's `execute_wrapper` form: what is read, and what begins a transaction, fails where
    another file, or none, stands in the place of the one that was opened."""

    def __init__(self, path: str, identity: Identity) -> None:
        self._path, self._identity = path, identity

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        if not context["connection"].in_atomic_block and _identity(self._path) != self._identity:
            error = sqlite3.OperationalError("the database's file was deleted, moved or replaced")
            raise OperationalError(*error.args) from error
        return execute(sql, params, many, context)


def watch(connection: BaseDatabaseWrapper) -> None:
    """From now on, for a connection that has just been opened."""
    wrappers = connection.execute_wrappers
    wrappers[:] = [wrapper for wrapper in wrappers if not isinstance(wrapper, OpenedFile)]
    if connection.vendor == "sqlite" and (identity := _identity(path := _path(connection))):
        # Not the last: Django takes the last one off when a wrapper's `with` ends, whichever it is.
        wrappers.insert(1, OpenedFile(path, identity))


def _path(connection: BaseDatabaseWrapper) -> str:
    name = str(connection.settings_dict["NAME"])
    return unquote(urlsplit(name).path) if name.startswith("file:") else name


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116  a Path costs more than the call, which each statement makes
    except OSError:
        return None
    return found.st_dev, found.st_ino
