"""The package as its users get it: a wheel, installed into an environment that holds nothing else of ours."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
OURS = ("django_sagas", "service_kit", "saga_", "pip", "__editable__")


def build_wheel(folder: Path) -> Path:
    """From a copy: a build leaves files beside its source."""
    source = folder / "source"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("tests", "build", "*.egg-info"))
    wheels = folder / "wheels"
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--no-index", "-w", wheels, source], check=True)
    return wheels


def dependencies(folder: Path) -> Path:
    """A folder of links to what is installed here, without what is ours."""
    folder.mkdir()
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if not path.name.startswith(OURS) and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)
    return folder


def environment(wheels: Path, libraries: Path) -> dict[str, str]:
    """In which `pip install django-sagas` takes the wheel and asks no index."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "DJANGO", "COV_"))
    }
    path = f"{Path(sys.executable).parent}:{kept.get('PATH', '')}"
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return {**kept, **pip, "PATH": path, "PYTHONPATH": str(libraries), "PYTHONUNBUFFERED": "1"}
