"""`make production-drill`: deploys a fresh clone for production as docs/operations.md says, and tries it.

    python -m scripts.drill [--keep]

Needs a Docker engine, openssl and the ports 80, 443, 3000, 9090 and 9093. Everything is removed at the end;
`--keep` leaves it to look at until the next drill. What each command has printed is in
build/production-drill.log.
Exit codes: 0 all done, 1 something is not as it should be.
"""

import json
import re
import secrets
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import requests

from scripts.drill import board, runbooks
from scripts.drill.deployment import Deployment, DrillError, until
from scripts.drill.receiver import MAIL_PORT, WEBHOOK_PORT
from scripts.paths import ROOT
from scripts.signals import ended_by_signals
from scripts.site import LOGIN_CODE, Site, SiteError

LOG = ROOT / "build" / "production-drill.log"
ADDRESS = "https://localhost"
UP = "docker compose up -d --wait"
ALERTS = f"""\
route:
  receiver: operators
  group_by: [alertname]
  group_wait: 10s
  group_interval: 10s
receivers:
  - name: operators
    webhook_configs:
      - url: http://receiver:{WEBHOOK_PORT}/
"""
TOOLS = {"prometheus": 9090, "alertmanager": 9093, "grafana": 3000}
TARGETS = {"ui", "backend", "loyalty", "payment", "recovery"}
DOWN, UNDOES = "loyalty", "payment"
OPERATOR, PERSON = "grace", "bob"
CONSOLE = "/console/"
SAGA = re.compile(r"/console/([0-9a-f-]{36})/")
PROMETHEUS = "http://127.0.0.1:9090"
SCRAPED_WITHIN = 60.0
SAGAS = "docker compose exec backend python manage.py sagas"
BACKUPS = "/var/lib/postgresql/data"
STARTED = time.monotonic()


