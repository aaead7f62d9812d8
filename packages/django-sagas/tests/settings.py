"""The smallest project that the engine can be tested in, on SQLite or on the database of DATABASE_URL."""

import os
from typing import Any
from urllib.parse import unquote, urlsplit


def database(address: str) -> dict[str, Any]:
    """PostgreSQL by its URL; empty: SQLite in memory."""
    if not address:
        options = {"transaction_mode": "IMMEDIATE", "timeout": 2}
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:", "OPTIONS": options}
    url = urlsplit(address)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": url.path.removeprefix("/"),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": url.hostname or "",
        "PORT": str(url.port or ""),
    }


SECRET_KEY = "of these tests only"
INSTALLED_APPS = ["django_sagas", "django_sagas.guard", "tests.toy", "tests.shop"]
DATABASES = {"default": database(os.environ.get("DATABASE_URL", ""))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
ALLOWED_HOSTS = ["testserver", "localhost"]
ROOT_URLCONF = "tests.toy.urls"

SAGA_PARTICIPANTS = {
    "bank": "http://bank.test",
    "depot": "http://depot.test",
    "cashier": "http://testserver",
    "warehouse": "http://warehouse.test",
}
