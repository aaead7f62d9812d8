"""A clone of this repository, and the commands that an operator types in it."""

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.paths import ROOT

PROJECT = "production-drill"
"Of containers and volumes, so that none of a deployment of this machine is touched."
RECEIVER = f"{PROJECT}-receiver"
HEALTHY_WITHIN, ARRIVES_WITHIN = 180.0, 180.0
SETTING = re.compile(r"[A-Z][A-Z_]+")


class DrillError(Exception):
    """The deployment does not do what it should."""


class Deployment:
    def __init__(self, folder: Path, log: Path) -> None:
        self.folder, self.log = folder, log
        # Nothing that is set here by chance may change what compose does.
        named = {"COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_ENV_FILES"}
        named.update(SETTING.findall((ROOT / "docker-compose.yml").read_text()))
        kept = {name: value for name, value in os.environ.items() if name not in named}
        self._environment = {**kept, "COMPOSE_PROJECT_NAME": PROJECT}

    def run(self, command: str) -> str:
        """What it prints, which the log has too. DrillError if it fails."""
        done = subprocess.run(
            shlex.split(command),
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        with self.log.open("a") as log:
            log.write(f"$ {command}\n{done.stdout}{done.stderr}\n")
        if done.returncode:
            said = (done.stdout + done.stderr).strip()[-1500:]
            raise DrillError(f"{command} ended with {done.returncode}:\n{said}")
        return done.stdout.strip()

    def clone(self) -> None:
        self.folder.mkdir(parents=True)
        self.run(f"git clone --quiet --no-hardlinks {shlex.quote(str(ROOT))} .")

    def settings(self, **given: str) -> None:
        """As `cp deploy/production.env .env`, and an editor."""
        text = (self.folder / "deploy" / "production.env").read_text()
        for name, value in given.items():
            text, found = re.subn(rf"^(?:# )?{name}=.*$", f"{name}={value}", text, flags=re.M)
            if found != 1:
                raise DrillError(f"deploy/production.env has no {name}")
        (self.folder / ".env").write_text(text)

    def secret(self, name: str) -> Path:
        return self.folder / "secrets" / name

    def write_secret(self, name: str, text: str) -> None:
        """As an editor does."""
        path = self.secret(name)
        path.chmod(0o644)
        path.write_text(text)
        path.chmod(0o444)

    def containers(self) -> list[dict[str, Any]]:
        told = self.run("docker compose ps --format json")
        return [json.loads(line) for line in told.splitlines()]

    def running(self) -> list[str]:
        """The services of what goes on running."""
        return sorted({each["Service"] for each in self.containers() if each["State"] == "running"})

    def published(self) -> set[tuple[str, str, int]]:
        """(service, address, port) of what the machine's network sees."""
        return {
            (each["Service"], port["URL"], port["PublishedPort"])
            for each in self.containers()
            for port in each["Publishers"] or []
            if port["PublishedPort"]
        }

    def wait_until_healthy(self) -> None:
        def unwell() -> list[str]:
            return [each["Name"] for each in self.containers() if each["Health"] != "healthy"]

        until(lambda: not unwell(), HEALTHY_WITHIN, lambda: f"not healthy: {unwell()}")

    def start_receiver(self) -> None:
        script = self.folder / "scripts" / "drill" / "receiver.py"
        self.run(
            f"docker run --detach --init --name {RECEIVER} --network {PROJECT}_default"
            f" --network-alias receiver --volume {script}:/receiver.py:ro"
            " tidewing.invalid/ui python /receiver.py"
        )

    def received(self, line: str) -> int:
        return self.run(f"docker logs {RECEIVER}").splitlines().count(line)

    def wait_for(self, line: str, more_than: int = 0) -> None:
        until(lambda: self.received(line) > more_than, ARRIVES_WITHIN, lambda: f"did not arrive: {line}")

    def remove(self) -> None:
        """What is left of it, of this run or of one that was interrupted."""
        self.run(f"sh -c 'docker rm --force --volumes {RECEIVER} || true'")
        self.run(
            f"docker compose --file {ROOT / 'docker-compose.yml'} --profile * down --volumes --remove-orphans"
        )


def until(holds: Callable[[], bool], within: float, otherwise: Callable[[], str]) -> None:
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise DrillError(f"{otherwise()} within {within:.0f} s")
        time.sleep(1)
