"""Makes .venv what a lock says: `python3 -m scripts.environment runtime|traces|dev|bench`.

Standard library only: it runs before anything is installed. A stamp tells that nothing is to do; an
install that was interrupted leaves a mark, and the next one begins anew.
"""

import fcntl
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.paths import LOCAL_PACKAGES, REQUIREMENTS, ROOT, VENV, VENV_PYTHON
from scripts.signals import ended_by_signals

# Each holds those before it.
LOCKS = ("runtime", "traces", "dev", "bench")
UV = VENV / "bin" / "uv"
UNFINISHED = VENV / ".unfinished"
# setuptools writes the packages' place in the encoding of the locale, which under LC_ALL=C is ASCII.
ANY_PATH = {"LC_ALL": "C.UTF-8"}
ADVICE = (
    "The packages could not be installed. Check the network, or the package index that pip is set to, "
    "and run it again."
)


class InstallError(Exception):
    """The environment could not be made; the message gives the reason and the remedy."""


def ensure(lock: str) -> None:
    """Make the environment hold at least this lock."""
    if is_current(lock):
        return
    try:
        with only_one():
            # Another start may have made it while this one waited.
            if not is_current(lock):
                make(lock)
    except OSError as error:
        raise InstallError(
            f"{VENV} cannot be written: {error}. Use a copy of the project that you own."
        ) from error


def is_current(lock: str) -> bool:
    if not os.access(VENV_PYTHON, os.X_OK):  # Such as a link into another user's home.
        return False
    holders = LOCKS[LOCKS.index(lock) :]
    return any(_stamp(name).is_file() and _stamp(name).read_text() == fingerprint(name) for name in holders)


def fingerprint(lock: str) -> str:
    """Changes with the lock, the metadata and the place of our own packages, and the interpreter."""
    parts = (
        *(path.read_bytes() for path in lock_files(lock)),
        *((path / "pyproject.toml").read_bytes() for path in LOCAL_PACKAGES),
        *(str(path).encode() for path in LOCAL_PACKAGES),
        os.path.realpath(VENV_PYTHON).encode(),
    )
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def lock_file(lock: str) -> Path:
    return REQUIREMENTS / f"{lock}.txt"


def lock_files(lock: str) -> list[Path]:
    """What is installed for it: `traces` and `dev` repeat those before them, `bench` stands beside `dev`."""
    return [lock_file("dev"), lock_file(lock)] if lock == "bench" else [lock_file(lock)]


def _stamp(lock: str) -> Path:
    return VENV / f".installed-{lock}"


@contextmanager
def only_one() -> Iterator[None]:
    folder = os.open(REQUIREMENTS, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def make(lock: str) -> None:
    if UNFINISHED.exists() or not _works():
        _say(f"Making the environment in .venv (Python {sys.version.split()[0]})")
        _run([_base_python(), "-m", "venv", "--clear", "--without-pip", str(VENV)])
        UNFINISHED.touch()
        _run([str(VENV_PYTHON), "-m", "ensurepip", "--default-pip"])
    UNFINISHED.touch()
    for name in LOCKS:
        _stamp(name).unlink(missing_ok=True)
    _say(f"Installing requirements/{lock}.txt")
    _install(lock)
    _stamp(lock).write_text(fingerprint(lock))
    UNFINISHED.unlink()


def _works() -> bool:
    """Whether the environment stands where it was made and has a pip."""
    script = VENV / "bin" / "pip"
    moved = script.is_file() and str(VENV) not in script.read_text().partition("\n")[0]
    return (
        not moved and VENV_PYTHON.exists() and _failure([str(VENV_PYTHON), "-m", "pip", "--version"]) is None
    )


def _base_python() -> str:
    """The interpreter outside .venv, which may be the one that runs this and is about to be replaced."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _install(lock: str) -> None:
    pip = [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # Compiled once here, not by five processes at their first start.
    uv = [str(UV), "pip", "install", "--quiet", "--compile-bytecode", "--python", str(VENV_PYTHON)]
    pinned = ["--require-hashes", *(word for path in lock_files(lock) for word in ("-r", str(path)))]
    # Compat mode makes a plain path entry, which mypy can follow.
    local = ["--no-deps", "--no-build-isolation", "--config-settings", "editable_mode=compat"]
    local += [word for path in LOCAL_PACKAGES for word in ("-e", str(path))]
    # uv is quicker, but knows nothing of pip's settings; where it fails pip is asked.
    quick = [[*pip, "--require-hashes", "-r", str(lock_file("installer"))], [*uv, *pinned], [*uv, *local]]
    failure = next(filter(None, map(_failure, quick)), None)
    if failure is None:
        return
    _say(f"Without uv, with pip alone, which takes longer ({failure})")
    _run([*pip, *pinned])
    _run([*pip, *local])


def _run(command: Sequence[str]) -> None:
    if failure := _failure(command):
        raise InstallError(f"{failure}\n{ADVICE}")


def _failure(command: Sequence[str]) -> str | None:
    """What the command said of its failure, in a line; None where it succeeded."""
    try:
        ended = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | ANY_PATH,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except OSError as error:
        return str(error)
    if ended.returncode == 0:
        return None
    said = [line.strip() for line in (ended.stdout + ended.stderr).splitlines() if line.strip()]
    errors = [line for line in said if line.lower().startswith("error")]
    last = (errors or said or [f"exit code {ended.returncode}"])[-1]
    return f"{Path(command[0]).name} {' '.join(command[1:4])}: {last}"


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    try:
        for lock in sys.argv[1:] or ["runtime"]:
            ensure(lock)
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(ended_by_signals(main))
