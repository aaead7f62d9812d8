"""Baseline: the textbook way. One project that serves as the orchestrator and as both participants.

As `startproject` and Django REST framework make it, but for what the suite has too: databases that stay
open, and SQLite with a write-ahead log, which without it would fail under eight clients.
"""

import os
import uuid

import environ

SECRET_KEY = uuid.uuid4().hex
DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
    "bench.baselines.textbook",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "bench.baselines.textbook.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True

DATABASES = {
    "default": {**environ.Env().db_url("DATABASE_URL", default="sqlite://:memory:"), "CONN_MAX_AGE": None}
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 5,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    }

PAYMENT_URL = os.environ.get("BOOK_PAYMENT_URL", "")
LOYALTY_URL = os.environ.get("BOOK_LOYALTY_URL", "")
