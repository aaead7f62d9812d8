"""What the compose file and the Dockerfile promise; whether an engine runs them is tested elsewhere."""

import os
import re
import subprocess
from typing import Any

import pytest
import yaml

from scripts.booking_suite import SERVERS, THREADED, services
from scripts.booking_suite import Config as SuiteConfig
from scripts.paths import ROOT, VENV_PYTHON

PORTS = {"ui": 8000, "backend": 8001, "loyalty": 8002, "payment": 8003}
ONCE = {f"{name}-migrate" for name in PORTS}
MORE = {"backend-more", "loyalty-more", "payment-more"}
OF_OURS = {*PORTS, *ONCE, *MORE, "recovery", "worker"}
DEFAULT = {*PORTS, *ONCE, "recovery", "postgres"}
PROFILES = {"scale": {*MORE, "worker", "proxy"}, "observe": {"prometheus", "grafana"}}
ALL = DEFAULT.union(*PROFILES.values())
UNPROBED = {*ONCE, "recovery", "worker", "grafana"}
"They listen nowhere, run once, or nobody waits for them."
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


def test_each_profile_adds_its_own(compose: dict[str, Any], parts: dict[str, dict[str, Any]]) -> None:
    assert "version" not in compose
    assert {name for name, part in parts.items() if "profiles" not in part} == DEFAULT
    for profile, names in PROFILES.items():
        assert {name for name, part in parts.items() if part.get("profiles") == [profile]} == names
    assert set(parts) == ALL


def test_ports_are_published_on_loopback_only(parts: dict[str, dict[str, Any]]) -> None:
    for name, port in PORTS.items():
        assert parts[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    others = {name: part["ports"] for name, part in parts.items() if "ports" in part and name not in PORTS}
    assert others == {
        "proxy": ["127.0.0.1:8080:8000"],
        "prometheus": ["127.0.0.1:9090:9090"],
        "grafana": ["127.0.0.1:3000:3000"],
    }


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_container_is_confined(parts: dict[str, dict[str, Any]], name: str) -> None:
    part = parts[name]
    assert part["user"].partition(":")[0] not in ("", "0", "root")
    assert name not in OF_OURS or part["user"] == "10001:10001"
    assert part["read_only"] is True
    assert part["init"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in part["tmpfs"]  # noqa: S108


def test_services_wait_for_their_migration_and_for_whom_they_call(parts: dict[str, dict[str, Any]]) -> None:
    for name in PORTS:
        assert parts[name]["depends_on"][f"{name}-migrate"] == {"condition": "service_completed_successfully"}
        assert parts[f"{name}-migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in MORE:
        assert parts[name]["depends_on"] == parts[name.removesuffix("-more")]["depends_on"]
    for name, called in (
        ("ui", "backend"),
        ("backend", "loyalty"),
        ("backend", "payment"),
        ("recovery", "backend"),
        ("proxy", "ui"),
        ("grafana", "prometheus"),
    ):
        assert parts[name]["depends_on"][called] == {"condition": "service_healthy"}


def test_every_dependency_exists_in_a_profile_that_is_on(parts: dict[str, dict[str, Any]]) -> None:
    for name, part in parts.items():
        beside = DEFAULT | {other for names in PROFILES.values() if name in names for other in names}
        assert part.get("depends_on", {}).keys() <= beside


def test_whatever_is_waited_for_has_a_health_check(parts: dict[str, dict[str, Any]]) -> None:
    waited = {
        name
        for part in parts.values()
        for name, rule in part.get("depends_on", {}).items()
        if rule["condition"] == "service_healthy"
    }
    assert {name for name, part in parts.items() if part.get("healthcheck") == {"disable": True}} == UNPROBED
    assert not waited & UNPROBED
    # Those of the four services stand in the Dockerfile.
    assert not any("healthcheck" in parts[name] for name in (*PORTS, *MORE))


def test_replicas_share_a_name_and_no_state(parts: dict[str, dict[str, Any]]) -> None:
    proxied = ROOT.joinpath("deploy/nginx/proxy.conf").read_text()
    for name, port in PORTS.items():
        assert parts[name]["networks"] == {"default": {"aliases": [f"{name}-pool"]}}
        assert re.search(rf"listen {port};\s+set \$to {name}-pool;\s.*:{port};", proxied)
    for name in MORE:
        assert parts[name]["networks"] == parts[name.removesuffix("-more")]["networks"]
    assert parts["worker"]["deploy"] == {"replicas": 2}
    assert not any("volumes" in parts[name] for name in OF_OURS)


def test_each_service_knows_the_secrets_that_it_needs_and_no_other(compose: dict[str, Any]) -> None:
    shared = {"secret_key", "service_keys"}
    for name in OF_OURS:
        service = "backend" if name in ("recovery", "worker") else name.partition("-")[0]
        part = compose["services"][name]
        assert set(part["secrets"]) == shared | {f"{service}_database_url"}
        assert part["environment"]["DATABASE_URL_FILE"] == f"/run/secrets/{service}_database_url"
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"${{SECRETS_DIR:-./deploy/demo-secrets}}/{name}"}
        assert ROOT.joinpath("deploy/demo-secrets", name).is_file()


def test_demo_secrets_are_refused_outside_demo_mode() -> None:
    folder = ROOT / "deploy" / "demo-secrets"
    environment = {
        "SECRET_KEY_FILE": str(folder / "secret_key"),
        "SERVICE_KEYS_FILE": str(folder / "service_keys"),
        "DEMO_MODE": "0",
    }
    ran = subprocess.run(
        [str(VENV_PYTHON), "manage.py", "check"],
        cwd=ROOT / "payment-service",
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert "SECRET_KEY is a well-known value" in ran.stderr


def test_every_file_that_is_mounted_exists(parts: dict[str, dict[str, Any]]) -> None:
    mounted = [one.split(":")[0] for part in parts.values() for one in part.get("volumes", [])]
    files = [path for path in mounted if path.startswith("./")]
    assert len(files) == 5
    assert all(ROOT.joinpath(path).exists() for path in files)


def test_services_find_each_other(parts: dict[str, dict[str, Any]]) -> None:
    environment = parts["backend"]["environment"]
    for name, port in PORTS.items():
        assert f"http://{name}:{port}" in environment[f"{name.upper()}_URL"]
        assert name in environment["ALLOWED_HOSTS"].partition(":-")[2]


def test_no_secret_stands_in_the_file(parts: dict[str, dict[str, Any]]) -> None:
    named = {key for part in parts.values() for key in part.get("environment", {})}
    suspicious = {key for key in named if re.search(r"KEY|PASSWORD|SECRET|DATABASE_URL", key)}
    assert suspicious
    assert all(key.endswith("_FILE") for key in suspicious)


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
    wanted = {
        path.rstrip("/").replace("${SERVICE}", name).replace("${LOCK}", lock)
        for path in sources
        for name, _, _ in SERVERS
        for lock in ("runtime", "traces")
    }
    assert wanted == {line.removeprefix("!") for line in IGNORED if line.startswith("!")}
