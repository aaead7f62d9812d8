"""A pytest plugin that sets the environment of a service's tests: demo mode and a data folder of their own.

Each service's pytest.toml loads it by `-p`, which is early enough for Django's settings.
"""

import os
from collections.abc import Iterator
from tempfile import TemporaryDirectory

import pytest

os.environ["DEMO_MODE"] = "1"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Iterator[None]:
    """Before pytest-django loads the settings. A folder that the caller chose is kept."""
    if "DATA_DIR" not in os.environ:
        folder = TemporaryDirectory(prefix="tests-")
        early_config.add_cleanup(folder.cleanup)
        os.environ["DATA_DIR"] = folder.name
    yield
