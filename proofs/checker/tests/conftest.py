"""Databases with the schema of the services' own migrations, empty or with a day's sagas in them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stories import a_good_day
from tests.suite import Suite

ROOT = Path(__file__).resolve().parents[3]
SERVICES = ("backend", "payment", "loyalty")
SET_BY_OTHERS = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once, by the services' own commands in processes of their own."""
    folder = tmp_path_factory.mktemp("migrated")
    environment = {key: value for key, value in os.environ.items() if key not in SET_BY_OTHERS}
    environment |= {"DATA_DIR": str(folder), "DEMO_MODE": "1"}
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    running = [
        subprocess.Popen(command, cwd=ROOT / f"{service}-service", env=environment) for service in SERVICES
    ]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    return folder


@pytest.fixture
def suite(migrated: Path, tmp_path: Path) -> Iterator[Suite]:
    for service in SERVICES:
        shutil.copy(migrated / f"{service}.sqlite3", tmp_path)
    suite = Suite(tmp_path)
    a_good_day(suite)
    yield suite
    suite.close()
