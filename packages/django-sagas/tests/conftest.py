from collections.abc import Iterator

import pytest
import structlog
from django_sagas import runtime
from django_sagas.definitions import SAGAS

from tests.world import World

# A picture of each traceback, with every local variable, takes a second.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)


@pytest.fixture(autouse=True)
def definitions() -> Iterator[None]:
    """What a test defines is gone after it."""
    before = dict(SAGAS)
    yield
    SAGAS.clear()
    SAGAS.update(before)


@pytest.fixture(autouse=True)
def own_orchestrator() -> None:
    """Breakers, like everything in it, last as long as a process."""
    runtime.orchestrator.cache_clear()


@pytest.fixture
def world(transactional_db: None) -> World:
    return World()
