"""The test database with an audit trail that can be emptied between tests."""

from typing import Any

import pytest
from django.db import connection

from service_kit.security import append_only


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: Any, django_db_blocker: Any) -> None:
    """As pytest-django makes it; tests of the trail's triggers install them again."""
    with django_db_blocker.unblock():
        append_only.release(connection, "security_audit")
