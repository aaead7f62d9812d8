"""What is locked, and that nothing secret stands beside it."""

import json
import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import dependencies, leaks
from scripts.paths import KIT, REQUIREMENTS, ROOT

VERSION = re.findall(r'__version__ = "([\d.]+)"', (KIT / "service_kit" / "__init__.py").read_text())[0]
# Locked for other systems than this one, so that it may be absent here.
NOT_ON_EVERY_SYSTEM = {"colorama", "win32-setctime", "pywin32", "pywin32-ctypes", "tzlocal"}


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
        assert re.match(r"[\w.-]+(\[[\w, -]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line), line


@pytest.mark.parametrize("folder", ["proofs/checker", "proofs/conformance"])
def test_every_package_has_the_version_of_the_suite(folder: str) -> None:
    declared = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]["version"]
    assert declared == VERSION
    assert f"## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.mark.parametrize("lock", ["dev", "runtime"])
def test_every_extra_that_a_dependency_asks_for_is_pinned_with_it(lock: str) -> None:
    """Otherwise the pip of Python 3.11 refuses the lock: it takes coverage[toml] for another package."""
    text = (REQUIREMENTS / f"{lock}.txt").read_text()
    pinned = {
        name: set(extras.split(", "))
        for name, extras in re.findall(r"^([\w.-]+)\[([\w, -]+)\]==", text, re.M)
    }
    locked = set(re.findall(r"^([\w.-]+?)(?:\[[\w, -]+\])?==", text, re.M))
    asked = 0
    for name in locked - NOT_ON_EVERY_SYSTEM:
        for need in map(Requirement, metadata.distribution(name).requires or []):
            extras = pinned.get(name, set())
            if need.extras and (
                not need.marker or any(need.marker.evaluate({"extra": e}) for e in extras | {""})
            ):
                asked += 1
                assert need.extras <= pinned.get(canonicalize_name(need.name), set()), f"{name} needs {need}"
    assert asked


def test_every_lock_is_audited() -> None:
    names = {path.name for path in dependencies.locked()}
    assert names == {f"{path.stem}.txt" for path in REQUIREMENTS.glob("*.in")}
    assert "bench.txt" in names


GOOD = {"name": "good", "version": "1.0", "vulns": []}
HOLE = {"id": "PYSEC-1", "fix_versions": ["1.1"], "aliases": [], "description": ""}
BAD = {"name": "bad", "version": "1.0", "vulns": [HOLE]}
SKIPPED = {"name": "skipped", "skip_reason": "Dependency not found and could not be audited: skipped (1.0)"}


@pytest.mark.parametrize(
    ("code", "packages", "verdict", "said"),
    [
        (0, [GOOD], 0, "1 packages were audited, 0 known"),
        (1, [GOOD, BAD], 1, "bad 1.0: PYSEC-1, fixed in 1.1"),
        (1, [BAD, SKIPPED], 1, "could not be audited: skipped"),
        (0, [GOOD, SKIPPED], 3, "could not be audited: skipped"),
        (0, [SKIPPED], 3, "0 packages were audited"),
        (0, [], 3, "0 packages were audited"),
    ],
)
def test_package_that_could_not_be_audited_is_never_called_sound(
    code: int, packages: list[dict[str, object]], verdict: int, said: str
) -> None:
    found, lines = dependencies.verdict(code, json.dumps({"dependencies": packages, "fixes": []}))
    assert found == verdict
    assert said in "\n".join(lines)


@pytest.mark.parametrize("told", ["", "Traceback", "{}"])
def test_audit_without_a_report_is_no_audit(told: str) -> None:
    assert dependencies.verdict(1, told)[0] == dependencies.verdict(0, told)[0] == 3
