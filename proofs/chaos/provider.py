"""Sagas that are paid through Stripe's API, of whose calls a quarter are lost, doubled or late:
`make chaos-provider` (SAGAS=1000, SEED=, DB=).

The suite runs undisturbed, and `localstripe` behind the proxy of payment's tests is the provider. Travellers
book, cancel and change until there are so many sagas. Then the provider answers again, everything has to end,
and three books have to agree to the cent: payment's ledger, the provider's, and the trips. The checker reads
the databases. Exit code 0 when nothing is wrong and the run counts, 1 otherwise.
"""

import argparse
import secrets
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from proofs import stripe_proxy
from proofs.chaos import changes, travellers
from proofs.chaos.arena import Place, undisturbed
from proofs.chaos.desk import Desk
from proofs.chaos.given import Given
from proofs.chaos.offers import find_offers
from proofs.chaos.progress import Progress
from proofs.chaos.standing import number_of_sagas, open_of_all, wait_until
from proofs.chaos.tally import counted
from proofs.chaos.travellers import Traveller
from proofs.stripe_proxy import Stripe, Trouble
from saga_checker.books import Books, Told
from saga_checker.invariants import Result, check

SAGAS, CLIENTS, MOST_OPEN = 1_000, 8, 24
"How many clients come, and while how many sagas are open none begins anything: `localstripe` is slow."
LEAST_BAD = 0.20
TIMEOUT, LATE_BY = 5.0, (5.5, 8.0)
"Seconds: how long payment waits for the provider, and how long a late call takes."
SHARES = {Trouble.LOST: 0.06, Trouble.UNANSWERED: 0.08, Trouble.DOUBLED: 0.07, Trouble.LATE: 0.05}
KINDS = ("book-trip", "settle-trip", "change-trip")
HALF_TRIPS = "a trip has seats on all its flights or on none"
MIX: dict[Callable[[Traveller], None], int] = {
    travellers.plain: 16,
    travellers.family: 6,
    travellers.long_trip: 10,
    travellers.repeated: 6,
    travellers.declined: 6,
    changes.cancels: 24,
    changes.changes_to_dearer: 8,
    changes.changes_to_cheaper: 8,
    changes.changes_seat: 3,
    changes.changes_day: 6,
    changes.changes_twice: 7,
}


class Bad:
    """What calls to the provider meet, from one source of chance."""

    def __init__(self, seed: str, stripe: Stripe) -> None:
        self._random, self._stripe = Random(f"{seed}/provider"), stripe

    def __call__(self) -> Trouble | None:
        self._stripe.late_by = self._random.uniform(*LATE_BY)
        share = self._random.random()
        for trouble, part in SHARES.items():
            share -= part
            if share < 0:
                return trouble
        return None


@dataclass(frozen=True)
class Account:
    """One authorisation at the provider; cents."""

    held: int
    captured: int
    refunded: int
    captures: int
    "how often it was captured"

    @property
    def live(self) -> int:
        return self.held + self.captured - self.refunded


@dataclass(frozen=True)
class Sums:
    """Cents that travellers pay as things stand, by each of the three books."""

    ledger: int
    provider: int
    trips: int


@dataclass(frozen=True)
class Played:
    sagas: Counter[str]
    statuses: Counter[str]
    met: Counter[str]
    "calls to the provider, and the troubles among them"
    until_quiet: float
    sums: Sums
    captured_twice: int
    half_trips: int
    wrong: Sequence[str]
    "everything that is wrong, in words"

    @property
    def bad(self) -> float:
        return sum(self.met[trouble.value] for trouble in Trouble) / (self.met["calls"] or 1)

    def too_easy(self) -> Iterator[str]:
        if self.bad < LEAST_BAD:
            yield f"{self.bad:.0%} of the calls to the provider were bad, at least {LEAST_BAD:.0%} are asked"
        yield from (f"no call was {trouble.value}" for trouble in Trouble if not self.met[trouble.value])
        yield from (f"there was no {kind}" for kind in KINDS if not self.sagas[kind])

    def __str__(self) -> str:
        troubles = Counter({trouble.value: self.met[trouble.value] for trouble in Trouble})
        ledger, provider, trips = (
            f"{cents / 100:,.2f}" for cents in (self.sums.ledger, self.sums.provider, self.sums.trips)
        )
        return (
            f"{self.sagas.total():,} sagas ({counted(self.sagas)}; bookings: {counted(self.statuses)})\n"
            f"{self.met['calls']:,} calls to the provider, {self.bad:.0%} of them bad ({counted(troubles)})\n"
            f"the ledger says {ledger} USD, the provider {provider}, the trips {trips};"
            f" {self.captured_twice} captured twice, {self.half_trips} half trips, {len(self.wrong)} wrong in"
            f" all; all had ended after {self.until_quiet:.1f} s"
        )


