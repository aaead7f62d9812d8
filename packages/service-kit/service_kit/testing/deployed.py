"""A service as a deployment starts it: outside demo mode, with secrets of its own."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from django.conf import settings

from service_kit import keys

WEAK: Mapping[str, Mapping[str, str]] = {
    "no_secret_key": {"SECRET_KEY": ""},
    "well_known_secret_key": {"SECRET_KEY": "django-insecure-b7Qx-93mZ_kLw2!vR8sTdY5@hNcE1uJp"},
    "no_signing_key": {"SIGNING_KEY": ""},
    "shared_signing_key": {"SIGNING_KEY": "a:b7Qx-93mZ_kLw2!vR8sTdY5@hNcE1uJp"},
    "no_verifying_keys": {"VERIFYING_KEYS": ""},
}


def own_secrets() -> dict[str, str]:
    """Of this service, for one start."""
    key = keys.new(settings.SERVICE_NAME)
    return {
        "SECRET_KEY": secrets.token_urlsafe(48),
        "SIGNING_KEY": json.dumps(key.to_jwk()),
        "VERIFYING_KEYS": keys.write_set([key.public]),
    }


def manage(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  the service's own manage.py
        [sys.executable, "manage.py", *command],
        env={**os.environ, **own_secrets(), "DEMO_MODE": "0", "DATA_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


MAILER = """
from django.core.mail import get_connection
mailer = get_connection()
print(mailer.host, mailer.port, mailer.use_tls, mailer.use_ssl, mailer.username, mailer.password)
"""

LOADED = """
import sys
from django.urls import get_resolver
assert get_resolver().url_patterns  # loads every view
print("opentelemetry" in sys.modules)
"""


MAIN_PROCESS = """
import os, sys
from service_kit import gunicorn_conf
gunicorn_conf.on_starting(None)
assert os.environ["DJANGO_SETTINGS_MODULE"] in sys.modules
print(sorted({"django_sagas", "requests", "rest_framework", "django.db.models"} & set(sys.modules)))
"""


class Deployment:
    """Subclass it in each service; `needed` are its required settings besides secrets."""

    needed: ClassVar[Mapping[str, str]] = {}

    def test_deployment_check_has_no_warning(self, tmp_path: Path) -> None:
        done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **self.needed)
        assert done.returncode == 0, done.stderr

    @pytest.mark.parametrize("weak", WEAK)
    def test_start_without_good_secrets_is_refused_outside_demo_mode(self, weak: str, tmp_path: Path) -> None:
        done = manage(tmp_path, "check", **self.needed, **WEAK[weak])
        assert done.returncode != 0
        assert "Traceback" not in done.stderr and next(iter(WEAK[weak])) in done.stderr
        assert all(value not in done.stderr for value in WEAK[weak].values() if value)

    def test_nothing_of_opentelemetry_is_loaded_without_the_setting(self, tmp_path: Path) -> None:
        environment = {**self.needed, "OTEL_TRACES_EXPORTER": "none"}
        done = manage(tmp_path, "shell", "--verbosity", "0", "--command", LOADED, **environment)
        assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr

    def test_the_main_process_of_the_server_loads_settings_only(self) -> None:
        """It serves no request, and each service has one: 14 MB for the engine and its HTTP client."""
        command = [sys.executable, "-c", MAIN_PROCESS]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  the service's own
        assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


class SendsMail:
    """Beside Deployment, for a service with the settings of `service_kit.mail_settings`."""

    needed: ClassVar[Mapping[str, str]] = {}

    @pytest.mark.parametrize(
        ("chosen", "mailer"),
        [
            ({}, "587 True False"),
            ({"EMAIL_USE_SSL": "1"}, "465 False True"),
            ({"EMAIL_USE_TLS": "0", "EMAIL_PORT": "25"}, "25 False False"),
        ],
    )
    def test_mails_are_sent_with_the_tls_and_the_credentials_of_the_settings(
        self, tmp_path: Path, chosen: Mapping[str, str], mailer: str
    ) -> None:
        password = tmp_path / "password"
        password.write_text("a mailbox's own\n")
        given = {
            "EMAIL_HOST": "mail.example.com",
            "EMAIL_HOST_USER": "trips",
            "EMAIL_HOST_PASSWORD_FILE": str(password),
        }
        environment = {**self.needed, **given, **chosen}
        done = manage(tmp_path, "shell", "--verbosity", "0", "--command", MAILER, **environment)
        assert done.stdout == f"mail.example.com {mailer} trips a mailbox's own\n", done.stderr

    def test_both_kinds_of_tls_at_once_are_refused_at_the_start(self, tmp_path: Path) -> None:
        done = manage(tmp_path, "check", **self.needed, EMAIL_USE_SSL="1", EMAIL_USE_TLS="1")
        assert done.returncode != 0 and "Traceback" not in done.stderr
        assert "EMAIL_USE_SSL) or by STARTTLS (EMAIL_USE_TLS): set one." in done.stderr
