from collections.abc import Iterator

import pytest
from django_sagas import runtime
from django_sagas.definitions import SAGAS

from tests.world import World


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