def play(folder: Path, *, database: str, sagas: int, seed: str) -> Played:
    """Raises NotTerminalError."""
    with stripe_proxy.running(folder) as stripe:
        stripe.trouble = Bad(seed, stripe)
        environment = {
            "PAYMENT_GATEWAY": "stripe",
            "STRIPE_API_BASE": stripe.address,
            "STRIPE_SECRET_KEY": stripe_proxy.KEY,
            "STRIPE_TIMEOUT_SECONDS": str(TIMEOUT),
        }
        with undisturbed(folder, database=database, environment=environment) as field:
            given = Given(folder / "clients.jsonl")
            _travel(field, given, sagas, seed)
            calm = time.monotonic()
            stripe.calm.set()
            log = field.databases["backend"]
            wait_until(lambda: not open_of_all(log))
            until_quiet = time.monotonic() - calm
            given.close()
            told = Told(clients=given.ids(), direct_calls=False, logs=[field.log])
            with Books(field.databases, told) as books:
                results = check(books, snapshot=False)
                return judge(books, given, results, accounts_of(stripe), stripe.met, until_quiet)


def _travel(field: Place, given: Given, sagas: int, seed: str) -> None:
    """Clients come until there are so many sagas; what they have begun is answered or given up on return."""
    offers, over, log = find_offers(field.backend), threading.Event(), field.databases["backend"]

    def travel(number: int) -> None:
        random = Random(f"{seed}/client/{number}")
        one = Traveller(Desk(field.backend), given, offers, random, over.is_set)
        while not over.is_set():
            if open_of_all(log) > MOST_OPEN:
                one.pause(1)
                continue
            random.choices(list(MIX), list(MIX.values()))[0](one)

    clients = [threading.Thread(target=travel, args=(number,)) for number in range(CLIENTS)]
    with Progress(lambda: f"{number_of_sagas(log):,}/{sagas:,} sagas"):
        try:
            for client in clients:
                client.start()
            while number_of_sagas(log) < sagas:
                time.sleep(1)
        finally:
            over.set()
            for client in clients:
                client.join()


def accounts_of(stripe: Stripe) -> dict[str, Account]:
    """By the provider's reference."""
    return {
        reference: Account(*stripe.books(reference), stripe.moved["capture", reference])
        for reference in stripe.intents()
    }


def judge(
    books: Books,
    given: Given,
    results: Sequence[Result],
    accounts: Mapping[str, Account],
    met: Counter[str],
    until_quiet: float,
) -> Played:
    sagas = books.sagas
    violations = [
        (result.invariant.title, f"{violation.correlation_id} {violation.text}")
        for result in results
        for violation in result.findings.violations
    ]
    promises = given.judge(lambda cid: sagas[cid].status if cid in sagas else "")
    sums = _sums(books, accounts)
    wrong = [
        *(f"{title}: {text}" for title, text in violations),
        *(f"{cid} {text}" for cid, text in promises),
        *(f"an answer that no client should get: {surprise}" for surprise in given.surprises),
        *differences(books, accounts),
    ]
    if len({sums.ledger, sums.provider, sums.trips}) > 1:
        wrong.append(f"the sums do not agree: {sums}")
    return Played(
        sagas=Counter(saga.name for saga in sagas.values()),
        statuses=Counter(saga.status for saga in books.trips.values()),
        met=met,
        until_quiet=until_quiet,
        sums=sums,
        captured_twice=sum(account.captures > 1 for account in accounts.values()),
        half_trips=sum(title == HALF_TRIPS for title, _ in violations),
        wrong=wrong,
    )


def _sums(books: Books, accounts: Mapping[str, Account]) -> Sums:
    live = [saga.amount for saga in books.trips.values() if saga.status == "COMPLETED"]
    fees = [books.kept(saga) for saga in books.trips.values() if saga.status == "COMPENSATED"]
    return Sums(
        ledger=sum(payment.live for payment in books.standing.values()),
        provider=sum(account.live for account in accounts.values()),
        trips=sum(live) + sum(fees),
    )


def differences(books: Books, accounts: Mapping[str, Account]) -> Iterator[str]:
    """Payment by payment, between our ledger and the provider's books."""
    named = {payment.provider_reference for payment in books.standing.values()}
    for cid, payment in books.standing.items():
        ours = (payment.amount if payment.status == "AUTHORIZED" else 0, payment.captured, payment.refunded)
        account = accounts.get(payment.provider_reference)
        theirs = (account.held, account.captured, account.refunded) if account else None
        if ours != theirs:
            yield f"{cid} held, captured, refunded: {ours} cents; the provider says {theirs}"
    for reference, account in accounts.items():
        if account.live and reference not in named:
            yield f"the provider has {account.live} cents as {reference}, which no payment names"
        if account.captures > 1:
            yield f"the provider has captured {reference} {account.captures} times"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    seed = options.seed or secrets.token_hex(4)
    with tempfile.TemporaryDirectory(prefix="chaos-provider-") as name:
        played = play(Path(name), database=options.db, sagas=options.sagas, seed=seed)
    for wrong in played.wrong:
        sys.stdout.write(f"FAIL {wrong}\n")
    easy = list(played.too_easy())
    for why in easy:
        sys.stdout.write(f"does not count: {why}\n")
    sys.stdout.write(f"SEED={seed} DB={options.db}, {played}\n")
    return int(bool(played.wrong or easy))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="proofs.chaos.provider", description=__doc__)
    parser.add_argument("--sagas", type=int, default=SAGAS, help="of all kinds")
    parser.add_argument("--seed", default="", help="any text; what travellers and calls meet comes from it")
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    return parser


if __name__ == "__main__":
    sys.exit(main())
