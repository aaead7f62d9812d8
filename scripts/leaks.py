"""Secrets that stand in the source: what detect-secrets finds in any file that git knows.

Passwords by their name are ruff's to find (S105 to S107). A find that is none bears the comment
`pragma: allowlist secret`.
"""

import subprocess
import sys
from collections.abc import Sequence

from scripts.paths import ROOT, VENV
from scripts.signals import ended_by_signals

HOOK = (str(VENV / "bin" / "detect-secrets-hook"), "--no-verify", "--disable-plugin", "KeywordDetector")
# Hashes and fonts look like secrets and are none; the secrets of the demo are public and refused outside it.
LEFT_OUT = r"(^|/)(requirements|vendor|fonts|images|demo-secrets)/"


def main() -> int:
    known = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return scan([name for name in known.stdout.split("\0") if name and (ROOT / name).is_file()])


def scan(files: Sequence[str]) -> int:
    """1 when one of them holds what looks like a secret; where it stands is printed."""
    return subprocess.run([*HOOK, "--exclude-files", LEFT_OUT, *files], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
