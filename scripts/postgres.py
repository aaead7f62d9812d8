"""A PostgreSQL server for tests: the one that is named or runs here, else a private one.

python -m scripts.postgres test [NAME...] [-- pytest options]    `make test-postgres`
python -m scripts.postgres replicas [-- pytest options]    `make test-replicas`
python -m scripts.postgres serve            a private server until Ctrl-C; prints an address per service

The private one is started from installed binaries, in a temporary folder and under an ordinary account,
with a database and a role for each service.
"""

import os
import pwd
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts import check, checks
from scripts.booking_suite import SERVERS
from scripts.paths import VENV_PYTHON
from scripts.ports import free_ports
from scripts.service import HOST
from scripts.signals import ended_by_signals, wait_for_signal

SERVICES = tuple(name for name, _, _ in SERVERS)
ADMIN = "saga_admin"
PORT = 5432
ACCOUNTS = ("postgres", "nobody")
DEBIAN_BINARIES = Path("/usr/lib/postgresql")
MAY_MAKE_DATABASES = """
import sys, psycopg
sql = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
sys.exit(not psycopg.connect(sys.argv[1], connect_timeout=2).execute(sql).fetchone()[0])
"""
MISSING = """No PostgreSQL for the tests. Any of these will do:
  TEST_DATABASE_URL=postgres://user@host:port/  of a role that may make databases
  a server on 127.0.0.1:5432 that lets this user in and make databases
  its binaries: apt-get install postgresql (or initdb and pg_ctl on the PATH)"""
MISSING_BINARIES = "No initdb and pg_ctl on the PATH; apt-get install postgresql brings them."


class NoPostgresError(Exception):
    """There is no server and no way to start one; the message says what would do."""


@dataclass(frozen=True)
class Server:
    """A running private server."""

    port: int
    password: str
    binaries: Path
    data: Path

    @property
    def pid(self) -> int:
        return int(self.data.joinpath("postmaster.pid").read_text().split()[0])

    def url(self, database: str, role: str = ADMIN) -> str:
        return f"postgres://{role}:{self.password}@{HOST}:{self.port}/{database}"

    def restart(self, *, mode: str = "fast") -> None:
        """At once, as an administrator would: what is connected is cut off. `immediate` is a crash."""
        words = ("-D", str(self.data), "-m", mode, "-l", str(self.data.parent / "log"), "-w", "restart")
        _run(self.binaries / "pg_ctl", _account(), *words)

    def run(self, sql: str) -> None:
        """As its administrator. Raises CalledProcessError."""
        psql = [str(self.binaries / "psql"), "-qX", "-v", "ON_ERROR_STOP=1", self.url("postgres")]
        subprocess.run(psql, input=sql, text=True, check=True, stdout=subprocess.DEVNULL)

    def make_databases(
        self, names: Sequence[str] = SERVICES, *, within: Path | None = None
    ) -> dict[str, str]:
        """A database and a role that owns it for each name, which no other role may enter; the addresses.

        `within` is an empty folder that gets their tables; the write-ahead log stays with the server.
        """
        if within:
            if account := _account():
                shutil.chown(within, account)
            self.run(f"CREATE TABLESPACE apart LOCATION '{within}'")
        where = "TABLESPACE apart" if within else ""
        for name in names:
            self.run(
                f"CREATE ROLE {name} LOGIN PASSWORD '{self.password}';"
                f"CREATE DATABASE {name} OWNER {name} {where};"
                f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;"
            )
        return {name: self.url(name, role=name) for name in names}


@contextmanager
def private_server(*, durable: bool = True, connections: int = 200) -> Iterator[Server]:
    """Raises NoPostgresError. Without `durable` no commit waits for the disk: for tests, which want speed."""
    binaries = find_binaries()
    if binaries is None:
        raise NoPostgresError(MISSING_BINARIES)
    with tempfile.TemporaryDirectory(prefix="saga-postgres-") as name:
        folder, account = Path(name), _account()
        server = Server(free_ports(1)[0], secrets.token_hex(16), binaries, folder / "data")
        (folder / "password").write_text(server.password)
        if account:
            for path in (folder, folder / "password"):
                shutil.chown(path, account)
        secret = ("-A", "scram-sha-256", f"--pwfile={folder / 'password'}")
        _run(
            binaries / "initdb",
            account,
            "-D",
            str(server.data),
            "-U",
            ADMIN,
            "-E",
            "UTF8",
            "--no-sync",
            *secret,
        )
        control = (binaries / "pg_ctl", account, "-D", str(server.data))
        options = f"-p {server.port} -c listen_addresses={HOST} -c unix_socket_directories=''"
        options += f" -c max_connections={connections} -c fsync={'on' if durable else 'off'}"
        _run(*control, "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield server
        finally:
            _run(*control, "-m", "immediate", "stop")


def find_binaries() -> Path | None:
    """The folder of initdb and pg_ctl: on the PATH, or where Debian keeps its newest."""
    if (found := shutil.which("initdb")) and shutil.which("pg_ctl"):
        return Path(found).resolve().parent
    versions = [path for path in DEBIAN_BINARIES.glob("*/bin") if (path / "initdb").exists()]
    return max(versions, key=lambda path: int(path.parent.name), default=None)


def _account() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid():
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ACCOUNTS if name in names)


def _run(program: Path, account: str | None, *words: str) -> None:
    subprocess.run([program, *words], check=True, stdout=subprocess.DEVNULL, user=account, cwd="/")


@contextmanager
def server_for_tests() -> Iterator[str]:
    """The address of a server, without a database, where the tests make and drop databases of their own."""
    if url := os.environ.get("TEST_DATABASE_URL") or _on_loopback():
        yield url.rstrip("/")
        return
    if find_binaries() is None:
        raise NoPostgresError(MISSING)
    with private_server(durable=False) as server:
        yield server.url("").rstrip("/")


def _on_loopback() -> str | None:
    users = dict.fromkeys([os.environ.get("PGUSER", ""), pwd.getpwuid(os.geteuid()).pw_name, "postgres"])
    urls = [f"postgres://{user}@{HOST}:{PORT}" for user in users if user]
    return next((url for url in urls if _may_make_databases(url)), None)


def _may_make_databases(url: str) -> bool:
    command = [str(VENV_PYTHON), "-c", MAY_MAKE_DATABASES, f"{url}/postgres"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test(words: Sequence[str]) -> int:
    names, options = check.split(words)
    try:
        with server_for_tests() as url:
            known = checks.suites_on_postgres(url, options)
            return check.run([each for each in known if not names or each.name in names])
    except NoPostgresError as error:
        print(error, file=sys.stderr)
        return 1


def test_replicas(words: Sequence[str]) -> int:
    if find_binaries() is None:
        print(MISSING_BINARIES, file=sys.stderr)
        return 1
    _, options = check.split(words)
    return check.run([checks.replicas(options)])


def serve() -> int:
    with private_server() as server:
        for name, url in server.make_databases().items():
            print(f"{name.upper()}_DATABASE_URL={url}", flush=True)
        try:
            wait_for_signal()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    verb, *given = sys.argv[1:]
    verbs = {"test": lambda: test(given), "replicas": lambda: test_replicas(given), "serve": serve}
    sys.exit(ended_by_signals(verbs[verb]))
