"""What the compose file and the Dockerfile promise; whether an engine runs them is tested elsewhere."""

import re
from typing import Any

import pytest
import yaml

from scripts.booking_suite import SERVERS, THREADED, services
from scripts.booking_suite import Config as SuiteConfig
from scripts.paths import ROOT

PORTS = {"ui": 8000, "backend": 8001, "loyalty": 8002, "payment": 8003}
RUNNING = {*PORTS, "recovery"}
ONCE = {f"{name}-migrate" for name in PORTS}
DOCKERFILE = ROOT.joinpath("Dockerfile").read_text()
IGNORED = ROOT.joinpath(".dockerignore").read_text().split()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(ROOT.joinpath("docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def parts(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def test_four_services_recovery_and_a_migration_each(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == RUNNING | ONCE
    assert "version" not in compose


def test_ports_are_published_on_loopback_only(parts: dict[str, dict[str, Any]]) -> None:
    for name, port in PORTS.items():
        assert parts[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert not any("ports" in parts[name] for name in parts.keys() - PORTS.keys())


@pytest.mark.parametrize("name", sorted(RUNNING | ONCE))
def test_every_container_is_confined(parts: dict[str, dict[str, Any]], name: str) -> None:
    part = parts[name]
    assert part["user"] == "10001:10001"
    assert part["read_only"] is True
    assert part["init"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in part["tmpfs"]  # noqa: S108


def test_services_wait_for_their_migration_and_for_whom_they_call(parts: dict[str, dict[str, Any]]) -> None:
    for name in PORTS:
        assert parts[name]["depends_on"][f"{name}-migrate"] == {"condition": "service_completed_successfully"}
    for name, called in (
        ("ui", "backend"),
        ("backend", "loyalty"),
        ("backend", "payment"),
        ("recovery", "backend"),
    ):
        assert parts[name]["depends_on"][called] == {"condition": "service_healthy"}


def test_every_dependency_exists(parts: dict[str, dict[str, Any]]) -> None:
    for part in parts.values():
        assert part.get("depends_on", {}).keys() <= parts.keys()


def test_whatever_is_waited_for_has_a_health_check(parts: dict[str, dict[str, Any]]) -> None:
    waited = {
        name
        for part in parts.values()
        for name, rule in part.get("depends_on", {}).items()
        if rule["condition"] == "service_healthy"
    }
    assert waited == {"backend", "loyalty", "payment"}
    assert not any("healthcheck" in parts[name] for name in PORTS)
    assert all(parts[name]["healthcheck"] == {"disable": True} for name in parts.keys() - PORTS.keys())


def test_each_service_keeps_its_database_in_a_volume_of_its_own(compose: dict[str, Any]) -> None:
    parts = compose["services"]
    for name in PORTS:
        assert parts[name]["volumes"] == [f"{name}-data:/data"]
        assert parts[f"{name}-migrate"]["volumes"] == parts[name]["volumes"]
    assert parts["recovery"]["volumes"] == parts["backend"]["volumes"]
    assert set(compose["volumes"]) == {f"{name}-data" for name in PORTS}


def test_services_find_each_other(parts: dict[str, dict[str, Any]]) -> None:
    environment = parts["backend"]["environment"]
    for name, port in PORTS.items():
        assert environment[f"{name.upper()}_URL"] == f"http://{name}:{port}"
        assert name in environment["ALLOWED_HOSTS"].partition(":-")[2]


def test_no_secret_stands_in_the_file(parts: dict[str, dict[str, Any]]) -> None:
    for part in parts.values():
        assert part["environment"]["SECRET_KEY"] == "${SECRET_KEY:-}"
        assert part["environment"]["SERVICE_KEYS"] == "${SERVICE_KEYS:-}"


@pytest.mark.parametrize("name", sorted(PORTS))
def test_image_serves_as_make_run_does(name: str) -> None:
    """The same port, application and server options in both."""
    stage = re.search(rf"FROM application AS {name}\n(.*?)\n\n", DOCKERFILE, re.S)
    assert stage is not None
    served = next(each for each in services(SuiteConfig.from_environment({})) if each.name == name)
    assert f"PORT={served.port} " in stage[1]
    assert f"APPLICATION={served.command[-1]} " in stage[1]
    assert f"DJANGO_SETTINGS_MODULE={served.environment['DJANGO_SETTINGS_MODULE']} " in stage[1]
    assert ("--worker-class asgi" if name == "ui" else " ".join(THREADED)) in stage[1]


def test_image_runs_unprivileged_on_a_pinned_base_with_a_health_check() -> None:
    assert re.search(r"^ARG BASE=\S+python:3\.11\.\d+-slim-bookworm$", DOCKERFILE, re.M)
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.M)
    assert "/api/health/ready/" in DOCKERFILE
    assert "--require-hashes" in DOCKERFILE


def test_everything_that_is_copied_is_sent_to_the_builder() -> None:
    sources = re.findall(r"^COPY (?!--from)(\S+) ", DOCKERFILE, re.M)
    wanted = {path.rstrip("/").replace("${SERVICE}", name) for path in sources for name, _, _ in SERVERS}
    assert wanted == {line.removeprefix("!") for line in IGNORED if line.startswith("!")}
