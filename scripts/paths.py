"""Where things are in the repository."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "requirements"
PACKAGES = ROOT / "packages"
SAGAS, KIT = PACKAGES / "django-sagas", PACKAGES / "service-kit"
PROOFS = ROOT / "proofs"
# Installed by path, after the lock and without dependencies of their own.
OWN = (SAGAS, KIT, PROOFS / "checker", PROOFS / "conformance")
LOCAL_PACKAGES = tuple(path for path in OWN if (path / "pyproject.toml").is_file())
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
