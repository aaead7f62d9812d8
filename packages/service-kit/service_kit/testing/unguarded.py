"""The test database with append-only tables that can be emptied between tests."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from service_kit.security import append_only

END_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: Any, django_db_blocker: Any) -> Iterator[None]:
    """As pytest-django makes it; tests of the triggers install them again."""
    with django_db_blocker.unblock():
        for table in append_only.protected(connection):
            append_only.release(connection, table)
    yield
    if connection.vendor == "postgresql":
        # A thread that a test has left, such as one of a client, may still have a session, and PostgreSQL
        # drops no database while there is one.
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(END_OTHERS)
