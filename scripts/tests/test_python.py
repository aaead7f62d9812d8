"""Which Python the Makefile begins with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.paths import ROOT


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone without an environment, and a folder of programs with no Python but what a test puts there."""
    for name in ("scripts", "programs"):
        tmp_path.joinpath(name).mkdir()
    shutil.copy(ROOT / "scripts" / "python", tmp_path / "scripts" / "python")
    tmp_path.joinpath("programs/dirname").symlink_to(str(shutil.which("dirname")))
    return tmp_path


def program(clone: Path, name: str, text: str) -> Path:
    path = clone / "programs" / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def choose(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(clone / "scripts" / "python")],
        env={"PATH": str(clone / "programs"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def real(clone: Path, name: str) -> Path:
    return program(clone, name, f'exec {sys.executable} "$@"')


def test_newest_python_that_works_is_chosen(clone: Path) -> None:
    program(clone, "python3.13", "exit 127")
    wanted = real(clone, "python3.12")
    real(clone, "python3")
    assert choose(clone).stdout.strip() == str(wanted)


def test_python_of_ones_own_choice_goes_first(clone: Path) -> None:
    real(clone, "python3.12")
    wanted = real(clone, "mine")
    assert choose(clone, PYTHON=str(wanted)).stdout.strip() == str(wanted)


def test_python_of_ones_own_choice_that_will_not_do_is_refused(clone: Path) -> None:
    real(clone, "python3.12")
    result = choose(clone, PYTHON="/nonexistent")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "PYTHON=/nonexistent is no Python 3.11 or newer with venv, ssl and sqlite3.\n"


def test_existing_environment_is_kept(clone: Path) -> None:
    real(clone, "python3.12")
    clone.joinpath(".venv/bin").mkdir(parents=True)
    shutil.move(real(clone, "python"), clone / ".venv/bin/python")
    assert choose(clone).stdout.strip() == ".venv/bin/python"


def test_no_python_that_will_do_is_said_with_the_remedy(clone: Path) -> None:
    program(clone, "python3", "exit 1")
    result = choose(clone)
    assert result.returncode == 1
    assert "No Python 3.11 or newer" in result.stderr
    assert "apt-get install python3-venv" in result.stderr


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_stops_where_there_is_no_python(clone: Path) -> None:
    shutil.copy(ROOT / "Makefile", clone)
    result = subprocess.run(
        [str(shutil.which("make")), "run"],
        cwd=clone,
        env={"PATH": f"{clone / 'programs'}{os.pathsep}/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 2
    assert "No Python 3.11 or newer" in result.stderr
