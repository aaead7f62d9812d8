"""Plants a bug in a copy of the tree, runs the tests that ought to notice, and takes it out again."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from proofs.mutants.mutant import KIT, SAGAS, Mutant

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv*", "var", ".*_cache", "__pycache__", "node_modules", "ui-service", "docs"
)
LONGEST_SECONDS = 240
FINDER = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
PASSED, FAILED = 0, 1


@dataclass(frozen=True)
class Verdict:
    found: bool
    by: str
    "the test that found it, or why nothing did"


def copy_to(folder: Path) -> Path:
    """The tree without what is made from it; nothing is ever planted in the tree itself."""
    return Path(shutil.copytree(ROOT, folder / "tree", ignore=LEFT_OUT))


@contextmanager
def planted(mutant: Mutant, tree: Path) -> Iterator[None]:
    file = mutant.source(tree)
    sound = file.read_text()
    file.write_text(mutant.planted(sound))
    try:
        yield
    finally:
        file.write_text(sound)


def judge(mutant: Mutant, tree: Path) -> Verdict:
    with planted(mutant, tree):
        code, output = run_tests(tree, mutant.folder, mutant.tests, "-x", "-k", mutant.only)
    finder = FINDER.search(output)
    if code == FAILED and finder:
        return Verdict(found=True, by=finder.group(1))
    why = "survived" if code == PASSED else f"exit code {code}: {output[-2000:]}"
    return Verdict(found=False, by=why)


def doubtful(finders: Iterable[tuple[str, str]], tree: Path) -> Iterator[str]:
    """What fails without any bug of the tests that found one, each given with its folder."""
    tests: dict[str, set[str]] = {}
    for folder, test in finders:
        tests.setdefault(folder, set()).add(test)
    for folder, found_by in tests.items():
        code, output = run_tests(tree, folder, sorted(found_by))
        if code != PASSED:
            yield f"{folder}: {output[-2000:]}"


def run_tests(tree: Path, folder: str, tests: Sequence[str], *options: str) -> tuple[int, str]:
    quiet = ("-q", "--tb=no", "--show-capture=no", "--saga-crash")
    command = [sys.executable, "-m", "pytest", *quiet, *options, *tests]
    places = (tree / folder, tree / SAGAS, tree / KIT, tree)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(map(str, places)),
        # A file that is written twice within a second would be taken from its old bytecode.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    started = subprocess.Popen(
        command,
        cwd=tree / folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = started.communicate(timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        return -1, f"did not end in {LONGEST_SECONDS} s"
    finally:
        if started.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()
    return started.returncode, output
