"""What a project has that sets nothing of its own."""

import threading

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django_sagas import conf
from django_sagas.database import write_transaction

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
