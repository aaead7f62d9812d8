"""The table stays true to the code, and a run tells found, survived and rotten apart."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from proofs.mutants import run
from proofs.mutants.__main__ import main
from proofs.mutants.by_crash_tests import FINDERS
from proofs.mutants.mutant import KIT, Mutant, Rotten
from proofs.mutants.table import MUTANTS

ENOUGH = 20


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_replaces_is_found_exactly_once_and_its_tests_exist(mutant: Mutant) -> None:
    planted = mutant.planted(mutant.source(run.ROOT).read_text())
    compile(planted, mutant.file, "exec")
    assert all((run.ROOT / mutant.folder / test).is_file() for test in mutant.tests)


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= ENOUGH


def test_the_page_on_crash_tests_names_what_they_find() -> None:
    page = (run.ROOT / "docs" / "crash-testing.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\| ([a-z, ]+) \|$", page, re.MULTILINE)
    assert dict(rows) == {name: ", ".join(finders) for name, finders in FINDERS.items()}


@pytest.mark.parametrize("before", ["absent", "twice"])
def test_text_that_is_absent_or_there_twice_is_an_error(before: str) -> None:
    with pytest.raises(Rotten, match=f"{before!r}"):
        Mutant("m", "f.py", ((before, "x"),), "", ()).planted("twice twice")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A suite of one function and one test, which runs in the kit's place."""
    folder = tmp_path / KIT
    folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.pytest]\naddopts = ["-p", "no:django"]\n')
    (folder / "adding.py").write_text("def add(one, two):\n    return one + two\n")
    (folder / "test_adding.py").write_text(
        "from adding import add\n\n\ndef test_two_and_three():\n    assert add(2, 3) == 5\n"
    )
    return tmp_path


MINUS = Mutant("minus", f"{KIT}/adding.py", (("one + two", "one - two"),), KIT, ("test_adding.py",))


def test_a_bug_is_found_by_a_test_and_taken_out_again(tree: Path) -> None:
    assert run.judge(MINUS, tree) == run.Verdict(found=True, by="test_adding.py::test_two_and_three")
    assert "one + two" in MINUS.source(tree).read_text()
    assert run.run_tests(tree, KIT, MINUS.tests)[0] == 0


def test_a_test_that_fails_without_any_bug_has_found_nothing(tree: Path) -> None:
    found = [(KIT, "test_adding.py::test_two_and_three")]
    assert list(run.doubtful(found, tree)) == []
    (tree / KIT / "adding.py").write_text("def add(one, two):\n    return 0\n")
    (doubt,) = run.doubtful(found, tree)
    assert "1 failed" in doubt


def test_a_bug_that_no_test_notices_survives(tree: Path) -> None:
    harmless = replace(MINUS, edits=(("one + two", "two + one"),))
    assert run.judge(harmless, tree) == run.Verdict(found=False, by="survived")


def test_tests_that_cannot_be_run_have_found_nothing(tree: Path) -> None:
    verdict = run.judge(replace(MINUS, tests=("test_nothing.py",)), tree)
    assert (verdict.found, verdict.by.startswith("exit code 4")) == (False, True)


def test_a_name_that_no_mutant_has_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-k", "no-such-bug"]) == 2
    assert main(["-k", "tombstone", "--list"]) == 0
    assert "no-tombstone" in capsys.readouterr().out
