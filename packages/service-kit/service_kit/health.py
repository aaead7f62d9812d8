"""Liveness touches nothing; readiness checks that the database is migrated and writable."""

from typing import Any

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse

from service_kit.api import json_response
from service_kit.security.models import Attempt

_migrated = False


def alive(request: HttpRequest) -> HttpResponse:
    return json_response({"status": "alive"})


def database_state() -> str:
    """`ok`, `unmigrated`, `unwritable` or `unavailable`. Migrations are checked until all are applied."""
    global _migrated
    try:
        if not _migrated:
            executor = MigrationExecutor(connection)
            _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
        if not _migrated:
            return "unmigrated"
        # Fails wherever a write fails, and changes nothing: no key is empty.
        Attempt.objects.filter(key="").update(number=0)
    except Error:
        return "unwritable" if _migrated and _can_read() else "unavailable"
    return "ok"


def _can_read() -> bool:
    try:
        Attempt.objects.exists()
    except Error:
        return False
    return True


def readiness(**more: Any) -> HttpResponse:
    state = database_state()
    ready = state == "ok"
    body = {"status": "ready" if ready else "not ready", "database": state, **more}
    return json_response(body, status=200 if ready else 503, headers={} if ready else {"Retry-After": "1"})


def ready(request: HttpRequest) -> HttpResponse:
    return readiness()
