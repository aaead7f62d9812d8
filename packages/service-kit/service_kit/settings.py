"""Parts of a Django settings file, from the environment. Invalid values stop the start."""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import environ
from django.core.exceptions import ImproperlyConfigured

from service_kit import __version__, keys, trust
from service_kit.environment import flag, one_of, seconds, text, text_or_file, whole, words
from service_kit.keys import PublicKey, SigningKey
from service_kit.money import to_cents

T = TypeVar("T")

REPOSITORY = Path(__file__).resolve().parents[3]
DATA_DIR = Path(text("DATA_DIR") or REPOSITORY / "var")
DEMO_MODE = flag("DEMO_MODE", default=False)
DATABASE_BUSY_SECONDS = seconds("DATABASE_BUSY_SECONDS", default=2.0, above=0)
MIN_SECRET_LENGTH = 32
SCHEMES = ("sqlite", "postgres", "postgresql", "pgsql", "psql")
MAX_CENTS = 100_000_000
WELL_KNOWN_SECRETS = ("secret", "changeme", "password", "django-insecure", "demo-", "test-")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
DEMO_SECRET = "demo-only-secret-that-is-public-and-refused-outside-demo-mode"  # noqa: S105


def secret(name: str) -> str:
    """The value of NAME or of the file NAME_FILE. Outside demo mode missing, short and well-known secrets are
    refused."""
    value = text_or_file(name)
    if not value and DEMO_MODE:
        return DEMO_SECRET
    if not value:
        raise ImproperlyConfigured(f"{name} or {name}_FILE is required outside demo mode (DEMO_MODE=1).")
    if not DEMO_MODE:
        _refuse_weak(name, value)
    return value


def secret_key_fallbacks() -> list[str]:
    """Earlier SECRET_KEYs, which verify but do not sign; one a line, or separated by commas."""
    keys = re.split(r"[\s,]+", text_or_file("SECRET_KEY_FALLBACKS"))
    found = [key for key in keys if key]
    for key in found:
        if not DEMO_MODE:
            _refuse_weak("SECRET_KEY_FALLBACKS", key)
    return found


def _refuse_weak(name: str, value: str) -> None:
    if len(value) < MIN_SECRET_LENGTH or len(set(value)) < 8:
        raise ImproperlyConfigured(f"{name} must have at least {MIN_SECRET_LENGTH} varied characters.")
    if value.lower().startswith(WELL_KNOWN_SECRETS):
        raise ImproperlyConfigured(f"{name} is a well-known value; make one of your own.")


def service_keys(service: str) -> tuple[SigningKey, tuple[PublicKey, ...]]:
    """The key that this service signs with (SIGNING_KEY), and the public ones of those that may call it
    (of the set VERIFYING_KEYS). Both also from files. Demo mode has keys of its own."""
    signing, verifying = text_or_file("SIGNING_KEY"), text_or_file("VERIFYING_KEYS")
    if DEMO_MODE and not signing and not verifying:
        return keys.demo(service), tuple(
            keys.demo(issuer).public for issuer in trust.ISSUERS if trust.rights(issuer, service)
        )
    for name, value in (("SIGNING_KEY", signing), ("VERIFYING_KEYS", verifying)):
        if not value:
            raise ImproperlyConfigured(f"{name} or {name}_FILE is required outside demo mode (DEMO_MODE=1).")
    own, public = (
        _read("SIGNING_KEY", keys.read_private, signing),
        _read("VERIFYING_KEYS", keys.read_set, verifying),
    )
    if own.issuer != service:
        raise ImproperlyConfigured(f"SIGNING_KEY is of {own.issuer}, not of {service}.")
    if own.public not in public:
        raise ImproperlyConfigured("The public half of SIGNING_KEY is not among VERIFYING_KEYS.")
    if not DEMO_MODE and any(map(keys.is_demo, public)):
        raise ImproperlyConfigured("SIGNING_KEY or one of VERIFYING_KEYS is a well-known key; make your own.")
    return own, tuple(key for key in public if trust.rights(key.issuer, service))


def _read(name: str, reader: Callable[[str], T], text: str) -> T:
    try:
        return reader(text)
    except keys.KeyFormatError as error:
        raise ImproperlyConfigured(f"{name} cannot be used: {error}.") from None


