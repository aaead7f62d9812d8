from pathlib import Path

import pytest

from scripts import environment
from scripts.environment import LOCKS, is_current


@pytest.mark.parametrize("installed", LOCKS)
def test_environment_holds_the_locks_before_its_own(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "VENV", tmp_path)
    stamp = tmp_path / f".installed-{installed}"
    stamp.write_text(environment.fingerprint(installed))
    held = [lock for lock in LOCKS if is_current(lock)]
    assert held == list(LOCKS[: LOCKS.index(installed) + 1])
