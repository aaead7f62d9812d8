from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from django.db import connection
from service_kit.testing.protocol import Pair
from service_kit.testing.unguarded import django_db_setup  # noqa: F401  what is emptied between tests

from tests.participant.models import Entry


def total(correlation_id: str) -> int:
    return sum(Entry.objects.filter(correlation_id=correlation_id).values_list("amount", flat=True))


@pytest.fixture
def pair() -> Pair:
    return Pair(
        step="AddEntry",
        action="/api/saga/add-entry/",
        compensation="/api/saga/remove-entry/",
        booking={"user_id": 1, "flight_fare": 500},
        same={"flight_fare": 500.00, "user_id": "1"},
        other={"user_id": 1, "flight_fare": 501},
        refused={"user_id": 1, "flight_fare": 13},
        refusal="LIMIT_EXCEEDED",
        worth=50000,
        live=total,
    )


@pytest.fixture
def around_database() -> Callable[..., AbstractContextManager[None]]:
    """Lets each statement that holds a fragment fail."""

    @contextmanager
    def failing(fragment: str, error: Exception) -> Iterator[None]:
        def execute(run: Any, sql: str, *rest: Any) -> Any:
            if fragment in sql:
                raise error
            return run(sql, *rest)

        with connection.execute_wrapper(execute):
            yield

    return failing
