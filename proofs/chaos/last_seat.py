"""Many buyers for the last seat of a cabin, round after round: `make last-seat` (ROUNDS=, BUYERS=, DB=).

All buyers of a round post at the same moment; every other one asks for the seat by its number. One of
them has to get it, and all others have to be refused with nothing charged. Then the winner cancels, and
the next round is for the same seat. At the end the checker reads the databases. Exit code 0 when all of
it was so, else 1.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random

from proofs.chaos.arena import Place, undisturbed
from proofs.chaos.desk import Body, Desk
from proofs.chaos.given import Given, Wish
from proofs.chaos.offers import HOT_CLASS, find_offers
from proofs.chaos.progress import Progress
from proofs.chaos.standing import open_sagas, statuses, wait_until
from proofs.chaos.travellers import Traveller, booking
from saga_checker.books import Books, Told
from saga_checker.invariants import check

ROUNDS, BUYERS = 20, 200
PARTY = 9
"As many as one booking takes."


@dataclass(frozen=True)
class Round:
    winners: int
    refused: int
    "buyers who were told that there is no seat"
    left: int
    "seats that are not sold afterwards"
    seconds: float

    def fair(self, buyers: int) -> bool:
        return self.winners == 1 and self.refused == buyers - 1 and not self.left


@dataclass(frozen=True)
class Played:
    rounds: Sequence[Round]
    buyers: int
    violations: int
    surprises: Sequence[str]

    @property
    def unfair(self) -> list[int]:
        """The numbers of the rounds without exactly one winner."""
        return [number for number, one in enumerate(self.rounds, 1) if not one.fair(self.buyers)]

    @property
    def complaints(self) -> list[str]:
        """Nothing when all is well."""
        wrong = [f"round {number}: {self.rounds[number - 1]}" for number in self.unfair]
        wrong += [f"an answer that no client should get: {surprise}" for surprise in self.surprises]
        return wrong + [f"{self.violations} broken invariants"] * bool(self.violations)

    def __str__(self) -> str:
        refused = sum(one.refused for one in self.rounds)
        slowest = max(one.seconds for one in self.rounds)
        return (
            f"{len(self.rounds)} rounds of {self.buyers} buyers for one seat:"
            f" {sum(one.winners for one in self.rounds):,} winners, {refused:,} refused,"
            f" {len(self.unfair)} unfair rounds, {self.violations} broken invariants;"
            f" a round took at most {slowest:.1f} s"
        )


def play(folder: Path, *, database: str, rounds: int, buyers: int = BUYERS, engine: str = "local") -> Played:
    """Raises NotTerminalError."""
    with undisturbed(folder, database=database, environment={"SAGA_ENGINE": engine}) as field:
        game = Game(field, Given(folder / "buyers.jsonl"), buyers)
        with Progress(lambda: f"round {len(game.played)}/{rounds}"):
            game.sell_all_but_one()
            for _ in range(rounds):
                game.play()
        game.given.close()
        return Played(game.played, buyers, _violations(field, game.given), game.given.surprises)


class Game:
    def __init__(self, field: Place, given: Given, buyers: int) -> None:
        self._field, self.given, self._buyers = field, given, buyers
        self._desk, self._offers = Desk(field.backend), find_offers(field.backend)
        self._seat = ""
        self.played: list[Round] = []

    def sell_all_but_one(self) -> None:
        *others, self._seat = self._free()
        for first in range(0, len(others), PARTY):
            seats = others[first : first + PARTY]
            people = [{"first_name": "Amelia", "last_name": "Earhart"}] * len(seats)
            self._buy(self._wish("first", passengers=people, seat_numbers=seats))

    def play(self) -> None:
        number, began = len(self.played), time.monotonic()
        wishes = [self._wish(f"{number}-{buyer}", **self._asked(buyer)) for buyer in range(self._buyers)]
        start = threading.Barrier(self._buyers)

        def buy(wish: Wish) -> None:
            start.wait()
            self._buy(wish)

        with ThreadPoolExecutor(self._buyers) as crowd:
            list(crowd.map(buy, wishes))
        seconds = time.monotonic() - began
        winners = [wish for wish in wishes if wish.told == "COMPLETED"]
        refused = sum(wish.told == "COMPENSATED" for wish in wishes)
        self.played.append(Round(len(winners), refused, len(self._free()), seconds))
        for winner in winners:
            winner.may_be_cancelled = True
            self._traveller(winner).act(winner, f"/api/bookings/{winner.reference}/cancel/")
        log = self._field.databases["backend"]
        wait_until(lambda: not open_sagas(statuses(log)))

    def _asked(self, buyer: int) -> Body:
        return {"seat_numbers": [self._seat]} if buyer % 2 else {}

    def _wish(self, name: str, **asked: object) -> Wish:
        body = booking(self._offers.hot, f"buyer-{name}") | {"seat_class": HOT_CLASS} | asked
        return Wish("last seat", body, key=f"last-seat-{name}-{self._seat}-{len(self.given.wishes)}")

    def _buy(self, wish: Wish) -> None:
        """Book to the end: a client that is told to retry does."""
        buyer = self._traveller(wish)
        buyer.insist(wish)
        wait_until(lambda: bool(wish.told or (buyer.start(wish) and wish.told)))

    def _traveller(self, wish: Wish) -> Traveller:
        return Traveller(self._desk, self.given, self._offers, Random(wish.key), lambda: False)

    def _free(self) -> list[str]:
        answer = self._desk.get(f"/api/flights/{self._offers.hot}/seats/")
        seats: list[Body] = answer.body["seats"] if answer else []
        return [
            one["seat_number"] for one in seats if one["seat_class"] == HOT_CLASS and one["status"] != "sold"
        ]


def _violations(field: Place, given: Given) -> int:
    told = Told(clients=given.ids(), direct_calls=False, logs=[field.log])
    with Books(field.databases, told) as books:
        found = sum(len(result.findings.violations) for result in check(books, snapshot=False))
        sagas = books.sagas
        return found + len(given.judge(lambda cid: sagas[cid].status if cid in sagas else ""))


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="last-seat-") as name:
        played = play(Path(name), database=options.db, rounds=options.rounds, buyers=options.buyers)
    for wrong in played.complaints:
        sys.stdout.write(f"FAIL {wrong}\n")
    sys.stdout.write(f"DB={options.db}, {played}\n")
    return int(bool(played.complaints))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="proofs.chaos.last_seat", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--buyers", type=int, default=BUYERS)
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    return parser


if __name__ == "__main__":
    sys.exit(main())
