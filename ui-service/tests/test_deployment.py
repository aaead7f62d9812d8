from pathlib import Path

import pytest
from service_kit.testing.deployed import Deployment, manage


class TestUiDeployment(Deployment):
    """Outside demo mode."""


HSTS = {
    "SECURE_HSTS_SECONDS": "31536000",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS": "False",
    "SECURE_HSTS_PRELOAD": "False",
}


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"SECURE_HSTS_SECONDS": "60"},
        {"SECURE_HSTS_INCLUDE_SUBDOMAINS": "True", "SECURE_HSTS_PRELOAD": "True"},
    ],
)
def test_hsts_binds_no_other_name_unless_it_is_switched_on(tmp_path: Path, chosen: dict[str, str]) -> None:
    shown = manage(tmp_path, "diffsettings", "--all", **chosen).stdout.splitlines()
    values = dict(line.removeprefix("### ").split(" = ", 1) for line in shown if " = " in line)
    assert {name: values[name] for name in HSTS} == HSTS | chosen


def test_every_switch_of_hsts_passes_the_deployment_check(tmp_path: Path) -> None:
    on = {"SECURE_HSTS_INCLUDE_SUBDOMAINS": "1", "SECURE_HSTS_PRELOAD": "1", "BEHIND_TLS_PROXY": "1"}
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **on)
    assert done.returncode == 0, done.stderr
