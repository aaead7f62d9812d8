import sys
from pathlib import Path

import pytest

from scripts.check import main, run
from scripts.checks import Check, lints, suites


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


def test_every_service_is_tested_and_typed_with_its_own_settings() -> None:
    services = {"kit", "backend", "payment", "loyalty", "ui"}
    settings = [each.environment["DJANGO_SETTINGS_MODULE"] for each in suites([]) if each.name in services]
    assert len(set(settings)) == len(services)
    assert {f"mypy-{name}" for name in services} <= {each.name for each in lints()}


def test_bare_cov_means_the_package_under_test() -> None:
    backend = next(each for each in suites(["--cov", "-x"]) if each.name == "backend")
    assert backend.command[-2:] == ("--cov=flight", "-x")
