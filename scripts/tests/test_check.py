import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scripts.check import main, run
from scripts.checks import BIN, CRASH, CRASH_POINTS, FOLDERS, PACKAGES, Check, lints, slow_suites, suites
from scripts.paths import ROOT


def check(name: str, text: str, code: int = 0, *, alone: bool = False) -> Check:
    return Check(
        name, (sys.executable, "-c", f"print({text!r}); raise SystemExit({code})"), Path.cwd(), alone=alone
    )


def test_all_checks_run_when_one_fails(capsys: pytest.CaptureFixture[str]) -> None:
    checks = [
        check("a", "3 passed in 0.10s"),
        check("b", "1 failed, 2 passed in 0.20s", 1),
        check("c", "hello"),
    ]
    assert run(checks) == 1
    output = capsys.readouterr().out
    assert "=== c\nhello" in output
    assert "FAILED (exit code 1)" in output
    assert output.endswith("5 passed, 1 failed\n")


def test_run_without_a_test_is_a_failure() -> None:
    assert run([check("a", "no tests ran in 0.01s", 5), check("b", "1 passed in 0.01s")]) == 1


def test_all_good_is_zero() -> None:
    assert run([check("a", "1 passed in 0.01s"), check("b", "all good", alone=True)]) == 0


def test_check_that_wants_the_machine_for_itself_comes_last(capsys: pytest.CaptureFixture[str]) -> None:
    run([check("a", "first", alone=True), check("b", "second"), check("c", "third")])
    output = capsys.readouterr().out
    assert output.index("=== a") > max(output.index("=== b"), output.index("=== c"))


def test_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", "backend", "nothing"]) == 2
    assert "unknown: nothing" in capsys.readouterr().out


DJANGO_FOLDERS = {folder: settings for _, folder, _, settings in PACKAGES}
RULES = ("strict_config", "strict_markers", "strict_xfail", "filterwarnings")


def pytest_options(folder: Path) -> dict[str, Any]:
    options: dict[str, Any] = tomllib.loads((folder / "pytest.toml").read_text(encoding="utf-8"))["pytest"]
    return options


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("place", ["its folder", "the root, as an editor does"])
def test_pytest_runs_with_nothing_set(folder: str, place: str) -> None:
    smallest = min((ROOT / folder / "tests").glob("test_*.py"), key=lambda path: path.stat().st_size)
    found = subprocess.run(
        [BIN / "pytest", "--collect-only", "-q", smallest],
        cwd=ROOT / folder if place == "its folder" else ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("folder", DJANGO_FOLDERS)
def test_every_service_is_tested_and_typed_with_its_own_settings(folder: str) -> None:
    assert pytest_options(ROOT / folder)["DJANGO_SETTINGS_MODULE"] == DJANGO_FOLDERS[folder]
    typed = next(each for each in lints() if each.folder == ROOT / folder)
    assert typed.environment["DJANGO_SETTINGS_MODULE"] == DJANGO_FOLDERS[folder]


@pytest.mark.parametrize("folder", DJANGO_FOLDERS)
def test_the_same_rules_hold_in_every_folder(folder: str) -> None:
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"]
    own = pytest_options(ROOT / folder)
    assert {rule: own[rule] for rule in RULES} == {rule: root[rule] for rule in RULES}


def test_bare_cov_means_the_package_under_test() -> None:
    backend = next(each for each in suites(["--cov", "-x"]) if each.name == "backend")
    assert backend.command[-2:] == ("--cov=flight", "-x")


def test_every_crash_test_of_the_backend_is_run_at_every_point_where_time_is_taken_for_it() -> None:
    files = (ROOT / "backend-service" / "tests").glob("test_*.py")
    assert {f"tests/{file.name}" for file in files if "(CrashTest)" in file.read_text()} == {*CRASH_POINTS}
    assert [each.name for each in slow_suites([]) if CRASH in each.command] == ["crash"]
