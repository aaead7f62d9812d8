"""`make check-locks`: the locks are taken by the pip that this Python brings along, not only by uv.

Nothing is installed: pip resolves each lock as it would, hashes and extras included.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from scripts.environment import lock_file
from scripts.signals import ended_by_signals

CHECKED = ("runtime", "dev")


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="locks-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [str(Path(folder, "bin", "pip")), "--disable-pip-version-check"]
        subprocess.run([*pip, "--version"], check=True)
        failed = [name for name in CHECKED if not _takes(pip, lock_file(name))]
    for name in CHECKED:
        print(f"requirements/{name}.txt: {'refused' if name in failed else 'taken'}")
    return 1 if failed else 0


def _takes(pip: list[str], lock: Path) -> bool:
    print(f"Resolving {lock.name}", flush=True)
    install = [*pip, "install", "--dry-run", "--quiet", "--require-hashes", "-r", str(lock)]
    return subprocess.run(install, check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
