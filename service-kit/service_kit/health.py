"""Liveness touches nothing; readiness asks the database and its migrations."""

from typing import Any

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse

from service_kit.api import json_response

_migrated = False


def alive(request: HttpRequest) -> HttpResponse:
    return json_response({"status": "alive"})


def database_state() -> str:
    """`ok`, `unmigrated`, or `unavailable`. A database once seen migrated is only asked to answer."""
    global _migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
        if not _migrated:
            executor = MigrationExecutor(connection)
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return "unavailable"
    return "ok" if _migrated else "unmigrated"


def readiness(**more: Any) -> HttpResponse:
    state = database_state()
    ready = state == "ok"
    body = {"status": "ready" if ready else "not ready", "database": state, **more}
    return json_response(body, status=200 if ready else 503, headers={} if ready else {"Retry-After": "1"})


def ready(request: HttpRequest) -> HttpResponse:
    return readiness()