def databases(service: str, *, keep_open: bool = True) -> dict[str, dict[str, Any]]:
    """SQLite in DATA_DIR, or the database of DATABASE_URL or the file DATABASE_URL_FILE.

    `keep_open=False` is for the asgi worker, under which persistent connections have no effect.
    """
    try:
        DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = _database(text_or_file("DATABASE_URL") or f"sqlite:///{DATA_DIR / service}.sqlite3")
        if is_sqlite := config["ENGINE"].endswith("sqlite3"):
            _keep_private(Path(config["NAME"]))
            config["NAME"] = existing(Path(config["NAME"]))
    except OSError as error:
        raise ImproperlyConfigured(f"The database's folder (DATA_DIR) cannot be written: {error}.") from None
    return {"default": config | (_sqlite(service, keep_open=keep_open) if is_sqlite else _postgresql())}


def existing(path: Path) -> str:
    """The NAME of a database file that is opened and never made: an empty one is no replacement."""
    return f"{path.absolute().as_uri()}?mode=rw"


def _database(url: str) -> dict[str, Any]:
    """Django's settings of a database. Its address, which may hold a password, is in no message."""
    with suppress(ValueError):  # Of a port that is none, or half a bracket.
        if url.partition("://")[0] in SCHEMES:
            config: dict[str, Any] = environ.Env.db_url_config(url)
            return config
    raise ImproperlyConfigured(
        "DATABASE_URL must name SQLite or PostgreSQL, such as postgres://ROLE:…@HOST:5432/NAME."
    )


def _sqlite(service: str, *, keep_open: bool) -> dict[str, Any]:
    return {
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": DATABASE_BUSY_SECONDS,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384;",
        },
        "CONN_MAX_AGE": None if keep_open else 0,
        "TEST": {"NAME": str(DATA_DIR / f"test-{service}.sqlite3")},
    }


def _postgresql() -> dict[str, Any]:
    return {
        "OPTIONS": {
            # Each statement is parsed and planned once per connection: a sixth of a booking's CPU less. A
            # migration under a running service invalidates the plans, which costs a 503 per connection.
            "server_side_binding": True,
            "prepare_threshold": 1,
            "options": f"-c lock_timeout={int(DATABASE_BUSY_SECONDS * 1000)}"
            " -c idle_in_transaction_session_timeout=30000",
            # Detects a vanished host within seconds, not within TCP's 15 minutes.
            "connect_timeout": 3,
            "keepalives_idle": 3,
            "keepalives_interval": 2,
            "keepalives_count": 2,
            "tcp_user_timeout": 7000,
            "pool": {
                "min_size": 1,
                "max_size": whole("DATABASE_POOL_SIZE", default=16, least=1),
                "timeout": DATABASE_BUSY_SECONDS,
                # After that the next request connects; the pool's own attempts are ever further apart.
                "reconnect_timeout": DATABASE_BUSY_SECONDS,
            },
        },
        "CONN_MAX_AGE": 0,
    }


def _keep_private(database: Path) -> None:
    """Readable by its owner only, because it holds names, addresses and sessions. SQLite's other files get
    the database's mode."""
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    database.touch(mode=0o600)
    for path in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
        with suppress(FileNotFoundError):  # WAL files come and go with the connections.
            found = path.stat()
            if found.st_mode & 0o077 and found.st_uid == os.geteuid():
                path.chmod(0o600)


def require_postgresql(databases: dict[str, dict[str, Any]], *, because: str) -> None:
    if not databases["default"]["ENGINE"].endswith("postgresql"):
        raise ImproperlyConfigured(f"{because} needs PostgreSQL: set DATABASE_URL.")


def named(name: str, known: Sequence[str], *, what: str) -> str:
    """The value of NAME; default in demo mode only: the first known one."""
    value = text(name, known[0] if DEMO_MODE else "")
    if value not in known:
        choices = " or ".join(f"{name}={one}" for one in known)
        raise ImproperlyConfigured(f"Outside demo mode {what} has to be named: set {choices}.")
    return value


