import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from service_kit import health

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def never_seen_migrated() -> Iterator[None]:
    health._migrated = False
    yield
    health._migrated = False


def test_alive_touches_no_database(client: Client, django_assert_num_queries: object) -> None:
    with django_assert_num_queries(0):  # type: ignore[operator]
        assert client.get("/api/health/").json() == {"status": "alive"}


def test_ready_when_the_database_is_migrated(client: Client) -> None:
    answer = client.get("/api/health/ready/")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "database": "ok"})


def test_ready_asks_for_migrations_only_until_they_are_done(
    client: Client, django_assert_num_queries: object
) -> None:
    client.get("/api/health/ready/")
    with django_assert_num_queries(1):  # type: ignore[operator]
        client.get("/api/health/ready/")


def test_not_ready_while_a_migration_is_missing(client: Client) -> None:
    newest = MigrationLoader(connection).graph.leaf_nodes("guard")[0]
    MigrationRecorder(connection).record_unapplied(*newest)
    answer = client.get("/api/health/ready/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer.json() == {"status": "not ready", "database": "unmigrated"}


@contextmanager
def database_named(name: str) -> Iterator[None]:
    """Every new connection asks for another database."""
    usual = connection.settings_dict["NAME"]
    _forget_connections()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        _forget_connections()
        connection.settings_dict["NAME"] = usual


def _forget_connections() -> None:
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
def test_not_ready_when_the_database_is_away(client: Client, tmp_path: Path) -> None:
    away = str(tmp_path / "no" / "such" / "folder.sqlite3") if connection.vendor == "sqlite" else "no_such"
    with database_named(away):
        answer = client.get("/api/health/ready/")
        assert (answer.status_code, answer.json()["database"]) == (503, "unavailable")
    assert client.get("/api/health/ready/").status_code == 200


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a file is a database on SQLite only")
@pytest.mark.django_db(transaction=True)
def test_not_ready_when_the_database_is_no_database(client: Client, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite3"
    shutil.copy(__file__, broken)
    with database_named(str(broken)):
        assert client.get("/api/health/ready/").json()["database"] == "unavailable"


def test_metrics_count_requests_by_method_route_and_status(client: Client) -> None:
    client.get("/api/fail/anything-at-all/")
    text = client.get("/metrics").content.decode()
    assert re.search(
        r'http_request_seconds_count\{method="GET",route="api/fail/<str:name>/",status="500"\} [1-9]', text
    )
    assert "anything-at-all" not in text


@pytest.mark.parametrize("path", ["/api/health/", "/api/health/ready/", "/metrics"])
def test_head_of_a_probe_is_answered(client: Client, path: str) -> None:
    assert client.head(path).status_code == 200
