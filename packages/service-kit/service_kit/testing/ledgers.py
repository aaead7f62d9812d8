"""A table that is only added to, as tests for any service."""

import pytest
from django.db import DatabaseError, connection, transaction
from django_sagas.database import execute, fetch_all

from service_kit.security import append_only


class AppendOnly:
    """A subclass names the table in `table`, and has a row in it before each test."""

    table: str

    @pytest.fixture
    def guarded(self, db: None) -> None:
        """The triggers, which the other tests go without; in this test's transaction."""
        connection.check_constraints()  # PostgreSQL changes no table with checks ahead.
        append_only.protect(connection, self.table)

    @pytest.mark.parametrize("statement", ["UPDATE {} SET id = id + 1", "DELETE FROM {}"])
    def test_an_entry_cannot_be_changed_or_removed(self, guarded: None, statement: str) -> None:
        read = f"SELECT * FROM {self.table} ORDER BY id"  # noqa: S608
        before = fetch_all(read)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            execute(statement.format(self.table))
        assert before and fetch_all(read) == before
