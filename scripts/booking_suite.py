"""The processes of the flight-booking suite, from the environment: four servers and the recovery."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scripts.console import Console
from scripts.paths import ROOT, VENV_PYTHON
from scripts.ports import free_ports
from scripts.service import HOST, Service
from scripts.suite import Suite

# Name, package and port; the port's variable is <NAME>_PORT.
SERVERS = (
    ("backend", "flight", 8001),
    ("loyalty", "loyalty", 8002),
    ("payment", "payment", 8003),
    ("ui", "ui", 8000),
)
GUNICORN = (str(VENV_PYTHON), "-m", "gunicorn", "--config", "python:service_kit.gunicorn_conf")
ASGI = ("--worker-class", "asgi", "--threads", "1")
DEFAULT_DATA_DIR = ROOT / "var"
# What a start outside demo mode needs: for all services, and of each as BACKEND_SECRET_KEY and so on.
SHARED_SECRETS, OWN_SECRETS = ("VERIFYING_KEYS",), ("SECRET_KEY", "SIGNING_KEY")
MAY_BE_OWN = tuple(
    f"{kind}{form}" for kind in (*OWN_SECRETS, "SECRET_KEY_FALLBACKS") for form in ("", "_FILE")
)
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
"as services read them"


class ConfigError(Exception):
    """An environment variable that cannot be right."""


@dataclass(frozen=True)
class Config:
    ports: Mapping[str, int]
    data_dir: Path
    # Settings for every service, on top of this process's environment.
    environment: Mapping[str, str]
    # Database addresses by service, for those that shall not use SQLite in the data folder.
    databases: Mapping[str, str]
    # Addresses by service, of those that run elsewhere and are not started here.
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    # SECRET_KEY, SIGNING_KEY or the same with _FILE by service; in demo mode each has them without.
    own_secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, given: Mapping[str, str] = os.environ) -> "Config":
        if shared := given.keys() & {"DATABASE_URL", "DATABASE_URL_FILE"}:
            raise ConfigError(
                f"{min(shared)} would give all services one database; set BACKEND_DATABASE_URL, "
                "LOYALTY_DATABASE_URL, PAYMENT_DATABASE_URL and UI_DATABASE_URL."
            )
        given = {**given, **_files(given)}
        ports = {name: _port(given, f"{name.upper()}_PORT", usual) for name, _, usual in SERVERS}
        _refuse_shared(ports)
        data_dir = Path(given.get("DATA_DIR") or DEFAULT_DATA_DIR).resolve()
        shown = {"DEMO_MODE": _demo_mode(given), "LOG_FORMAT": given.get("LOG_FORMAT") or "console"}
        common = {**_files(given), **shown}
        databases = {
            name: url for name, _, _ in SERVERS if (url := given.get(f"{name.upper()}_DATABASE_URL"))
        }
        elsewhere = {
            name: url.rstrip("/") for name, _, _ in SERVERS if (url := given.get(f"{name.upper()}_URL"))
        }
        own = {name: _own_secrets(given, name) for name, _, _ in SERVERS}
        config = cls(ports, data_dir, common, databases, elsewhere, own)
        _require_secrets(config, given)
        return config

    @classmethod
    def beside(cls, data_dir: Path, **environment: str) -> "Config":
        """A suite beside any other: free ports, demo mode, and the given `environment`."""
        ports = dict(zip([name for name, _, _ in SERVERS], free_ports(len(SERVERS)), strict=True))
        common = {"DEMO_MODE": "1", "LOG_FORMAT": "json", **environment}
        return cls(ports=ports, data_dir=data_dir, environment=common, databases={})

    def url(self, name: str) -> str:
        return self.elsewhere.get(name) or f"http://{HOST}:{self.ports[name]}"

    @property
    def started(self) -> tuple[tuple[str, str, int], ...]:
        """The servers that are started here."""
        return tuple(server for server in SERVERS if server[0] not in self.elsewhere)

    @property
    def demo_mode(self) -> bool:
        return self.environment["DEMO_MODE"] in TRUE


def _demo_mode(given: Mapping[str, str]) -> str:
    text = (given.get("DEMO_MODE") or "1").strip().lower()
    if text not in (*TRUE, *FALSE):
        raise ConfigError(f"DEMO_MODE must be 1 or 0, not {text!r}.")
    return text


def _files(given: Mapping[str, str]) -> dict[str, str]:
    """Files as they are seen from here: each service runs in a folder of its own."""
    return {
        name: str(Path(path).absolute()) for name, path in given.items() if name.endswith("_FILE") and path
    }


def _port(given: Mapping[str, str], variable: str, usual: int) -> int:
    text = given.get(variable) or str(usual)
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ConfigError(f"{variable} must be a port between 1 and 65535, not {text!r}.")
    return int(text)


def _own_secrets(given: Mapping[str, str], name: str) -> dict[str, str]:
    variables = {kind: given.get(f"{name.upper()}_{kind}") for kind in MAY_BE_OWN}
    return {kind: value for kind, value in variables.items() if value}


def _require_secrets(config: Config, given: Mapping[str, str]) -> None:
    own = [f"{name.upper()}_{kind}" for name, _, _ in config.started for kind in OWN_SECRETS]
    required = (*SHARED_SECRETS, *own)
    missing = [name for name in required if not (given.get(name) or given.get(f"{name}_FILE"))]
    if missing and not config.demo_mode:
        raise ConfigError(
            f"Outside demo mode {', '.join(missing)} must be set, or the same with _FILE for a file: "
            "`make secrets` makes files with fresh ones in ./secrets."
        )


def _refuse_shared(ports: Mapping[str, int]) -> None:
    for port in ports.values():
        sharing = [f"{name.upper()}_PORT" for name, other in ports.items() if other == port]
        if len(sharing) > 1:
            raise ConfigError(f"{' and '.join(sharing)} are both {port}; each service needs its own.")


def folder(name: str) -> Path:
    return ROOT / f"{name}-service"


def settings_of(config: Config, name: str, package: str) -> dict[str, str]:
    """The environment variables of one service."""
    urls = {f"{other.upper()}_URL": config.url(other) for other in config.ports}
    database = {"DATABASE_URL": config.databases[name]} if name in config.databases else {}
    return {
        **config.environment,
        **urls,
        **database,
        **_secrets_of(config, name),
        "DATA_DIR": str(config.data_dir),
        "DJANGO_SETTINGS_MODULE": f"{package}.settings",
        "PYTHONUNBUFFERED": "1",
    }


def _secrets_of(config: Config, name: str) -> dict[str, str]:
    """A service's own, and none of another's, which it would inherit with the environment."""
    own = config.own_secrets.get(name, {})
    named = {f"{other.upper()}_{kind}": "" for other, kinds in config.own_secrets.items() for kind in kinds}
    # An own value takes the place of a file for all, and the other way round.
    given = {kind.removesuffix("_FILE") for kind in own}
    shared = {kind: "" for kind in MAY_BE_OWN if kind.removesuffix("_FILE") in given}
    return {**named, **shared, **own}


def services(config: Config) -> list[Service]:
    servers = [_server(config, name, package) for name, package, _ in config.started]
    return servers if "backend" in config.elsewhere else [*servers, _recovery(config)]


def _server(config: Config, name: str, package: str) -> Service:
    kind = ASGI if name == "ui" else ()
    application = "ui.asgi:application" if name == "ui" else f"{package}.wsgi:application"
    bind = ("--bind", f"{HOST}:{config.ports[name]}")
    return Service(
        name=name,
        command=(*GUNICORN, *kind, *bind, application),
        folder=folder(name),
        environment=settings_of(config, name, package),
        port=config.ports[name],
        port_variable=f"{name.upper()}_PORT",
    )


def _recovery(config: Config) -> Service:
    return Service(
        name="recovery",
        command=(str(VENV_PYTHON), "manage.py", "run_recovery"),
        folder=folder("backend"),
        environment=settings_of(config, "backend", "flight"),
    )


def booking_suite(config: Config, *, console: Console | None = None, restart: bool = True) -> Suite:
    return Suite(services(config), data_dir=config.data_dir, console=console, restart=restart)
