from pathlib import Path

import pytest
from service_kit.testing.deployed import Deployment, SendsMail, manage


class TestUiDeployment(Deployment, SendsMail):
    """Outside demo mode."""


HSTS = {
    "SECURE_HSTS_SECONDS": "31536000",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": "False",
    "SECURE_HSTS_PRELOAD": "False",
}


def shown(folder: Path, **environment: str) -> dict[str, str]:
    """The settings, as Python writes their values."""
    lines = manage(folder, "diffsettings", "--all", **environment).stdout.splitlines()
    return dict(line.removeprefix("### ").split(" = ", 1) for line in lines if " = " in line)


def test_cookies_of_sessions_and_forms_have_the_prefix_of_this_host(tmp_path: Path) -> None:
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME")
    outside, demo = shown(tmp_path), shown(tmp_path, DEMO_MODE="1")
    assert [outside[name] for name in names] == ["'__Host-ui_session'", "'__Host-csrftoken'"]
    assert [demo[name] for name in names] == ["'ui_session'", "'csrftoken'"]


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"SECURE_HSTS_SECONDS": "60"},
        {"SECURE_HSTS_INCLUDE_SUBDOMAINS": "True", "SECURE_HSTS_PRELOAD": "True"},
    ],
)
def test_hsts_binds_no_other_name_unless_it_is_switched_on(tmp_path: Path, chosen: dict[str, str]) -> None:
    values = shown(tmp_path, **chosen)
    assert {name: values[name] for name in HSTS} == HSTS | chosen


def test_every_switch_of_hsts_passes_the_deployment_check(tmp_path: Path) -> None:
    on = {"SECURE_HSTS_INCLUDE_SUBDOMAINS": "1", "SECURE_HSTS_PRELOAD": "1", "BEHIND_TLS_PROXY": "1"}
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **on)
    assert done.returncode == 0, done.stderr