class Drill:
    def __init__(self, folder: Path) -> None:
        self.deployment = Deployment(folder, LOG)
        self.run = self.deployment.run
        self.password = secrets.token_urlsafe(12)
        "of every account"
        self.references: list[str] = []
        self.recovery_codes: list[str] = []

    def steps(self) -> Iterator[tuple[str, Callable[[], object]]]:
        yield "a clone, its secrets, a certificate and the settings", self.prepare
        yield "images built, all containers up and healthy", self.start
        yield "nothing but the proxy is published to the network", self.check_ports
        yield "HTTP leads to HTTPS, with HSTS; the data services cannot be reached", self.check_doors
        yield "an account, and a booking with it", self.register_and_book
        yield "an operator, whose console opens with a second factor only", self.make_operator
        yield "Prometheus has its targets and rules, Alertmanager and Grafana answer", self.check_tools
        yield "every panel of the board has data", self.check_board
        yield "an alarm reaches its receiver, and its end", self.alarm
        yield "a mail with the tickets reaches the mail server", self.mail
        yield "a compensation that is stuck is an alarm, and goes on as its runbook says", self.unstick
        yield "every command of the runbooks, in the containers", self.try_runbooks
        yield "every container restarted, a booking after each", self.restart_each
        yield "the services' keys rolled, a booking after each step", self.roll_keys
        yield "a back-up, a booking after it, and the back-up restored", self.back_up_and_restore
        yield "a back-up of what was restored", self.back_up
        yield "a person exported and erased; the operator's second factor taken away", self.look_after_people

    def prepare(self) -> None:
        self.deployment.clone()
        self.run("make secrets")
        self.run("make certificate HOST=localhost")
        self.deployment.write_secret("alertmanager.yml", ALERTS)
        self.deployment.settings(
            ALLOWED_HOSTS="localhost",
            PAYMENT_GATEWAY="simulated",
            EMAIL_HOST="receiver",
            EMAIL_PORT=str(MAIL_PORT),
            EMAIL_USE_TLS="0",
        )

    def start(self) -> None:
        self.run(UP)
        self.deployment.start_receiver()

    def check_ports(self) -> None:
        seen = self.deployment.published()
        wide = {(name, port) for name, address, port in seen if address != "127.0.0.1"}
        narrow = {(name, port) for name, address, port in seen if address == "127.0.0.1"}
        if wide != {("proxy", 80), ("proxy", 443)} or narrow != set(TOOLS.items()):
            raise DrillError(f"published are {seen}")

    def check_doors(self) -> None:
        plain = requests.get("http://localhost/trips/?show=past", allow_redirects=False, timeout=10)
        led = plain.headers.get("Location")
        if (plain.status_code, led) != (301, f"{ADDRESS}/trips/?show=past"):
            raise DrillError(f"HTTP answers {plain.status_code} {led}")
        if "max-age" not in self.site.get("/").headers.get("Strict-Transport-Security", ""):
            raise DrillError("there is no HSTS")
        for path in ("/metrics", "/api/saga/start-booking/", "/outbox/"):
            status = requests.get(ADDRESS + path, verify=self.certificate, timeout=10).status_code
            if status != 404:
                raise DrillError(f"{path} answers {status}")

    @cached_property
    def site(self) -> Site:
        """In a browser that stays open, and so logged in, over whatever happens to the deployment."""
        return Site(ADDRESS, verify=self.certificate)

    @cached_property
    def certificate(self) -> str:
        return str(self.deployment.secret("tls_certificate"))

    def register_and_book(self) -> None:
        self.site.register("ada", self.password)
        self.book("registered")

    def book(self, after: str) -> None:
        self.deployment.wait_until_healthy()
        reference = self.site.book()
        self.references.append(reference)
        say(f"  {after}: {reference}")

    def make_operator(self) -> None:
        """In a browser of the operator's own, which then logs in anew."""
        operator = Site(ADDRESS, verify=self.certificate)
        operator.register(OPERATOR, self.password)
        self.recovery_codes = operator.set_up_second_factor(self.password)
        self.run(
            f"docker compose exec ui python manage.py set_role {OPERATOR} operator --reason 'first operator'"
        )
        self.site.is_refused(CONSOLE)
        self.look_at_console()

    def look_at_console(self) -> str:
        """The id of a saga in it, after a new login."""
        operator = Site(ADDRESS, verify=self.certificate)
        operator.log_in(OPERATOR, self.password, self.recovery_codes.pop())
        found = SAGA.search(operator.get(CONSOLE).text)
        if found is None:
            raise DrillError("the console shows no saga")
        return found[1]

    def check_tools(self) -> None:
        told = requests.get(f"{PROMETHEUS}/api/v1/targets?state=active", timeout=10).json()
        up = {each["labels"]["job"] for each in told["data"]["activeTargets"] if each["health"] == "up"}
        if up != TARGETS:
            raise DrillError(f"of Prometheus' targets these are up: {up}")
        if (working := board.alarms_working(PROMETHEUS)) != board.alarms_written():
            raise DrillError(f"of the alarms these work: {working}")
        for name, path in (("alertmanager", "/-/ready"), ("grafana", "/api/health")):
            requests.get(f"http://127.0.0.1:{TOOLS[name]}{path}", timeout=10).raise_for_status()

    def check_board(self) -> None:
        """Once a booking, and one that is undone, are a minute's rate."""
        self.site.cancel(self.references.pop())
        self.book("cancelled one")
        until(
            lambda: not board.without_data(PROMETHEUS),
            SCRAPED_WITHIN,
            lambda: f"panels without data: {board.without_data(PROMETHEUS)}",
        )

    def alarm(self) -> None:
        self.run(f"docker compose stop {DOWN}")
        self.deployment.wait_for("alarm ServiceDown firing")
        self.run(UP)
        self.deployment.wait_for("alarm ServiceDown resolved")

    def unstick(self) -> None:
        fires, ends = (f"alarm StuckCompensation {how}" for how in ("firing", "resolved"))
        fired, ended = map(self.deployment.received, (fires, ends))
        self.run(f"docker compose stop {UNDOES}")
        self.site.cancel(self.references.pop())
        self.deployment.wait_for(fires, more_than=fired)
        listed = self.run(f"{SAGAS} list --needs-attention --json")
        saga = json.loads(listed.splitlines()[-1])["correlation_id"]
        self.run(UP)
        self.run(f"{SAGAS} retry {saga} --reason 'payment is back' --actor {OPERATOR}")
        self.deployment.wait_for(ends, more_than=ended)
        self.book("cancelled one")

    def mail(self) -> None:
        self.deployment.wait_for("mail <ada@example.com>")

    def try_runbooks(self) -> None:
        for command in runbooks.in_containers(self.look_at_console()):
            self.run(f"sh -c {shlex.quote(command)}")

    def look_after_people(self) -> None:
        """Somebody without a trip, which an erasure would wait for."""
        person = Site(ADDRESS, verify=self.certificate)
        person.register(PERSON, self.password)
        told = self.run(f"docker compose exec ui python manage.py export_person {PERSON}")
        if f"{PERSON}@example.com" not in told:
            raise DrillError("the export has no address")
        self.run(f"docker compose exec ui python manage.py erase_person {PERSON} --reason 'asked by mail'")
        self.run(f"docker compose exec ui python manage.py end_sessions {OPERATOR} --reason 'lost telephone'")
        self.run(
            f"docker compose exec ui python manage.py take_second_factor {OPERATOR} --reason 'lost telephone'"
        )
        operator = Site(ADDRESS, verify=self.certificate)
        if operator.submit("/account/login/", username=OPERATOR, password=self.password) == LOGIN_CODE:
            raise DrillError("the second factor is still asked for")
        if operator.leads_to(CONSOLE) != "/account/factor/":
            raise DrillError("the console opens without a second factor")

    def restart_each(self) -> None:
        for name in self.deployment.running():
            self.run(f"docker compose restart {name}")
            self.book(f"restarted {name}")

    def roll_keys(self) -> None:
        """Without the pause before the last step: no token of before is used here afterwards."""
        for step in ("publish", "sign", "drop"):
            self.run(f"make roll-keys STEP={step}")
            self.run(f"{UP} --force-recreate")
            self.book(f"keys after {step}")

    def back_up_and_restore(self) -> None:
        before = self.references[-1]
        folder = self.back_up()
        self.book("after the back-up")
        after = self.references.pop()
        self.bring_back(folder)
        self.run("docker compose stop")
        self.run(f"{UP} postgres")
        self.run(f"docker compose run --rm --no-deps backup restore {folder}")
        self.run(UP)
        self.deployment.wait_until_healthy()
        if not self.site.has_trip(before) or self.site.has_trip(after):
            raise DrillError(f"restored is not what was backed up: {before} before it, {after} after it")
        self.run("docker compose exec backend python manage.py audit_sagas --since 2026-01-01")
        self.book("restored")
        self.look_at_console()

    def bring_back(self, folder: str) -> None:
        """From the copy, as if the container's own were lost with its disk."""
        self.run(f"docker compose exec backup rm -r {BACKUPS}/{folder}")
        copied = f"tar -c -C backups {folder} | docker compose exec -T backup tar -x -C {BACKUPS}"
        self.run(f"sh -c {shlex.quote(copied)}")

    def back_up(self) -> str:
        folder = self.run("docker compose exec backup /backup.sh now").splitlines()[-1]
        if folder not in self.run("docker compose exec backup /backup.sh list"):
            raise DrillError(f"{folder} is not listed")
        self.run(f"docker compose cp backup:{BACKUPS}/. ./backups")
        if not self.deployment.folder.joinpath("backups", folder).is_dir():
            raise DrillError(f"{folder} is not where the copies of before are")
        say(f"  {folder}")
        return folder


