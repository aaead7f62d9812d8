"""The real services as processes, on free ports and a database of their own, for the browser tests."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {"backend": "flight", "loyalty": "loyalty", "payment": "payment", "ui": "ui"}
START_SECONDS = 180.0


def chromium() -> str:
    """The installed browser, or an empty string."""
    return (
        os.environ.get("CHROMIUM_PATH") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Suite:
    data: Path
    ports: dict[str, int] = field(default_factory=lambda: {name: _free_port() for name in SERVICES})
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def url(self, service: str = "ui") -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def start(self) -> None:
        with ThreadPoolExecutor() as pool:
            list(pool.map(self._prepare, SERVICES))
        for service, package in SERVICES.items():
            self._serve(service, package)
        self._spawn("backend", sys.executable, "manage.py", "run_recovery")
        for service in SERVICES:
            self._wait_until_ready(service)

    def _prepare(self, service: str) -> None:
        self._manage(service, "migrate", "-v0")
        if service == "backend":
            self._manage("backend", "make_schedule")

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _environment(self, service: str) -> dict[str, str]:
        urls = {f"{name.upper()}_URL": self.url(name) for name in SERVICES}
        own = {"DEMO_MODE": "1", "DATA_DIR": str(self.data), "LOG_LEVEL": "WARNING"}
        module = {"DJANGO_SETTINGS_MODULE": f"{SERVICES[service]}.settings"}
        kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        return {**kept, **own, **urls, **module}

    def _folder(self, service: str) -> Path:
        return ROOT / f"{service}-service"

    def _manage(self, service: str, *command: str) -> None:
        subprocess.run(  # noqa: S603
            [sys.executable, "manage.py", *command],
            cwd=self._folder(service),
            env=self._environment(service),
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def _serve(self, service: str, package: str) -> None:
        how = (
            ["ui.asgi", "-k", "asgi"]
            if service == "ui"
            else [f"{package}.wsgi", "-k", "gthread", "--threads", "8"]
        )
        bind = f"127.0.0.1:{self.ports[service]}"
        self._spawn(service, sys.executable, "-m", "gunicorn", *how, "-b", bind, "--log-level", "error")

    def _spawn(self, service: str, *command: str) -> None:
        with (self.data / f"{service}.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(  # noqa: S603
                    command, cwd=self._folder(service), env=self._environment(service), stdout=log, stderr=log
                )
            )

    def _wait_until_ready(self, service: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.url(service)}/api/health/ready/", timeout=2).ok:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.1)
        raise TimeoutError(f"{service} is not ready: {(self.data / f'{service}.log').read_text()[-2000:]}")

    # What a test looks at or does behind the browser's back.

    def get(self, path: str, service: str = "backend") -> Any:
        return requests.get(self.url(service) + path, timeout=10).json()

    def put_faults(self, service: str, *faults: dict[str, Any]) -> None:
        answer = requests.put(f"{self.url(service)}/api/demo/faults/", json={"faults": faults}, timeout=10)
        answer.raise_for_status()

    def clear_faults(self) -> None:
        for service in ("backend", "payment", "loyalty"):
            requests.delete(f"{self.url(service)}/api/demo/faults/", timeout=10).raise_for_status()

    def book(self, **changes: Any) -> Any:
        """A booking by somebody else, to its end."""
        body = {
            "flight_id": 1,
            "user_id": "somebody",
            "passengers": [{"first_name": "Grace", "last_name": "Hopper"}],
            "contact_info": {"email": "grace@example.com", "mobile": "+15550100"},
            **changes,
        }
        return requests.post(f"{self.url('backend')}/api/saga/start-booking/", json=body, timeout=20).json()
