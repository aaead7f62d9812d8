import sys
from pathlib import Path

import pytest

from scripts import environment
from scripts.environment import LOCKS, is_current
from scripts.paths import LOCAL_PACKAGES


@pytest.mark.parametrize("installed", LOCKS)
def test_environment_holds_the_locks_before_its_own(
    installed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "VENV", tmp_path)
    stamp = tmp_path / f".installed-{installed}"
    stamp.write_text(environment.fingerprint(installed))
    held = [lock for lock in LOCKS if is_current(lock)]
    assert held == list(LOCKS[: LOCKS.index(installed) + 1])


def test_environment_whose_interpreter_is_not_ours_to_run_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environment, "VENV", tmp_path)
    tmp_path.joinpath(".installed-runtime").write_text(environment.fingerprint("runtime"))
    assert is_current("runtime")
    monkeypatch.setattr(environment, "VENV_PYTHON", tmp_path / "python")
    tmp_path.joinpath("python").touch(mode=0o600)
    tmp_path.joinpath(".installed-runtime").write_text(environment.fingerprint("runtime"))
    assert not is_current("runtime")


def test_newer_dev_lock_makes_an_environment_with_more_on_top_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locks = tmp_path / "requirements"
    locks.mkdir()
    for lock in LOCKS:
        locks.joinpath(f"{lock}.txt").write_text(lock)
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "REQUIREMENTS", locks)
    tmp_path.joinpath(".installed-bench").write_text(environment.fingerprint("bench"))
    assert is_current("dev")
    locks.joinpath("dev.txt").write_text("another")
    assert not is_current("dev")


def test_failed_command_is_reported_in_one_line_with_its_own_last_error() -> None:
    said = "print('fetching'); import sys; sys.exit('error: no route to the index\\nERROR: nothing found')"
    failure = environment._failure([sys.executable, "-c", said])
    assert failure is not None
    assert failure.endswith("ERROR: nothing found")
    assert "\n" not in failure
    assert environment._failure([sys.executable, "-c", ""]) is None


def test_a_path_with_any_letters_can_be_written_by_an_install_under_any_locale(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    said = "import locale; assert 'Größe'.encode(locale.getencoding())"
    assert environment._failure([sys.executable, "-c", said]) is None


def test_tree_that_cannot_be_written_is_told_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.joinpath("file").touch()
    monkeypatch.setattr(environment, "VENV", tmp_path / "file" / ".venv")
    monkeypatch.setattr(environment, "UNFINISHED", tmp_path / "file" / ".venv" / ".unfinished")
    with pytest.raises(environment.InstallError, match=r"that you own|could not be installed"):
        environment.ensure("runtime")


def test_package_that_has_moved_makes_an_environment_stale(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = environment.fingerprint("dev")
    first, *others = LOCAL_PACKAGES
    moved = tmp_path / first.name
    moved.mkdir()
    moved.joinpath("pyproject.toml").write_bytes(first.joinpath("pyproject.toml").read_bytes())
    monkeypatch.setattr(environment, "LOCAL_PACKAGES", (moved, *others))
    assert environment.fingerprint("dev") != before
