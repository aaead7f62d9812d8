"""What a project has that sets nothing of its own."""

import threading
from contextlib import suppress

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django_sagas import conf
from django_sagas.database import commits_not_awaited, execute, fetch_all, fetch_one, write_transaction

PATIENCE = 20.0


@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_a_writer_waits_for_another_as_long_as_the_default_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not hasattr(settings, "DATABASE_BUSY_SECONDS")
    monkeypatch.setitem(conf.DEFAULTS, "DATABASE_BUSY_SECONDS", 0.05)
    refused: list[OperationalError] = []

    def write() -> None:
        try:
            with write_transaction():
                pass
        except OperationalError as error:
            refused.append(error)
        finally:
            connection.close()

    with write_transaction():
        other = threading.Thread(target=write)
        other.start()
        other.join(PATIENCE)
    assert [str(error) for error in refused] == ["database is locked by another writer of this process"]


@pytest.mark.django_db(transaction=True)
def test_commits_are_awaited_again_after_those_that_are_not() -> None:
    sqlite = connection.vendor == "sqlite"
    usual, relaxed = ((2,), (1,)) if sqlite else (("on",), ("off",))

    def setting() -> tuple[object, ...] | None:
        return fetch_one("PRAGMA synchronous" if sqlite else "SHOW synchronous_commit")

    if sqlite:
        execute("PRAGMA synchronous = FULL")
    with suppress(KeyError), commits_not_awaited():
        assert setting() == relaxed
        raise KeyError
    assert setting() == usual


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such indexes")
@pytest.mark.django_db
def test_no_index_of_sagas_is_for_the_beginning_of_an_id() -> None:
    found = fetch_all("SELECT indexdef FROM pg_indexes WHERE tablename = 'sagas_saga'")
    assert ["_pattern_ops" in definition for (definition,) in found] == [False] * 6
