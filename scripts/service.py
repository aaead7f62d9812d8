"""What a process of the suite is: its command and how to tell that it is ready."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Service:
    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    # None for a process that listens nowhere; it counts as ready while it runs.
    port: int | None = None
    port_variable: str = ""
    ready_path: str = "/api/health/ready/"

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"
