"""What the deployment for production promises; that it works is for `make production-drill` to show."""

import json
import os
import re
import smtplib
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from typing import Any

import pytest
import yaml

from scripts import make_certificate
from scripts.drill import __main__ as drill
from scripts.drill import receiver
from scripts.drill.deployment import PROJECT
from scripts.paths import ROOT
from scripts.postgres import Server, find_binaries, private_server
from scripts.service import HOST

COMPOSE_TEXT, OVERRIDE_TEXT = (
    ROOT.joinpath(name).read_text() for name in ("docker-compose.yml", "deploy/production.yml")
)
TLS = ROOT.joinpath("deploy/nginx/tls.conf").read_text()
SETTINGS = ROOT.joinpath("deploy/production.env").read_text()
OPERATIONS = ROOT.joinpath("docs/operations.md").read_text()
DEMO_RECEIVER = ROOT.joinpath("deploy/demo-secrets/alertmanager.yml").read_text()
TO_BE_FILLED_IN = {"ALLOWED_HOSTS", "PAYMENT_GATEWAY", "EMAIL_HOST"}


class _Loader(yaml.SafeLoader):
    """With compose's two tags, which replace what they stand over."""


def _sequence(loader: yaml.SafeLoader, node: yaml.SequenceNode) -> list[Any]:
    return loader.construct_sequence(node)


for tag in ("!reset", "!override"):
    _Loader.add_constructor(tag, _sequence)


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE_TEXT)
    return loaded


@pytest.fixture(scope="module")
def override() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(OVERRIDE_TEXT, _Loader)  # noqa: S506  a safe one
    return loaded


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    lines = [line.partition("=") for line in SETTINGS.splitlines() if re.match(r"[A-Z_]+=", line)]
    return {name: value for name, _, value in lines}


def test_only_the_proxy_is_published_to_the_network(base: dict[str, Any], override: dict[str, Any]) -> None:
    """Tools of the profile observe are on loopback."""
    published = {
        name: override["services"].get(name, {}).get("ports", part.get("ports", []))
        for name, part in base["services"].items()
        if not set(part.get("profiles", [])) - {"production", "observe"} or name == "proxy"
    }
    wide = {name: ports for name, ports in published.items() if ports and "127.0.0.1:" not in ports[0]}
    assert wide == {"proxy": ["80:8081", "443:8443"]}
    narrow = {name for name, ports in published.items() if ports and name != "proxy"}
    assert narrow == set(drill.TOOLS)
    # An empty list alone would add nothing to the ports that are there.
    assert OVERRIDE_TEXT.count("ports: !reset []") == 4
    assert OVERRIDE_TEXT.count("ports: !override") == 1


def test_every_setting_is_used_and_what_has_to_be_filled_in_stops_a_start_without_it(
    settings: dict[str, str],
) -> None:
    compose = COMPOSE_TEXT + OVERRIDE_TEXT
    used = set(re.findall(r"\$\{([A-Z_]+)", compose)) | set(re.findall(r"^  +([A-Z_]+):$", compose, re.M))
    commented = set(re.findall(r"^# ([A-Z_]+)=", SETTINGS, re.M))
    assert {name for name in settings.keys() | commented if not name.startswith("COMPOSE_")} <= used
    assert {name for name, value in settings.items() if not value} == TO_BE_FILLED_IN
    assert set(re.findall(r"\$\{([A-Z_]+):\?", compose)) == TO_BE_FILLED_IN
    assert settings["DEMO_MODE"] == "0" and settings["BEHIND_TLS_PROXY"] == settings["TRUSTED_PROXIES"] == "1"


def test_a_demo_on_the_same_machine_has_other_containers_and_volumes(
    base: dict[str, Any], settings: dict[str, str]
) -> None:
    assert settings["COMPOSE_PROJECT_NAME"] != base["name"]
    assert PROJECT not in (settings["COMPOSE_PROJECT_NAME"], base["name"])


