"""`make restore-drill`: services restored to different moments, and settled as the documentation says.

While clients book, change and cancel, back-ups are made. Then everything is killed, and the services are
restored to moments that do not fit. The auditor has to name every saga that the checker, which shares no code
with it, finds wrong; `manage.py settle_restore` has to leave nothing to name. The same holds between payment
and the bank, whose books stay as they were last, for `manage.py settle_provider`. And the pages say what is
true.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from proofs.e2e import restore_bank
from proofs.e2e.desk import Addresses, Desk, wait
from proofs.e2e.restore_load import KINDS, Load, booking, wait_until_quiet
from proofs.e2e.restore_pages import Pages
from proofs.e2e.running import SHORT
from saga_checker.books import Books, Told
from saga_checker.invariants import check
from scripts.backups.backup import back_up
from scripts.backups.restore import restore
from scripts.booking_suite import SERVERS, Config, booking_suite, folder, settings_of
from scripts.console import Console
from scripts.paths import VENV_PYTHON
from scripts.postgres import private_server
from scripts.prepare import prepare
from scripts.suite import Suite

BOOKINGS, CLIENTS = 120, 4
SETTINGS = {**SHORT, "SETTLE_AFTER_SECONDS": "0.5", "LOG_LEVEL": "ERROR"}
LONG_AGO = ("--since", "2000-01-01", "--settled", "0")
MOMENTS = ("first", "last")
VERBS = ("AGAIN", "UNDO", "CANCEL", "NOTE", "PERSON")
NAMED = re.compile(r"(?:DRIFT|LOST) (\S+) ")
ALL = ("ui", "backend", "payment", "loyalty")
NEWER = "bank"
STORY: dict[str, tuple[str, ...]] = {
    "as it was made": (),
    "the backend is older": ("backend",),
    "the participants are older": ("payment", "loyalty"),
    "payment is older": ("payment",),
    "loyalty is older": ("loyalty",),
    "the pages are older": ("ui",),
    "the pages are newer": ("backend", "payment", "loyalty"),
    "payment is older than its bank": ("payment", NEWER),
    "everything is older than the bank": (*ALL, NEWER),
}
"""Which services are restored to the first back-up and not to the last. The bank comes back with payment, as
if it had lost the same days; or, where it is named, stays as it was in the end."""
CHANGE = "change-trip"
WITHOUT_EFFECT = re.compile(
    "intent is in no event|is not recorded|are not what was answered|has not ended|call .* is open"
    r"|payment's record of AuthorizePayment is DONE|payment's entries are \['AUTHORIZED', 'CANCELLED'\]"
)
"""What the checker asks of a suite at rest too, and what moves no seat, money or mile: a participant that has
forgotten a call which was undone, or has answered it anew; a settlement that waits for its lost payment,
whose trip is named; a back-up of payment between the attempt to cancel and its outcome, after which payment
finishes the attempt, and nobody calls again. Money that is still held is told by other words."""


@dataclass(frozen=True)
class Provider:
    """What payment and the bank disagree about."""

    wrong: int
    "payments and holds that the checker finds wrong"
    unnamed: tuple[str, ...]
    "those that `settle_provider` has not named"
    unknown: int
    "named: money that the bank has, and payment does not know"
    believed: int
    "named: money that payment believes in, and the bank does not have"
    left: int
    still_wrong: int

    @property
    def is_settled(self) -> bool:
        return not (self.unnamed or self.left or self.still_wrong)


@dataclass(frozen=True)
class Result:
    restored: str
    sagas: int
    drift: int
    lost: int
    wrong: int
    "sagas that the checker finds wrong"
    unnamed: tuple[str, ...]
    "what is wrong with those of them that the auditor has not named"
    left: int
    "named after settling"
    still_wrong: int
    settled: Mapping[str, int] = field(default_factory=dict)
    provider: Provider | None = None
    untrue: tuple[str, ...] = ()
    "what the pages show, and is not so"

    @property
    def is_good(self) -> bool:
        provider = self.provider.is_settled if self.provider else True
        wrong = self.unnamed or self.left or self.still_wrong or self.untrue or self.settled["PERSON"]
        return provider and not wrong


def drill(
    base: Path,
    databases: Mapping[str, str],
    *,
    bookings: int = BOOKINGS,
    told: Callable[[Counter[str]], object] = lambda between: None,
) -> Iterator[Result]:
    """`told` is called with what has happened between the back-ups."""
    (base / "live").mkdir()
    config = replace(Config.beside(base / "live", **SETTINGS), databases=databases)
    with (base / "log").open("w") as lines:
        console = Console(lines)
        prepare(config, console, seed=False)
        pages, between = _make_backups(config, base, console, bookings)
        told(between)
        newest = restore_bank.read(_addresses(config)["payment"])
        for name, older in STORY.items():
            _restore(config, base, console, older)
            provider = _with_newer_bank(config, newest) if NEWER in older else None
            result = _settled(config, base, console, name, partial(pages.untrue, came_back="ui" in older))
            yield replace(result, provider=provider)


def _make_backups(config: Config, base: Path, console: Console, bookings: int) -> tuple[Pages, Counter[str]]:
    suite = booking_suite(config, console=console)
    with suite:
        desk = _desk(suite)
        load, pages = Load(desk, bookings), Pages(desk, partial(_manage, config, "ui"))
        did: list[Counter[str]] = []
        visits = (pages.before_the_first, pages.before_the_last)
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(load.client) for _ in range(CLIENTS)]
            for number, (name, visit) in enumerate(zip(MOMENTS, visits, strict=True), start=1):
                load.wait_for(number * bookings // 3)
                with load.paused():
                    visit()
                back_up(config, base / name, console)
                did.append(Counter(load.did))
            for client in clients:
                client.result()
        suite.kill_all()
    first, last = did
    return pages, last - first


def _desk(suite: Suite) -> Desk:
    return Desk(Addresses(*(suite.url(name) for name in ("ui", "backend", "loyalty", "payment"))))


def _restore(config: Config, base: Path, console: Console, older: Collection[str]) -> None:
    first = [name for name in config.ports if name in older]
    for moment, services in zip(MOMENTS, (first, [*config.ports.keys() - {*first}]), strict=True):
        if services:
            restore(config, base / moment, console, only=services, overwrite=True)


def _with_newer_bank(config: Config, newest: restore_bank.Rows) -> Provider:
    """While the suite is stopped: nothing is repeated before the two agree."""
    restore_bank.put_back(_addresses(config)["payment"], newest)
    wrong = restore_bank.contradicted(_addresses(config))
    named = _manage(config, "payment", "settle_provider", *LONG_AGO[:2])
    unknown, believed = restore_bank.directions(named.splitlines())
    apply = ("--apply", "--reason", "the drill")
    settled = _manage(config, "payment", "settle_provider", *LONG_AGO[:2], *apply)
    (left, *_) = re.findall(r"(\d+) to settle", settled.splitlines()[-1])
    still = restore_bank.contradicted(_addresses(config))
    unnamed = tuple(f"{one} {text}" for one, text in wrong.items() if one not in named)
    return Provider(len(wrong), unnamed, unknown, believed, int(left), len(still))


def _settled(
    config: Config, base: Path, console: Console, name: str, look: Callable[[], Iterator[str]]
) -> Result:
    with booking_suite(config, console=console) as suite:
        desk = _desk(suite)
        wait_until_quiet(desk)
        wrong = _wrong(config)
        named, drift, lost = _audited(config)
        excused = named | _between_two_prices(config)
        settled = _manage(config, "backend", "settle_restore", *LONG_AGO, "--apply", "--reason", "the drill")
        _wait_until_nothing_is_open(desk)
        left, _, _ = _audited(config)
        desk.start(booking(5)).expect(200)
        untrue = tuple(look())
        _wait_until_nothing_is_open(desk)
        still = _wrong(config)
    told = [*map(str, sorted(wrong.items())), settled, *map(str, still.items()), *untrue]
    (base / f"{name}.txt").write_text("\n".join(told))
    return Result(
        name,
        _sagas(config),
        drift,
        lost,
        len(wrong),
        tuple(f"{cid} {'; '.join(texts)}" for cid, texts in wrong.items() if cid not in excused),
        len(left),
        len(still),
        {verb: len(re.findall(f"^{verb} ", settled, re.M)) for verb in VERBS},
        untrue=untrue,
    )


def _wait_until_nothing_is_open(desk: Desk) -> None:
    wait(lambda: not desk.open_sagas(), "no saga is open any more", within=120)


def _audited(config: Config) -> tuple[set[str], int, int]:
    """The sagas that the auditor names, and how many lines of each kind."""
    text = _manage(config, "backend", "audit_sagas", *LONG_AGO)
    assert "UNVERIFIED" not in text, text
    named = set(NAMED.findall(text))
    with Books(_addresses(config), Told()) as books:
        # The auditor names a settlement or a change where the checker names the trip, or the other way round.
        followers = [saga for saga in books.sagas.values() if saga.name in ("settle-trip", CHANGE)]
        trips = {saga.correlation_id: saga.booked["booking"] for saga in followers}
        named |= {trips[cid] for cid in named if cid in trips}
        named |= {cid for cid, trip in trips.items() if trip in named}
        # A lost change has no saga; payment knows whose trip it paid for.
        named |= {books.standing[cid].trip_id for cid in named if cid in books.standing}
    return named, text.count("DRIFT "), text.count("LOST ")


def _between_two_prices(config: Config) -> set[str]:
    """Trips whose change still goes on. They are not wrong yet, and looked at again when nothing is open."""
    with Books(_addresses(config), Told()) as books:
        changes = [saga for saga in books.sagas.values() if saga.name == CHANGE and not saga.is_terminal]
        return {change.booked["booking"] for change in changes}


def _wrong(config: Config) -> dict[str, list[str]]:
    """What the checker finds, by correlation id."""
    found: dict[str, list[str]] = {}
    with Books(_addresses(config), Told()) as books:
        for result in check(books, snapshot=False):
            for one in (one for one in result.findings.violations if not WITHOUT_EFFECT.search(one.text)):
                found.setdefault(one.correlation_id, []).append(one.text)
    found.pop("", None)  # Sums, which follow from the sagas.
    return found


def _sagas(config: Config) -> int:
    with Books(_addresses(config), Told()) as books:
        return len(books.sagas)


def _addresses(config: Config) -> dict[str, str]:
    return {
        name: config.databases.get(name, str(config.data_dir / f"{name}.sqlite3"))
        for name in ("backend", "payment", "loyalty")
    }


def _manage(config: Config, service: str, *command: str) -> str:
    package = next(package for name, package, _ in SERVERS if name == service)
    done = subprocess.run(  # noqa: S603  our own program
        [str(VENV_PYTHON), "manage.py", *command],
        cwd=folder(service),
        env=os.environ | settings_of(config, service, package),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1) and done.stdout, done.stderr
    return done.stdout


@contextmanager
def chosen_databases(kind: str) -> Iterator[Mapping[str, str]]:
    if kind != "postgres":
        yield {}
        return
    with private_server() as server:
        yield server.make_databases()


def main() -> int:
    bookings = int(os.environ.get("BOOKINGS") or BOOKINGS)
    good = True
    with (
        tempfile.TemporaryDirectory(prefix="restore-") as name,
        chosen_databases(os.environ.get("DB", "")) as urls,
    ):
        between: Counter[str] = Counter()
        for result in drill(Path(name), urls, bookings=bookings, told=between.update):
            sys.stdout.write(f"{result}\n")
            sys.stdout.flush()
            good = good and result.is_good
        missing = [kind for kind in KINDS if not between[kind]]
    sys.stdout.write(f"between the back-ups: {dict(between)}\n")
    if missing:
        sys.stdout.write(f"the drill does not count: nothing was {', '.join(missing)}\n")
    return 0 if good and not missing else 1


if __name__ == "__main__":
    sys.exit(main())
