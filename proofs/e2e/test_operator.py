"""An operator outside demo mode, from the account to the console, by the browser of the production drill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from proofs.e2e.guarded import PASSWORD, guarded, run_in
from scripts.booking_suite import Config, booking_suite
from scripts.console import Console
from scripts.prepare import prepare
from scripts.site import LOGIN_CODE, Site, SiteError

pytestmark = pytest.mark.e2e
NAME, CONSOLE, FACTOR = "grace", "/console/", "/account/factor/"
BEHIND_TLS = {"X-Forwarded-Proto": "https"}


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Config]:
    config = guarded(tmp_path)
    with (tmp_path / "suite.log").open("w", encoding="utf-8") as lines:
        console = Console(lines)
        prepare(config, console, seed=False)
        with booking_suite(config, console=console):
            yield config


def browser(config: Config) -> Site:
    address = config.url("ui")
    return Site(address, {**BEHIND_TLS, "Referer": address.replace("http", "https") + "/"})


def give_role(config: Config) -> None:
    run_in(config, "ui", "manage.py", "set_role", NAME, "operator", "--reason", "first operator")


def take_factor(config: Config) -> None:
    run_in(config, "ui", "manage.py", "take_second_factor", NAME, "--reason", "lost telephone")


def test_console_opens_with_role_and_second_factor_only(config: Config) -> None:
    first = browser(config)
    first.register(NAME, PASSWORD)
    codes = first.set_up_second_factor(PASSWORD)
    assert len(codes) == 8
    first.is_refused(CONSOLE)
    give_role(config)
    first.get(CONSOLE)
    second = browser(config)
    second.log_in(NAME, PASSWORD, codes[0])
    second.get(CONSOLE)
    with pytest.raises(SiteError):
        browser(config).log_in(NAME, PASSWORD, codes[0])
    take_factor(config)
    after = browser(config)
    assert after.submit("/account/login/", username=NAME, password=PASSWORD) != LOGIN_CODE
    assert after.leads_to(CONSOLE) == FACTOR
