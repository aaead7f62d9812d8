"""The least that Django needs; what the tutorial adds stands at the end."""

from pathlib import Path

SECRET_KEY = "of this example only"
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
INSTALLED_APPS = []
ROOT_URLCONF = "shop.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(__file__).resolve().parents[1] / "db.sqlite3",
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
INSTALLED_APPS += ["django_sagas", "django_sagas.guard", "orders"]
# SQLite has one writer at a time: a transaction takes the lock at its start and waits for it.
DATABASES["default"]["OPTIONS"] = {
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}
# Where remote steps run: here the same project, in a process of its own.
SAGA_PARTICIPANTS = {"bank": "http://127.0.0.1:8001"}
