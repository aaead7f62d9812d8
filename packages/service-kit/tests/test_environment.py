import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from service_kit import environment as env
from service_kit.settings import REPOSITORY

Read = Callable[[], Any]
NAME = "A_SETTING"


def whole() -> int:
    return env.whole(NAME, default=3, least=1, most=9)


def seconds() -> float:
    return env.seconds(NAME, default=2.5)


def above_zero() -> float:
    return env.seconds(NAME, default=2.5, above=0)


def flag() -> bool:
    return env.flag(NAME, default=True)


def address() -> str:
    return env.address(NAME, default="http://127.0.0.1:8003")


def one_of() -> str:
    return env.one_of(NAME, ("json", "console"))


def words() -> list[str]:
    return env.words(NAME)


def text() -> str:
    return env.text(NAME, "usual")


@pytest.mark.parametrize(
    ("read", "given", "value"),
    [
        (whole, "9", 9),
        (whole, " 1 ", 1),
        (seconds, "0", 0.0),
        (seconds, "1.25", 1.25),
        (above_zero, "0.01", 0.01),
        (flag, "0", False),
        (flag, "Off", False),
        (flag, "TRUE", True),
        (address, "https://pay.example/v1", "https://pay.example/v1"),
        (one_of, "Console", "console"),
        (words, "a, b,,c", ["a", "b", "c"]),
        (text, "$a", "$a"),
    ],
)
def test_value_is_read(monkeypatch: pytest.MonkeyPatch, read: Read, given: str, value: Any) -> None:
    monkeypatch.setenv(NAME, given)
    assert read() == value


@pytest.mark.parametrize(
    ("read", "usual"),
    [
        (whole, 3),
        (seconds, 2.5),
        (above_zero, 2.5),
        (flag, True),
        (address, "http://127.0.0.1:8003"),
        (one_of, "json"),
        (words, []),
        (text, "usual"),
    ],
)
def test_what_is_not_set_or_empty_is_the_default(
    monkeypatch: pytest.MonkeyPatch, read: Read, usual: Any
) -> None:
    monkeypatch.delenv(NAME, raising=False)
    assert read() == usual
    monkeypatch.setenv(NAME, "")
    assert read() == usual


@pytest.mark.parametrize(
    ("read", "given"),
    [
        *((whole, given) for given in ("0", "10", "x", "1.0", "1e0", "\uff11", "1_0", "-1")),
        *((seconds, given) for given in ("x", "-1", "nan", "inf", "1e3", "\u0663", "1,5", "$HOME")),
        *((above_zero, given) for given in ("0", "0.0")),
        *((flag, given) for given in ("2", "maybe", "y")),
        *((address, given) for given in ("pay.example", "ftp://x", "http://", "http://a b", "http://a?b")),
        *((one_of, given) for given in ("xml", "json,console")),
    ],
)
def test_what_cannot_be_right_is_refused_by_the_name_of_the_setting(
    monkeypatch: pytest.MonkeyPatch, read: Read, given: str
) -> None:
    monkeypatch.setenv(NAME, given)
    with pytest.raises(ImproperlyConfigured, match=f"^{NAME} must be .*not ") as caught:
        read()
    assert str(caught.value).endswith(f"not {given!r}.")


def test_what_is_read_from_a_file_is_stripped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_text("a value\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(path))
    assert env.text_or_file(NAME) == "a value"
    path.write_bytes(b"\xff")
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}_FILE cannot be read"):
        env.text_or_file(NAME)


SETTINGS = sorted(REPOSITORY.glob("*-service/*/settings.py"))
WRONG = {
    "whole": "x",
    "seconds": "x",
    "flag": "maybe",
    "address": "x",
    "one_of": "x",
    "named": "x",
    "cents": "x",
}


def settings_of(path: Path) -> list[str]:
    """The names that a settings file reads by the readers that refuse something."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    return [
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in WRONG
        and isinstance(call.args[0], ast.Constant)
    ]


def test_every_settings_file_is_seen() -> None:
    assert [path.parent.name for path in SETTINGS] == ["flight", "loyalty", "payment", "ui"]
    assert {"SAGA_LEASE", "PAYMENT_URL", "OTHER_CHARGES"} <= set(settings_of(SETTINGS[0]))


CHECK = """
import os, sys
from importlib import import_module
right = dict(os.environ)
for name in sys.argv[2:]:
    os.environ.update(right)
    os.environ[name] = "x"
    try:
        import_module(sys.argv[1])
    except Exception as error:
        print(name, type(error).__name__, error)
    else:
        print(name, "taken")
    del os.environ[name]
    for module in [each for each in sys.modules if each.startswith((sys.argv[1], "service_kit"))]:
        del sys.modules[module]
"""
COMMON = (
    "DEMO_MODE DATABASE_BUSY_SECONDS DATABASE_URL TRUSTED_PROXIES LOG_FORMAT LOG_LEVEL OTEL_TRACES_EXPORTER "
    "LIMIT_READS"
)


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: str(path.parent.name))
def test_no_service_starts_with_a_wrong_setting_and_says_which(path: Path, tmp_path: Path) -> None:
    service = path.parent
    names = [*COMMON.split(), *settings_of(path)]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE"))}
    told = subprocess.run(  # noqa: S603
        [sys.executable, "-c", CHECK, f"{service.name}.settings", *names],
        cwd=service.parent,
        env={**kept, "DEMO_MODE": "1", "DATA_DIR": str(tmp_path), "PYTHONPATH": str(service.parent)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    wrong = [
        line
        for line, name in zip(told, names, strict=True)
        if not re.fullmatch(rf"{name} ImproperlyConfigured .*\b{name}\b.*", line)
    ]
    assert not wrong


def test_server_says_what_is_wrong_before_it_starts_a_worker() -> None:
    command = [sys.executable, "-m", "gunicorn", "--config", "python:service_kit.gunicorn_conf", "none:none"]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "LOG_LEVEL": "loud"}
    ran = subprocess.run(  # noqa: S603
        [*command, "--bind", "127.0.0.1:0"],
        cwd=Path(__file__).parents[1],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert ran.stderr == "LOG_LEVEL must be one of INFO, DEBUG, WARNING, ERROR, CRITICAL, not 'loud'.\n"
