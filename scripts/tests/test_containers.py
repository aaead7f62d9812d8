"""What the compose file and the Dockerfile promise; whether an engine runs them is tested elsewhere."""

import os
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.booking_suite import SERVERS, services
from scripts.booking_suite import Config as SuiteConfig
from scripts.paths import ROOT, VENV_PYTHON

PORTS = {"ui": 8000, "backend": 8001, "loyalty": 8002, "payment": 8003}
ONCE = {f"{name}-migrate" for name in PORTS}
MORE = {"backend-more", "loyalty-more", "payment-more"}
RECOVERING = {"recovery", "worker"}
CHORES = {f"{name}-chores" for name in PORTS}
OF_OURS = {*PORTS, *ONCE, *MORE, *RECOVERING, *CHORES}
DEFAULT = {*PORTS, *ONCE, *CHORES, "recovery", "postgres", "file-modes"}
PROFILES = {
    "scale": {*MORE, "worker", "proxy"},
    "production": {"backup", "proxy"},
    "observe": {"prometheus", "alertmanager", "grafana"},
}
ALL = DEFAULT.union(*PROFILES.values())
RUN_ONCE = {*ONCE, "file-modes"}
DEMO_SECRETS = ROOT / "deploy" / "demo-secrets"
DOCKERFILE = ROOT.joinpath("Dockerfile").read_text()
NGINX = ROOT.joinpath("deploy/nginx/nginx.conf").read_text()
PROXY = ROOT.joinpath("deploy/nginx/proxy.conf").read_text()
GUNICORN = ROOT.joinpath("packages/service-kit/service_kit/gunicorn_conf.py").read_text()
IGNORED = ROOT.joinpath(".dockerignore").read_text().split()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(ROOT.joinpath("docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def parts(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def service_of(name: str) -> str:
    return "backend" if name in RECOVERING else name.partition("-")[0]


def test_each_profile_adds_its_own(compose: dict[str, Any], parts: dict[str, dict[str, Any]]) -> None:
    assert "version" not in compose
    assert {name for name, part in parts.items() if "profiles" not in part} == DEFAULT
    for profile, names in PROFILES.items():
        assert {name for name, part in parts.items() if profile in part.get("profiles", [])} == names
    assert set(parts) == ALL


def test_ports_are_published_on_loopback_only_and_can_be_moved(parts: dict[str, dict[str, Any]]) -> None:
    """So that a second clone can run beside a first."""
    published = {name: part["ports"] for name, part in parts.items() if "ports" in part}
    assert published == {
        name: [f"127.0.0.1:${{{name.upper()}_PORT:-{usual}}}:{inside}"]
        for name, (usual, inside) in {
            **{name: (port, port) for name, port in PORTS.items()},
            "proxy": (8080, 8000),
            "prometheus": (9090, 9090),
            "alertmanager": (9093, 9093),
            "grafana": (3000, 3000),
        }.items()
    }


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_container_is_confined(parts: dict[str, dict[str, Any]], name: str) -> None:
    part = parts[name]
    if name == "file-modes":
        assert (part["user"], part["network_mode"]) == ("root", "none")
        assert part["cap_add"] == ["DAC_READ_SEARCH", "FOWNER"]
    else:
        assert part["user"].partition(":")[0] not in ("", "0", "root")
        assert "cap_add" not in part
    assert name not in OF_OURS or part["user"] == "10001:10001"
    assert part["read_only"] is True
    assert part["init"] is True
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert "/tmp" in part["tmpfs"]  # noqa: S108


@pytest.mark.parametrize("name", sorted(ALL))
def test_every_container_has_limits_that_a_small_machine_can_give(
    parts: dict[str, dict[str, Any]], name: str
) -> None:
    part = parts[name]
    assert 0 < part["cpus"] <= 1  # An engine refuses more than the machine has.
    assert part["mem_limit"] in ("512m", "1g")
    assert 128 <= part["pids_limit"] <= 512
    assert part["ulimits"] == {"nofile": 16384}


def test_open_files_suffice_for_the_connections_that_the_proxy_takes(
    parts: dict[str, dict[str, Any]],
) -> None:
    """Each may have one to a service beside it, and a temporary file on either side."""
    (connections,) = re.findall(r"worker_connections (\d+);", NGINX)
    assert int(connections) * 4 <= parts["proxy"]["ulimits"]["nofile"]


def test_each_image_is_built_once_and_never_pulled(parts: dict[str, dict[str, Any]]) -> None:
    assert {name for name, part in parts.items() if "build" in part} == ONCE
    for name in OF_OURS:
        service = service_of(name)
        assert parts[name]["image"] == f"tidewing.invalid/{service}"
        assert parts[name]["pull_policy"] == ("build" if name in ONCE else "never")
        if name in ONCE:
            lock = {"LOCK": "${PAYMENT_LOCK:-runtime}"} if service == "payment" else {}
            assert parts[name]["build"] == {"context": ".", "args": {"SERVICE": service, **lock}}
        else:  # So that whatever is started, its image is built before.
            assert f"{service}-migrate" in parts[name]["depends_on"]
    for name in ALL - OF_OURS:
        assert re.fullmatch(r"docker\.io/[\w./-]+:v?[\w.-]*\d[\w.-]*", parts[name]["image"])


def test_services_wait_for_their_migration_and_for_the_services_they_call(
    parts: dict[str, dict[str, Any]],
) -> None:
    for name in PORTS:
        assert parts[name]["depends_on"][f"{name}-migrate"] == {"condition": "service_completed_successfully"}
        assert parts[f"{name}-migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    for name in ("postgres", "proxy", "prometheus", "alertmanager"):
        after = parts[name]["depends_on"]["file-modes"]
        assert after == {"condition": "service_completed_successfully"}
    for name in MORE:
        assert parts[name]["depends_on"] == parts[name.removesuffix("-more")]["depends_on"]
    for name, called in (
        ("ui", "backend"),
        ("backend", "loyalty"),
        ("backend", "payment"),
        ("recovery", "backend"),
        ("proxy", "ui"),
        ("prometheus", "alertmanager"),
        ("grafana", "prometheus"),
    ):
        assert parts[name]["depends_on"][called] == {"condition": "service_healthy"}


def test_every_dependency_exists_in_a_profile_that_is_on(parts: dict[str, dict[str, Any]]) -> None:
    for part in parts.values():
        for profile in part.get("profiles", [None]):
            assert part.get("depends_on", {}).keys() <= DEFAULT | PROFILES.get(profile, set())


def test_whatever_goes_on_running_has_a_health_check(parts: dict[str, dict[str, Any]]) -> None:
    """`up --wait` needs one of each, or ends with an error."""
    assert {name for name, part in parts.items() if part.get("healthcheck") == {"disable": True}} == RUN_ONCE
    # Those of the four services stand in the Dockerfile.
    elsewhere = {*PORTS, *MORE}
    assert {name for name, part in parts.items() if "test" in part.get("healthcheck", {})} == (
        ALL - RUN_ONCE - elsewhere
    )
    assert not any("healthcheck" in parts[name] for name in elsewhere)


@pytest.mark.parametrize(("age", "healthy"), [(0, True), (10, True), (30, False), (None, False)])
def test_recovery_is_healthy_while_it_touches_its_heartbeat(
    parts: dict[str, dict[str, Any]], tmp_path: Path, age: int | None, healthy: bool
) -> None:
    file = tmp_path / "heartbeat"
    if age is not None:
        file.touch()
        os.utime(file, (time.time() - age,) * 2)
    for name in RECOVERING:
        assert parts[name]["environment"]["SAGA_HEARTBEAT_FILE"].startswith("/tmp/")  # noqa: S108
        kind, command = parts[name]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        ran = subprocess.run(
            ["sh", "-c", command.replace("$$", "$")],
            env=os.environ | {"SAGA_HEARTBEAT_FILE": str(file)},
            capture_output=True,
            check=False,
        )
        assert (ran.returncode == 0) is healthy


Round = Callable[[str], int]


@pytest.fixture
def chores(parts: dict[str, dict[str, Any]], tmp_path: Path) -> Callable[[str, str], Round]:
    """Of a service: runs a script of its chores, with a `python` that notes what it was asked for and
    refuses one thing, and a `sleep` that ends the loop."""

    def of(name: str, fails: str) -> Round:
        for program, body in (
            ("python", f'echo "$2" >> {tmp_path}/done\n[ "$2" != "{fails}" ]'),
            ("sleep", f'echo "$1" >> {tmp_path}/done\nkill $PPID'),
        ):
            tmp_path.joinpath(program).write_text(f"#!/bin/sh\n{body}\n")
            tmp_path.joinpath(program).chmod(0o755)
        own = {key: parts[name]["environment"].get(key, "") for key in ("CHORES", "REPORTS")}
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **own}

        def run(kind: str) -> int:
            script = {
                "round": parts[name]["command"][-1],
                "check": parts[name]["healthcheck"]["test"][-1],
            }[kind]
            here = script.replace("$$", "$").replace("/tmp/", f"{tmp_path}/")  # noqa: S108
            return subprocess.run(["sh", "-c", here], env=environment, check=False).returncode

        return run

    return of


def done(folder: Path) -> list[str]:
    return folder.joinpath("done").read_text().split()


@pytest.mark.parametrize("fails", ["", "expire_payments", "sweep"])
def test_chores_are_done_and_healthy_unless_one_fails(
    chores: Callable[[str, str], Round], tmp_path: Path, fails: str
) -> None:
    run = chores("payment-chores", fails)
    run("round")
    assert done(tmp_path) == ["expire_payments", "sweep", "300"]
    assert (run("check") == 0) is (fails == "")
    run("round")
    assert done(tmp_path)[3:] == ["expire_payments", *(["sweep"] if fails == "sweep" else []), "300"]


@pytest.mark.parametrize("fails", ["", "audit_sagas"])
def test_auditor_runs_hourly_and_what_it_finds_makes_no_container_unhealthy(
    chores: Callable[[str, str], Round], tmp_path: Path, fails: str
) -> None:
    """A finding is the alarm AuditDrift, which without a run knows nothing."""
    run = chores("backend-chores", fails)
    run("round")
    assert done(tmp_path) == ["sweep", "audit_sagas", "300"]
    assert run("check") == 0
    run("round")
    assert done(tmp_path)[3:] == ["300"]
    an_hour_ago = time.time() - 3600
    os.utime(tmp_path / "reported", (an_hour_ago, an_hour_ago))
    run("round")
    assert done(tmp_path)[4:] == ["audit_sagas", "300"]


def test_replicas_share_a_name_and_no_state(parts: dict[str, dict[str, Any]]) -> None:
    proxied = PROXY
    for name, port in PORTS.items():
        assert parts[name]["networks"] == {"default": {"aliases": [f"{name}-pool"]}}
        assert re.search(rf"listen {port};", proxied) and re.search(
            rf"^    {port} {name}-pool:{port};", proxied, re.M
        )
    for name in MORE:
        assert parts[name]["networks"] == parts[name.removesuffix("-more")]["networks"]
    assert parts["worker"]["deploy"] == {"replicas": 2}
    assert not any("volumes" in parts[name] for name in OF_OURS)


def test_each_service_knows_the_secrets_that_it_needs_and_no_other(compose: dict[str, Any]) -> None:
    for name in OF_OURS:
        address = f"{service_of(name)}_{'owner' if name in ONCE else 'database'}_url"
        part = compose["services"][name]
        own = {f"{service_of(name)}_{kind}" for kind in ("secret_key", "signing_key")}
        for kind in ("secret_key", "signing_key"):
            file = part["environment"][f"{kind.upper()}_FILE"]
            assert file == f"/run/secrets/{service_of(name)}_{kind}"
        # The data services sign nothing that would outlive a key.
        own |= {"ui_secret_key_fallbacks"} if service_of(name) == "ui" else set()
        own |= {"email_host_password"} if service_of(name) in ("ui", "backend") else set()
        own |= {"stripe_secret_key"} if service_of(name) == "payment" else set()
        assert set(part["secrets"]) == {"verifying_keys", address} | own
        assert part["environment"]["DATABASE_URL_FILE"] == f"/run/secrets/{address}"
    for name, secret in compose["secrets"].items():
        assert secret == {"file": f"${{SECRETS_DIR:-./deploy/demo-secrets}}/{name}"}
        assert ROOT.joinpath("deploy/demo-secrets", name).is_file()


def test_no_service_runs_as_the_owner_of_its_tables(parts: dict[str, dict[str, Any]]) -> None:
    for name in PORTS:
        for kind, role in (("owner", f"{name}_owner"), ("database", name)):
            url = DEMO_SECRETS.joinpath(f"{name}_{kind}_url").read_text()
            assert url.startswith(f"postgres://{role}:") and url.strip().endswith(f"/{name}")
        steps = parts[f"{name}-migrate"]["command"][-1].splitlines()
        assert steps[:2] == [
            "python manage.py migrate --noinput",
            f"python manage.py grant_service_role {name}",
        ]


def test_demo_secrets_are_refused_outside_demo_mode() -> None:
    environment = {
        "SECRET_KEY_FILE": str(DEMO_SECRETS / "payment_secret_key"),
        "SIGNING_KEY_FILE": str(DEMO_SECRETS / "payment_signing_key"),
        "VERIFYING_KEYS_FILE": str(DEMO_SECRETS / "verifying_keys"),
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
    assert len(files) == 12
    assert all(ROOT.joinpath(path).exists() for path in files)


def test_modes_are_changed_of_everything_public_that_is_mounted_and_of_nothing_else(
    parts: dict[str, dict[str, Any]],
) -> None:
    opened = {one.split(":")[0] for one in parts["file-modes"]["volumes"]}
    others = [one for name, part in parts.items() if name != "file-modes" for one in part.get("volumes", [])]
    mounted = {one.split(":")[0] for one in others if one.startswith("./")}
    folders = {"/".join(path.split("/")[:3]) for path in mounted}
    assert opened == folders | {"./deploy/demo-secrets"}


def test_services_reach_each_other_with_any_public_host_name(parts: dict[str, dict[str, Any]]) -> None:
    environment = parts["backend"]["environment"]
    for name, port in PORTS.items():
        assert f"http://{name}:{port}" in environment[f"{name.upper()}_URL"]
    assert set(environment["INTERNAL_HOSTS"].split(",")) == {*PORTS, "proxy"}
    assert environment["ALLOWED_HOSTS"] is None


def test_what_a_deployment_sets_is_passed_on(parts: dict[str, dict[str, Any]]) -> None:
    """Without a value, it is set where it is set outside."""
    assert parts["payment"]["environment"]["PAYMENT_GATEWAY"] == "${PAYMENT_GATEWAY:-}"
    page = ROOT.joinpath("docs", "operations.md").read_text()
    for name in (
        "BEHIND_TLS_PROXY",
        "CSRF_TRUSTED_ORIGINS",
        "SECURE_SSL_REDIRECT",
        "SECURE_HSTS_SECONDS",
        "SECURE_HSTS_INCLUDE_SUBDOMAINS",
        "SECURE_HSTS_PRELOAD",
    ):
        assert parts["ui"]["environment"][name] is None
        assert f"`{name}" in page
    for name in (
        "EMAIL_HOST",
        "EMAIL_PORT",
        "EMAIL_HOST_USER",
        "EMAIL_USE_TLS",
        "EMAIL_USE_SSL",
        "DEFAULT_FROM_EMAIL",
    ):
        assert {parts[one]["environment"][name] for one in ("ui", "backend", "recovery", "worker")} == {None}


def test_no_secret_stands_in_the_file(parts: dict[str, dict[str, Any]]) -> None:
    named = {key for part in parts.values() for key in part.get("environment", {})}
    suspicious = {key for key in named if re.search(r"KEY|PASSWORD|SECRET(?!S_DIR)|DATABASE_URL", key)}
    assert suspicious
    assert all(key.endswith("_FILE") for key in suspicious)


@pytest.mark.parametrize("name", sorted(PORTS))
def test_image_serves_as_make_run_does(name: str) -> None:
    """The same port, application and server options in both."""
    stage = re.search(rf"FROM (\w+) AS {name}\n(.*?)\n\n", DOCKERFILE, re.S)
    assert stage is not None
    served = next(each for each in services(SuiteConfig.from_environment({})) if each.name == name)
    assert f"PORT={served.port} " in stage[2]
    assert f"APPLICATION={served.command[-1]} " in stage[2]
    assert f"DJANGO_SETTINGS_MODULE={served.environment['DJANGO_SETTINGS_MODULE']}" in stage[2]
    options = f'GUNICORN_CMD_ARGS="{" ".join(served.command[3:-3])}"'
    assert options in (stage[2] if name == "ui" else DOCKERFILE)


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
        for lock in ("runtime", "traces", "stripe")
    }
    assert wanted == {line.removeprefix("!") for line in IGNORED if line.startswith("!")}


def test_every_text_file_is_checked_out_with_the_line_ends_of_linux() -> None:
    said = subprocess.run(
        [
            "git",
            "check-attr",
            "--all",
            "deploy/postgres/init.sh",
            "scripts/python",
            "deploy/demo-secrets/ui_secret_key",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.count("eol: lf") == 3


def test_scripts_are_stored_as_executable() -> None:
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    modes = {line.split("\t")[1]: line.split()[0] for line in listed.stdout.splitlines()}
    for path, mode in modes.items():
        file = ROOT / path
        if file.is_file() and file.read_bytes()[:2] == b"#!":
            assert mode == "100755", path


# The proxy


def test_proxy_buffers_everything_but_streams() -> None:
    stream = re.search(r"location /api/saga/stream/ \{(.*?)\}", PROXY, re.S)
    assert stream is not None and "proxy_buffering off;" in stream[1] and "limit_conn streams" in stream[1]
    rest = PROXY.replace(stream[0], "")
    assert "proxy_buffering on;" in rest and "proxy_request_buffering on;" in rest
    assert re.findall(r"(\w+) off;", rest) == ["proxy_next_upstream", "access_log"]


def test_proxy_counts_callers_and_lets_health_checks_through() -> None:
    for server in PROXY.split("\nserver {")[2:]:
        everything = re.search(r"location / \{(.*?)\}", server, re.S)
        health = re.search(r"location /api/health/ \{(.*?)\}", server, re.S)
        assert everything is not None and health is not None
        assert "limit_req zone=requests" in everything[1] and "limit_conn connections" in everything[1]
        assert "limit_" not in health[1] and "proxy_pass" in health[1]
        assert (
            server.count("limit_req ") == 1
        )  # Not of the whole server, which the health checks would inherit.


def test_proxy_lets_fewer_requests_into_a_services_queue_than_the_service_accepts() -> None:
    """And whole ones only: a slow body waits in the server in front."""
    queue = PROXY.split("\nserver {")[1]
    (most,) = re.findall(r"limit_conn queues (\d+);", queue)
    (accepted,) = re.findall(r"^worker_connections = (\d+)$", GUNICORN, re.M)
    assert int(most) < int(accepted)
    for name, port in PORTS.items():
        assert f"    listen unix:/tmp/{name}.sock;" in queue
        assert f"    unix:/tmp/{name}.sock {name}-pool:{port};" in PROXY
    # No answer, of which the server in front makes its 503 and the time to come again.
    assert "limit_conn_status 444;" in queue and "error_page 502 504 =444 @closed;" in queue


def test_proxy_answers_for_a_service_that_is_away_as_a_service_does() -> None:
    """503 and not nginx's 502 or 504, and when to come again."""
    for server in PROXY.split("\nserver {")[2:]:
        assert "error_page 502 504 =503 @away;" in server
        for name, status in (("away", 503), ("too_many", 429)):
            answer = re.search(rf"location @{name} \{{(.*?)\n    \}}", server, re.S)
            assert answer is not None
            assert "add_header Retry-After 1 always;" in answer[1] and f"return {status} " in answer[1]


def test_proxy_shows_neither_metrics_nor_docs() -> None:
    ui, data = PROXY.split("\nserver {")[2:]
    assert "location /metrics { return 404; }" in ui and "location /metrics { return 404; }" in data
    assert "location /api/docs/ { return 404; }" in data
