"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
KIT = ROOT / "service-kit"
# Installed by path, after the lock and without dependencies of their own.
OWN = (KIT, ROOT / "saga-checker", ROOT / "saga-conformance")
LOCAL_PACKAGES = tuple(path for path in OWN if (path / "pyproject.toml").is_file())
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