def test_files_of_the_override_exist_or_are_made(override: dict[str, Any]) -> None:
    for part in override["services"].values():
        for volume in part.get("volumes", []):
            assert ROOT.joinpath(volume.split(":")[0]).is_file()
        assert set(part.get("secrets", [])) <= set(override["secrets"])
    assert set(override["secrets"]) == {make_certificate.CERTIFICATE, make_certificate.KEY}


def test_new_release_restarts_what_reads_its_files(base: dict[str, Any]) -> None:
    """A container is made anew for another image or setting, and not for another file in the same place."""
    reading = {
        name
        for name, part in base["services"].items()
        if any(volume.startswith("./deploy/") for volume in part.get("volumes", []))
    }
    read_at_the_first_start_only, run_anew = {"postgres"}, {"file-modes"}
    restarted = re.findall(r"^    docker compose restart (\w+ .*)$", OPERATIONS, re.M)
    assert [set(line.split()) for line in restarted] == [reading - read_at_the_first_start_only - run_anew]


# The proxy


def test_tls_server_believes_no_caller_and_leaves_buffering_to_the_server_behind_it() -> None:
    tls, plain = TLS.split("\nserver {")[1:]
    assert "listen 8443 ssl;" in tls and "ssl_protocols TLSv1.2 TLSv1.3;" in tls
    assert re.findall(r"set_real_ip_from (\S+);", tls) == ["unix:"]
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in tls
    assert "proxy_set_header X-Forwarded-Proto https;" in tls
    assert re.findall(r"proxy_pass (\S+);", tls) == ["http://127.0.0.1:8000"]
    assert "return 301 https://$host$request_uri;" in plain and "proxy_pass" not in plain


# A certificate to try it with


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    assert make_certificate.main({"HOST": "book.example.com"}, folder) == 0
    return folder