def say(text: str) -> None:
    minutes, seconds = divmod(round(time.monotonic() - STARTED), 60)
    print(f"{minutes:3d}:{seconds:02d}  {text}", flush=True)


@contextmanager
def deployed(*, keep: bool) -> Iterator[Drill]:
    LOG.parent.mkdir(exist_ok=True)
    LOG.write_text("")
    folder = Path(tempfile.mkdtemp(prefix="production-drill-"))
    drill = Drill(folder / "clone")
    # Also what is left of one that was interrupted or kept.
    Deployment(ROOT, LOG).remove()
    try:
        yield drill
    finally:
        if keep:
            say(f"kept in {drill.deployment.folder}")
        else:
            Deployment(ROOT, LOG).remove()
            shutil.rmtree(folder)


def main(options: Sequence[str]) -> int:
    try:
        with deployed(keep="--keep" in options) as drill:
            for number, (what, step) in enumerate(drill.steps(), start=1):
                say(f"{number}. {what}")
                step()
    except (DrillError, SiteError, requests.RequestException) as error:
        say(f"FAILED: {error}")
        return 1
    say(f"all done, {len(drill.references)} bookings")
    return 0


if __name__ == "__main__":
    sys.exit(ended_by_signals(lambda: main(sys.argv[1:])))
