"""What is locked, and that nothing secret stands beside it."""

import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scripts import dependencies, images, leaks, sbom
from scripts.booking_suite import SERVERS
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


# -- images


DIGEST = "sha256:" + "ab" * 32
DOCKER = """#!/bin/sh
for image; do :; done
case "$image" in *{unknown}*) echo "no such host" >&2; exit 1;; esac
echo {digest}
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A stand-in for Docker that does not know the image with this name."""

    def make(unknown: str) -> None:
        program = tmp_path / "docker"
        program.write_text(DOCKER.format(unknown=unknown, digest=DIGEST))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    return make


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "copy"
    folder.mkdir()
    return [Path(shutil.copy(path, folder)) for path in images.FILES]


def test_every_image_that_is_not_built_here_can_be_pinned(
    files: list[Path], docker: Callable[[str], None]
) -> None:
    names = {image.rpartition("/")[2].partition(":")[0] for image in images.found()}
    assert names == {"python", "postgres", "nginx-unprivileged", "prometheus", "alertmanager", "grafana"}
    docker("nothing")
    assert images.main([], files) == 0
    assert images.main(["--check"], files) == 0
    before = [path.read_text() for path in files]
    assert images.main([], files) == 0
    assert [path.read_text() for path in files] == before


def test_digest_that_is_not_known_pins_nothing(files: list[Path], docker: Callable[[str], None]) -> None:
    before = [path.read_text() for path in files]
    docker("grafana")
    assert images.main([], files) == images.UNKNOWN
    assert [path.read_text() for path in files] == before
    assert images.main(["--check"], files) == images.UNPINNED


def test_each_image_has_a_bill_with_its_packages_its_base_and_our_own(tmp_path: Path) -> None:
    assert sbom.main(tmp_path) == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.json" for name, _, _ in SERVERS}
    bill = json.loads((tmp_path / "payment.json").read_text())
    versions = {each["name"]: each["version"] for each in bill["components"]}
    assert versions["payment-service"] == versions["service-kit"] == VERSION
    assert versions["docker.io/library/python"] and versions["django"]
    assert bill["metadata"]["component"]["name"] == "tidewing.invalid/payment"
    locked = (REQUIREMENTS / "runtime.txt").read_text()
    assert len(bill["components"]) == len(re.findall(r"^[\w.-]+(?:\[.*\])?==", locked, re.M)) + 4