def test_certificate_is_for_the_host_and_can_be_read_in_containers_only(made: Path) -> None:
    said = subprocess.run(
        ["openssl", "x509", "-noout", "-ext", "subjectAltName", "-in", str(made / "tls_certificate")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "DNS:book.example.com" in said.stdout
    assert made.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {0o444}


def test_certificate_that_is_there_is_kept(made: Path) -> None:
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    assert make_certificate.main({"HOST": "other.example.com"}, made) == 0
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before


@pytest.mark.parametrize("host", ["", "a b", "-x", "x/CN=other", "book.example.com,DNS:other"])
def test_certificate_needs_the_name_of_a_host(
    tmp_path: Path, host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert make_certificate.main({"HOST": host}, tmp_path / "none") == make_certificate.WRONG_SETTING
    assert "HOST= names the site" in capsys.readouterr().err
    assert not tmp_path.joinpath("none").exists()


# Alarms


def test_prometheus_tells_alertmanager(base: dict[str, Any]) -> None:
    told = yaml.safe_load(ROOT.joinpath("deploy/prometheus/prometheus.yml").read_text())
    ((target,),) = (each["targets"] for each in told["alerting"]["alertmanagers"][0]["static_configs"])
    name, port = target.split(":")
    assert base["services"][name]["ports"][0].endswith(f":{port}")


def test_alertmanager_reads_its_receivers_from_a_secret(base: dict[str, Any]) -> None:
    part = base["services"]["alertmanager"]
    assert part["secrets"] == ["alertmanager.yml"]
    assert "--config.file=/run/secrets/alertmanager.yml" in part["command"]
    documented = re.findall(r"^    (route:\n(?:    .*\n|\n)+)", OPERATIONS, re.M)
    for text in (DEMO_RECEIVER, drill.ALERTS, *(re.sub("^    ", "", one, flags=re.M) for one in documented)):
        said = yaml.safe_load(text)
        assert said["route"]["receiver"] in {each["name"] for each in said["receivers"]}
    assert documented


# The back-ups

SERVICES = ("ui", "backend", "payment", "loyalty")
Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if find_binaries() is None:
        pytest.skip("no PostgreSQL here")
    with private_server(durable=False) as started:
        for name in SERVICES:
            started.run(
                f"CREATE ROLE {name}_owner LOGIN PASSWORD '{started.password}'; "
                f"CREATE DATABASE {name} OWNER {name}_owner"
            )
        yield started


@pytest.fixture
def script(server: Server, tmp_path: Path) -> Script:
    """The script of the container, with other folders and another server."""
    secrets, backups = tmp_path / "secrets", tmp_path / "backups"
    for folder in (secrets, backups):
        folder.mkdir()
    for name in SERVICES:
        secrets.joinpath(f"{name}_owner_url").write_text(server.url(name, role=f"{name}_owner"))
    text = ROOT.joinpath("deploy/postgres/backup.sh").read_text()
    for there, here in (
        ("/var/lib/postgresql/data", str(backups)),
        ("/run/secrets", str(secrets)),
        ("PGHOST=postgres", f"PGHOST={HOST} PGPORT={server.port}"),
    ):
        assert text.count(there) == 1
        text = text.replace(there, here)
    file = tmp_path / "backup.sh"
    file.write_text(text)
    file.chmod(0o755)
    environment = {"PATH": f"{server.binaries}:{os.environ['PATH']}"}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(file), *words], env=environment, capture_output=True, text=True, check=False
        )

    return run


def ask(server: Server, name: str, sql: str) -> str:
    psql = [str(server.binaries / "psql"), "-qXAt", server.url(name, role=f"{name}_owner"), "--command", sql]
    return subprocess.run(psql, check=True, capture_output=True, text=True).stdout.strip()


def test_databases_are_restored_to_what_was_backed_up(server: Server, script: Script) -> None:
    for name in SERVICES:
        ask(server, name, "DROP TABLE IF EXISTS said; CREATE TABLE said AS SELECT 'first' AS text")
    assert script("check").returncode == 1
    made = script("now")
    folder = made.stdout.strip()
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}Z", folder)
    assert script("check").returncode == 0
    assert folder in script("list").stdout
    for name in SERVICES:
        ask(server, name, "UPDATE said SET text = 'later'; DROP TABLE IF EXISTS later; CREATE TABLE later ()")
    assert script("restore", folder, "payment").returncode == 0
    assert ask(server, "payment", "SELECT text FROM said") == "first"
    assert ask(server, "payment", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == "said"
    assert ask(server, "ui", "SELECT text FROM said") == "later"
    assert script("restore", folder).returncode == 0
    assert {ask(server, name, "SELECT text FROM said") for name in SERVICES} == {"first"}
    # And what was restored can be backed up.
    assert script("now").returncode == 0


def test_services_are_told_when_the_newest_back_up_was_made(
    server: Server, script: Script, tmp_path: Path
) -> None:
    """Those of which the database has a place for it."""
    table = "CREATE TABLE security_newest_backup (id bigint PRIMARY KEY, made_at timestamptz)"
    age = "SELECT round(extract(epoch FROM now() - made_at) / 3600) FROM security_newest_backup"
    ask(server, "payment", table)
    assert script("note").returncode == 0
    assert ask(server, "payment", age) == ""
    folder = script("now").stdout.strip()
    assert ask(server, "payment", age) == "0"
    then = time.time() - 26 * 3600
    os.utime(tmp_path / "backups" / folder, (then, then))
    assert (script("note").returncode, script("check").returncode) == (0, 1)
    assert ask(server, "payment", age) == "26"
    # What is restored knows of no back-up, and is told of the one that it comes from.
    assert script("restore", folder, "payment").returncode == 0
    assert ask(server, "payment", age) == "26"
    ask(server, "payment", "DROP TABLE security_newest_backup")


def test_back_up_that_is_not_whole_is_not_restored(server: Server, script: Script, tmp_path: Path) -> None:
    for name in SERVICES:
        ask(server, name, "DROP TABLE IF EXISTS said; CREATE TABLE said AS SELECT 'first' AS text")
    folder = script("now").stdout.strip()
    dump = tmp_path / "backups" / folder / "loyalty.dump"
    dump.write_bytes(dump.read_bytes()[:-20])
    ask(server, "ui", "UPDATE said SET text = 'later'")
    refused = script("restore", folder)
    assert refused.returncode != 0 and "loyalty.dump" in refused.stdout + refused.stderr
    assert ask(server, "ui", "SELECT text FROM said") == "later"


def test_nothing_is_restored_under_a_service_that_runs(server: Server, script: Script) -> None:
    folder = script("now").stdout.strip()
    psql = [str(server.binaries / "psql"), "-qXAt", server.url("loyalty", role="loyalty_owner")]
    with subprocess.Popen(psql, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdin and service.stdout
        service.stdin.write("SELECT 1;\n")
        service.stdin.flush()
        assert service.stdout.readline() == "1\n"
        refused = script("restore", folder)
        service.stdin.close()
    assert refused.returncode == 1
    assert "1 connections use the database of loyalty: stop the services first" in refused.stderr


def test_failed_back_up_leaves_none_that_looks_whole(server: Server, script: Script, tmp_path: Path) -> None:
    address = tmp_path.joinpath("secrets", "loyalty_owner_url")
    address.write_text(address.read_text().replace(server.password, "wrong"))
    assert script("now").returncode != 0
    assert script("list").stdout == ""
    assert script("check").returncode == 1


def test_back_up_container_ends_when_it_is_told_to(base: dict[str, Any]) -> None:
    """The signal of PostgreSQL's image is SIGINT, which bash heeds after its sleep of minutes only."""
    assert base["services"]["backup"]["stop_signal"] == "SIGTERM"


def test_back_up_container_says_how_it_is_used(script: Script) -> None:
    told = script("restore")
    assert told.returncode == 2 and "restore FOLDER [SERVICE...]" in told.stdout


# The drill


@contextmanager
def listening(handler: type[BaseRequestHandler]) -> Iterator[int]:
    """The port."""
    with ThreadingTCPServer((HOST, 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_receiver_prints_each_recipient_of_a_mail(capfd: pytest.CaptureFixture[str]) -> None:
    with listening(receiver.Mail) as port, smtplib.SMTP(HOST, port, timeout=10) as mailer:
        mailer.sendmail(
            "a@example.com", ["ada@example.com", "bob@example.com"], "Subject: Trip\n\nmail <x>\n"
        )
    assert capfd.readouterr().out == "mail <ada@example.com>\nmail <bob@example.com>\n"


def test_receiver_prints_each_alarm(capfd: pytest.CaptureFixture[str]) -> None:
    alarms = [{"labels": {"alertname": "ServiceDown"}, "status": one} for one in ("firing", "resolved")]
    with listening(receiver.Webhook) as port, closing(HTTPConnection(HOST, port, timeout=10)) as caller:
        caller.request("POST", "/", json.dumps({"alerts": alarms}))
        assert caller.getresponse().status == 200
    assert capfd.readouterr().out == "alarm ServiceDown firing\nalarm ServiceDown resolved\n"


def test_the_drill_uses_commands_of_the_documentation() -> None:
    source = ROOT.joinpath("scripts/drill/__main__.py").read_text()
    # Nobody loses a back-up on purpose.
    commands = set(re.findall(r"run\(f?\"((?:docker|make) [^\"{]*)", source)) - {
        "docker compose exec backup rm -r "
    }
    assert len(commands) >= 8
    for command in [drill.UP, *commands]:
        # One sentence says it for all commands of a service's folder.
        written = command.removesuffix("HOST=localhost").removeprefix("docker compose exec ui ").strip()
        assert written in OPERATIONS, command
    assert "put `docker compose exec ui` in front" in OPERATIONS
    assert f"docker compose cp backup:{drill.BACKUPS}/. ./backups " in OPERATIONS
    assert f"docker compose exec -T backup tar -x -C {drill.BACKUPS}\n" in OPERATIONS
