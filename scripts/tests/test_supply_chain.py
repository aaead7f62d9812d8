"""What is locked, and that nothing secret stands beside it."""

import re
from pathlib import Path

import pytest

from scripts import dependencies, leaks
from scripts.paths import REQUIREMENTS


def test_secret_in_a_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    file.write_text("ACCESS = 'AKIA" + "IOSFODNN7REALKEY'\n")
    assert leaks.scan([str(file)]) == 1
    file.write_text("ACCESS = env('ACCESS')\n")
    assert leaks.scan([str(file)]) == 0


@pytest.mark.parametrize("lock", sorted(path.name for path in REQUIREMENTS.glob("*.txt")))
def test_every_locked_dependency_is_pinned_and_hashed(lock: str) -> None:
    text = (REQUIREMENTS / lock).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line


def test_lock_of_the_bench_was_not_audited_and_every_lock_is() -> None:
    names = {path.name for path in dependencies.locked()}
    assert names == {f"{path.stem}.txt" for path in REQUIREMENTS.glob("*.in")}
    assert "bench.txt" in names


@pytest.mark.parametrize(
    ("code", "said", "verdict"),
    [
        (0, "No known vulnerabilities found", 0),
        (1, "Found 1 known vulnerability in 1 package", 1),
        (1, "ServiceError: HTTPSConnectionPool: Max retries exceeded", 3),
        (1, "requests.exceptions.ConnectionError: Failed to resolve", 3),
    ],
)
def test_service_that_is_away_is_told_from_a_known_hole(code: int, said: str, verdict: int) -> None:
    assert dependencies.verdict(code, said) == verdict
