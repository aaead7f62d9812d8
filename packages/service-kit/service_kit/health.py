"""Liveness touches nothing; readiness checks that the database is migrated and writable."""

from datetime import UTC, datetime
from typing import Any

from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django_sagas.database import db_time, write_alone

from service_kit.api import json_response
from service_kit.security.models import Attempt

# Only a page that is written meets a full disk, and SQLite writes none where nothing changes. No other key
# is empty.
PROBE = """
    INSERT INTO security_attempt (key, began_at, number) VALUES ('', %s, 0)
    ON CONFLICT (key, began_at) DO UPDATE SET number = 1 - security_attempt.number"""
PROBED_AT = datetime(1970, 1, 1, tzinfo=UTC)

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
        write_alone(PROBE, [db_time(PROBED_AT)])
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
