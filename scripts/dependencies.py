"""`make audit-dependencies`: known holes in what is locked. It asks a vulnerability service on the network.

Exit code 1 for a hole, 3 where a package could not be audited, so that nothing is known of it.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.paths import REQUIREMENTS, VENV
from scripts.signals import ended_by_signals

COMMAND = (str(VENV / "bin" / "pip-audit"), "--disable-pip", "--require-hashes", "--progress-spinner", "off")
UNKNOWN = 3


def main(options: Sequence[str]) -> int:
    locks = [word for path in locked() for word in ("--requirement", str(path))]
    command = [*COMMAND, "--format", "json", *locks, *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    code, lines = verdict(done.returncode, done.stdout)
    print("\n".join(lines))
    if not done.stdout:
        print(done.stderr, end="", file=sys.stderr)
    return code


def locked() -> list[Path]:
    return sorted(REQUIREMENTS.glob("*.txt"))


def verdict(code: int, told: str) -> tuple[int, list[str]]:
    """The exit code, and what to say. "No known vulnerabilities" is said of audited packages only."""
    try:
        packages = json.loads(told)["dependencies"]
    except (ValueError, KeyError):
        return UNKNOWN, [f"Nothing was audited: pip-audit ended with {code} and no report."]
    holes = [_line(each, hole) for each in packages for hole in each.get("vulns", [])]
    unknown = sorted({each["name"] for each in packages if "skip_reason" in each})
    audited = len({each["name"] for each in packages}) - len(unknown)
    lines = [*holes, f"{audited} packages were audited, {len(holes)} known vulnerabilities."]
    if unknown:
        lines.append(f"Not known of {len(unknown)}, which could not be audited: {', '.join(unknown)}")
    return 1 if holes else UNKNOWN if unknown or not audited else code, lines


def _line(package: dict[str, Any], hole: dict[str, Any]) -> str:
    fixed = ", ".join(hole.get("fix_versions", [])) or "none"
    return f"{package['name']} {package['version']}: {hole['id']}, fixed in {fixed}"


if __name__ == "__main__":
    sys.exit(ended_by_signals(lambda: main(sys.argv[1:])))
