"""`make secrets`: fresh secrets for the compose file in ./secrets, one file each; what exists is kept.

Start with SECRETS_DIR=./secrets. The databases are made with the passwords of the first start. Alarms go to
nobody until alertmanager.yml names a receiver.
"""

import secrets
import subprocess
import sys
from pathlib import Path

from scripts.booking_suite import SERVERS
from scripts.paths import ROOT, VENV_PYTHON
from scripts.signals import ended_by_signals

FOLDER = ROOT / "secrets"
NO_RECEIVER = ROOT / "deploy" / "demo-secrets" / "alertmanager.yml"


def main(folder: Path = FOLDER) -> int:
    folder.mkdir(mode=0o700, exist_ok=True)
    services = [name for name, _, _ in SERVERS]
    for name in (*(f"{service}_secret_key" for service in services), "postgres_password", "grafana_password"):
        _write(folder / name, secrets.token_urlsafe(48))
    for name in ("ui_secret_key_fallbacks", "stripe_secret_key", "email_host_password"):
        _write(folder / name, "")
    # To be edited.
    _write(folder / NO_RECEIVER.name, NO_RECEIVER.read_text(), mode=0o644)
    for name in services:
        _write(folder / f"{name}_database_url", _url(name, name))
        _write(folder / f"{name}_owner_url", _url(f"{name}_owner", name))
    command = [str(VENV_PYTHON), "-m", "service_kit.key_files", "make", str(folder), *services]
    subprocess.run(command, check=True)
    print(f"Secrets are in {folder}.")
    return 0


def _url(role: str, database: str) -> str:
    return f"postgres://{role}:{secrets.token_urlsafe(32)}@postgres:5432/{database}"


def _write(path: Path, value: str, *, mode: int = 0o444) -> None:
    """The folder keeps others out; in a container the file belongs to another user than here."""
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.write_text(value)
        unfinished.chmod(mode)
        unfinished.rename(path)


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
