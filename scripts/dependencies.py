"""`make audit-dependencies`: known holes in what is locked. It asks a vulnerability service on the network.

Exit code 1 for a hole, 3 where the service could not be reached and nothing was checked.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.paths import REQUIREMENTS, VENV

COMMAND = (str(VENV / "bin" / "pip-audit"), "--disable-pip", "--require-hashes", "--progress-spinner", "off")
UNREACHABLE = re.compile(r"ConnectionError|Timeout|Max retries|ServiceError|Failed to resolve")
AWAY = 3


def main(options: Sequence[str]) -> int:
    locks = [word for path in locked() for word in ("--requirement", str(path))]
    done = subprocess.run([*COMMAND, *locks, *options], capture_output=True, text=True, check=False)
    code = verdict(done.returncode, done.stderr)
    if code == AWAY:
        print("The vulnerability service could not be reached: nothing was checked.")
    else:
        print(done.stdout + done.stderr, end="")
    return code


def locked() -> list[Path]:
    return sorted(REQUIREMENTS.glob("*.txt"))


def verdict(code: int, said: str) -> int:
    return AWAY if code and UNREACHABLE.search(said) else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
