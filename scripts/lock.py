"""`make lock`: pins requirements/*.in, with hashes and for every Python and system at once."""

import subprocess
import sys

from scripts.paths import REQUIREMENTS, ROOT, VENV
from scripts.signals import ended_by_signals

OLDEST_PYTHON = "3.11"
# In this order: what tests and lint use must not move what the services run on.
LOCKS = (
    ("installer", ()),
    ("runtime", ()),
    ("traces", ("-c", "requirements/runtime.txt")),
    ("stripe", ("-c", "requirements/runtime.txt")),
    ("dev", ("-c", "requirements/traces.txt", "-c", "requirements/stripe.txt")),
    ("bench", ("-c", "requirements/dev.txt")),
)


def main() -> int:
    compile_lock = [str(VENV / "bin" / "uv"), "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
    compile_lock += [
        # Older pips want each extra pinned as it is asked for: coverage[toml]==...
        "--no-strip-extras",
        "--python-version",
        OLDEST_PYTHON,
        "--custom-compile-command",
        "make lock",
        *sys.argv[1:],
    ]
    for name, constraint in LOCKS:
        source = str(REQUIREMENTS.relative_to(ROOT) / f"{name}.in")
        target = source.removesuffix(".in") + ".txt"
        subprocess.run([*compile_lock, *constraint, source, "-o", target], cwd=ROOT, check=True)
    return 0


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
