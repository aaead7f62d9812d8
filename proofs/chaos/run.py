"""One run: load and faults, then quiet, then the books."""

import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from proofs.chaos.aftermath import aftermath
from proofs.chaos.arena import Arena, arena
from proofs.chaos.clock import Clock
from proofs.chaos.deploys import Deployed, Deployer
from proofs.chaos.expiry import let_expire
from proofs.chaos.given import Given
from proofs.chaos.killer import Killer
from proofs.chaos.load import Load
from proofs.chaos.offers import find_offers
from proofs.chaos.plan import Plan
from proofs.chaos.profiles import TERMINAL_WITHIN, Profile
from proofs.chaos.progress import Progress
from proofs.chaos.releases import Release, releases
from proofs.chaos.report import report
from proofs.chaos.standing import AWAY, longest_end, open_of_all, open_sagas, statuses
from proofs.chaos.takeovers import claims, take_overs
from proofs.chaos.trouble import complaints
from proofs.chaos.vandal import Vandal
from proofs.chaos.verdict import Evidence, Verdict, judge
from proofs.spec import records
from saga_checker.books import Books, Told
from saga_checker.invariants import check

POLL = 0.2
HOUSEKEEPING_EVERY = 60.0


@dataclass(frozen=True)
class Order:
    profile: Profile
    database: str
    engine: str
    folder: Path
    "gets the databases, the log and the report"
    whole: bool
    "the profile's full time, not less"

    @property
    def title(self) -> str:
        return f"DB={self.database} ENGINE={self.engine} PROFILE={self.profile.name}"

    @property
    def report(self) -> Path:
        return self.folder / "report.html"


def run(plan: Plan, order: Order) -> Verdict:
    """Raises KeyboardInterrupt when it is interrupted; everything that was started is ended in any case."""
    clock, given = Clock(), Given(order.folder / "clients.jsonl")
    environment = {**order.profile.environment, "SAGA_ENGINE": order.engine}
    with ExitStack() as stack:
        both = stack.enter_context(releases()) if order.profile.deploy_every else None
        field = stack.enter_context(
            arena(
                order.folder,
                plan,
                clock,
                database=order.database,
                environment=environment,
                change=both[0].run if both else lambda service: service,
            )
        )
        evidence = _Run(field, plan, order, clock, given, both).go()
        given.close()
        books = Books(field.databases, Told(clients=given.ids(), direct_calls=False, logs=[field.log]))
        with books:
            results = check(books, snapshot=False)
            verdict = judge(
                books,
                given,
                evidence,
                order.profile,
                whole=order.whole,
                results=results,
                modelled=records.check(books, seed=plan.seed),
            )
            page = report(order.title, plan, books, evidence, verdict, clock.of)
        order.report.write_text(page, encoding="utf-8")
    return verdict


class _Run:
    def __init__(
        self,
        field: Arena,
        plan: Plan,
        order: Order,
        clock: Clock,
        given: Given,
        both: tuple[Release, Release] | None,
    ) -> None:
        self._field, self._plan, self._order = field, plan, order
        self._clock, self._given = clock, given
        self._vandal = Vandal(field.spoiled, plan.outages, clock)
        self._killer = Killer(field.suite, plan, clock, field.databases["backend"])
        every, log = order.profile.deploy_every, field.databases["backend"]
        self._deployer = Deployer(field.suite, both, every, log) if both else None
        self._load = Load(
            field.backend,
            find_offers(field.backend),
            given,
            plan,
            order.profile.clients,
            partial(let_expire, field.databases["payment"]),
        )
        self._phase = ""

    def go(self) -> Evidence:
        with Progress(self._line):
            self._disturb()
            return self._settle()

    def _disturb(self) -> None:
        self._phase = "faults"
        self._clock.start()
        self._field.network.begin()
        self._killer.start()
        self._vandal.start()
        if self._deployer:
            self._deployer.start()
        try:
            self._load.start()
            while (left := self._plan.seconds - self._clock()) > 0:
                time.sleep(min(left, HOUSEKEEPING_EVERY))
                self._field.expire_payments()
        finally:
            self._vandal.stop()
            self._killer.stop()
            if self._deployer:
                self._deployer.stop()

    def _settle(self) -> Evidence:
        """The faults are off."""
        self._phase = "settling"
        calm, calm_at, network = self._clock(), datetime.now(UTC), self._field.network
        network.end_faults()
        self._load.stop()
        until = calm + TERMINAL_WITHIN
        self._field.suite.wait_ready(TERMINAL_WITHIN)
        self._load.ask_again(self._clock, until)
        self._load.act_as_operator(self._clock, until)
        self._field.expire_payments()
        # Who had no answer has just booked: what they wait for begins now, and not with the calm.
        is_quiet = self._wait_until_quiet(self._clock() + TERMINAL_WITHIN)
        quiet_after = longest_end(self._field.databases["backend"], calm_at) if is_quiet else None
        last = self._book_one()
        return Evidence(
            seconds=calm,
            struck=self._killer.struck,
            outages=aftermath(
                self._plan.outages,
                self._vandal.happened,
                self._vandal.left_out,
                self._vandal.failed,
                claims(self._field.log),
                self._clock,
            ),
            calls=network.calls,
            quiet_after=quiet_after,
            last_booking=last,
            old_calls=network.deliver_old_calls(),
            complaints=complaints(self._field.log),
            take_overs=take_overs(self._killer.deaths, claims(self._field.log)),
            deployed=self._deployer.deployed if self._deployer else Deployed(),
        )

    def _book_one(self) -> str:
        told = self._load.book_one()
        self._wait_until_quiet(self._clock() + TERMINAL_WITHIN)
        return told

    def _wait_until_quiet(self, until: float) -> bool:
        while left := self._open():
            if self._clock() > until:
                return False
            time.sleep(min(POLL, left))
        return True

    def _open(self) -> int:
        try:
            return open_of_all(self._field.databases["backend"])
        except AWAY:
            return 1

    def _line(self) -> str:
        try:
            counts = statuses(self._field.databases["backend"])
        except AWAY:
            counts = {}
        faults = sum(bool(call.fault) for call in self._field.network.calls)
        away = [name for name in self._field.suite.names if not self._field.suite.pid(name)]
        return (
            f"{self._phase:<8} {self._clock():5.0f}/{self._plan.seconds:.0f} s"
            f"  {sum(counts.values()):>6,} sagas: {counts.get('COMPLETED', 0):,} completed,"
            f" {counts.get('COMPENSATED', 0):,} compensated, {open_sagas(counts):,} open"
            f"  {len(self._killer.struck):>4,} strikes  {faults:>6,} faults"
            f"  {len(self._vandal.happened):>3,} of databases"
            f"  {'away: ' + ', '.join(away) if away else ''}"
        )
