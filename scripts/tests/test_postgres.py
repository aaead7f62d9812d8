"""The private PostgreSQL server, where its binaries are installed."""

import subprocess
from pathlib import Path

import pytest

from scripts import checks, postgres

needs_binaries = pytest.mark.skipif(postgres.find_binaries() is None, reason="PostgreSQL is not installed")


@needs_binaries
def test_each_service_enters_its_own_database_and_no_other() -> None:
    with postgres.private_server(durable=False) as server:
        urls = server.make_databases(("payment", "loyalty"))
        assert _ask(server, urls["payment"]) == "payment payment"
        assert _ask(server, urls["loyalty"]) == "loyalty loyalty"
        with pytest.raises(subprocess.CalledProcessError):
            _ask(server, server.url("loyalty", role="payment"))


@needs_binaries
def test_nothing_of_a_private_server_is_left() -> None:
    with postgres.private_server(durable=False) as server:
        url = server.url("postgres")
        assert _ask(server, url) == f"{postgres.ADMIN} postgres"
    with pytest.raises(subprocess.CalledProcessError):
        _ask(server, url)


def _ask(server: postgres.Server, url: str) -> str:
    command = [str(server.binaries / "psql"), "-qXtA", "-F", " ", url]
    sql = "SELECT current_user, current_database()"
    done = subprocess.run([*command, "-c", sql], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_named_server_comes_before_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", "postgres://me@db.example:5432/")
    with postgres.server_for_tests() as url:
        assert url == "postgres://me@db.example:5432"


def test_without_any_postgresql_it_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("TEST_DATABASE_URL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "DEBIAN_BINARIES", tmp_path)
    monkeypatch.setattr(postgres, "PORT", 1)  # Where nothing listens.
    assert postgres.test([]) == 1
    assert "TEST_DATABASE_URL" in capsys.readouterr().err
    assert postgres.test_replicas([]) == 1


def test_every_service_is_tested_in_a_database_of_its_own_and_the_backend_with_either_engine() -> None:
    found = checks.suites_on_postgres("postgres://db", [])
    engines = {each.name: each.environment.get("SAGA_ENGINE") for each in found}
    others = ("backend", "sagas", "kit", "payment", "loyalty", "ui", "template")
    assert engines == {"procrastinate": "procrastinate", **dict.fromkeys(others)}
    urls = [each.environment["DATABASE_URL"] for each in found]
    assert len(set(urls)) == len(urls) and all(url.startswith("postgres://db/saga_") for url in urls)