def participants(**usual: str) -> dict[str, str]:
    """Addresses by service: every NAME_URL of the environment, over the `usual` ones."""
    given = {
        name.removesuffix("_URL").lower(): url
        for name, url in os.environ.items()
        if name.endswith("_URL") and url.startswith(("http://", "https://"))
    }
    return usual | given


def cents(name: str, default: str) -> int:
    """An amount of money from the environment, such as 50.00, as cents."""
    given = os.environ.get(name, default)
    try:
        amount = to_cents(Decimal(given))
    except (InvalidOperation, ValueError, OverflowError):
        amount = -1
    if not 0 <= amount <= MAX_CENTS:
        raise ImproperlyConfigured(
            f"{name} must be an amount with two decimals, such as 50.00, not {given!r}."
        )
    return amount


def traces() -> bool:
    """Whether traces are exported; OpenTelemetry's other OTEL_ variables say how."""
    wanted = one_of("OTEL_TRACES_EXPORTER", ("none", "otlp")) == "otlp"
    if wanted and find_spec("opentelemetry") is None:
        raise ImproperlyConfigured("OTEL_TRACES_EXPORTER=otlp needs what requirements/traces.txt pins.")
    return wanted


def allowed_hosts() -> list[str]:
    """Loopback, INTERNAL_HOSTS and ALLOWED_HOSTS. The public names add to the others, which health checks and
    services use."""
    return [*LOOPBACK, *words("INTERNAL_HOSTS"), *words("ALLOWED_HOSTS")]


# The number of own proxies that every request passes; each adds to X-Forwarded-For.
TRUSTED_PROXIES = whole("TRUSTED_PROXIES", default=0, most=100)


def rest_framework() -> dict[str, Any]:
    """JSON only; no sessions, no user queries, no content negotiation."""
    return {
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_PARSER_CLASSES": ["service_kit.parsers.StrictJsonParser"],
        "DEFAULT_RENDERER_CLASSES": ["service_kit.rendering.JsonRenderer"],
        "DEFAULT_CONTENT_NEGOTIATION_CLASS": "service_kit.rendering.AlwaysJson",
        "DEFAULT_SCHEMA_CLASS": "service_kit.openapi.ReadableSchema",
        "EXCEPTION_HANDLER": "service_kit.api.exception_handler",
        "UNAUTHENTICATED_USER": None,
    }


def spectacular(title: str, **enums: str) -> dict[str, Any]:
    return {
        "TITLE": title,
        "VERSION": __version__,
        "SERVE_INCLUDE_SCHEMA": False,
        "AUTHENTICATION_WHITELIST": [],
        # Demo mode needs no credential, and flights and the like are public.
        "SECURITY": [{}, {"bearer": []}],
        "APPEND_COMPONENTS": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "SWAGGER_UI_DIST": "SIDECAR",
        "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
        "COMPONENT_SPLIT_REQUEST": True,
        "POSTPROCESSING_HOOKS": [
            "drf_spectacular.hooks.postprocess_schema_enums",
            "service_kit.schema.with_server_answers",
        ],
        # Otherwise the first of two fields with the same name and other choices gets a generated name.
        "ENUM_NAME_OVERRIDES": {"FaultKindEnum": "django_sagas.guard.models.FaultKind", **enums},
    }


def api_apps(*own: str) -> list[str]:
    """The apps of a data service; accounts and sessions belong to the UI."""
    apps = ["django.contrib.staticfiles", "rest_framework", "drf_spectacular", "drf_spectacular_sidecar"]
    return [*own, "django_sagas.guard", "service_kit.security", *apps]


# For the API's documentation pages.
BROWSER_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TRACES = traces()
TRACE_MIDDLEWARE = ["service_kit.tracing.TraceMiddleware"] if TRACES else []
API_MIDDLEWARE = [
    "service_kit.middleware.RequestMiddleware",
    *TRACE_MIDDLEWARE,
    "service_kit.middleware.HostMiddleware",
    *([] if DEMO_MODE else BROWSER_MIDDLEWARE),
    "whitenoise.middleware.WhiteNoiseMiddleware",
]
API_SILENCED_CHECKS = [
    # No cookie and no session: CSRF is not possible.
    "security.W003",
    # TLS ends in front of the service, and calls between services follow no redirect.
    "security.W004",
    "security.W008",
]

TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
