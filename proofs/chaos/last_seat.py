"""Many buyers for the last seat of a cabin: `make last-seat` (ROUNDS=, BUYERS=, FLIGHTS=, DB=).

With FLIGHTS=3 they buy trips of three flights, and the last seat is on the first of them, then on the second,
then on the third, so many rounds each: no seat of the other flights may be left to anybody but the winner.

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
from proofs.chaos.offers import HOT_CLASS, Offers, find_offers, find_trip
from proofs.chaos.progress import Progress
from proofs.chaos.standing import open_of_all, wait_until
from proofs.chaos.travellers import Traveller, booking, trip
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
    stray: int = 0
    "live seats on the trip's other flights that are not the winner's"

    def fair(self, buyers: int) -> bool:
        return self.winners == 1 and self.refused == buyers - 1 and not self.left and not self.stray


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
            f" {len(self.unfair)} unfair rounds, {sum(one.stray for one in self.rounds)} stray seats,"
            f" {self.violations} broken invariants;"
            f" a round took at most {slowest:.1f} s"
        )


def play(
    folder: Path,
    *,
    database: str,
    rounds: int,
    buyers: int = BUYERS,
    flights: int = 1,
    engine: str = "local",
) -> Played:
    """So many rounds for each flight of a trip. Raises NotTerminalError."""
    with undisturbed(folder, database=database, environment={"SAGA_ENGINE": engine}) as field:
        offers, given = find_offers(field.backend), Given(folder / "buyers.jsonl")
        trip = (offers.hot,) if flights == 1 else find_trip(field.backend, flights)
        played: list[Round] = []
        with Progress(lambda: f"round {len(played)}/{rounds * flights}"):
            for scarce in trip:
                game = Game(field, given, offers, trip, scarce, buyers)
                game.sell_all_but_one()
                played.extend(game.play() for _ in range(rounds))
        given.close()
        return Played(played, buyers, _violations(field, given), given.surprises)


@dataclass
class Game:
    field: Place
    given: Given
    offers: Offers
    trip: Sequence[int]
    scarce: int
    "the flight of which one seat is left in the hot class; the others are flown in economy"
    buyers: int

    def __post_init__(self) -> None:
        self._desk = Desk(self.field.backend)
        self._seat, self._number = "", 0

    def sell_all_but_one(self) -> None:
        *others, self._seat = self._free()
        for first in range(0, len(others), PARTY):
            seats = others[first : first + PARTY]
            people = [{"first_name": "Amelia", "last_name": "Earhart"}] * len(seats)
            cabin = {"flight_id": self.scarce, "seat_class": HOT_CLASS, "seat_numbers": seats}
            self._buy(self._wish("first", [cabin], passengers=people))

    def play(self) -> Round:
        self._number, began = self._number + 1, time.monotonic()
        wishes = [self._wish(f"{self._number}-{buyer}", self._asked(buyer)) for buyer in range(self.buyers)]
        start = threading.Barrier(self.buyers)

        def buy(wish: Wish) -> None:
            start.wait()
            self._buy(wish)

        with ThreadPoolExecutor(self.buyers) as crowd:
            list(crowd.map(buy, wishes))
        seconds = time.monotonic() - began
        winners = [wish for wish in wishes if wish.told == "COMPLETED"]
        refused = sum(wish.told == "COMPENSATED" for wish in wishes)
        elsewhere = len(winners) * (len(self.trip) - 1)
        played = Round(len(winners), refused, len(self._free()), seconds, self._live_elsewhere() - elsewhere)
        for winner in winners:
            winner.may_be_cancelled = True
            self._traveller(winner).act(winner, f"/api/bookings/{winner.reference}/cancel/")
        log = self.field.databases["backend"]
        wait_until(lambda: not open_of_all(log))
        return played

    def _asked(self, buyer: int) -> list[Body]:
        """Every flight of the trip; every other buyer names the seat."""
        wanted = {"seat_numbers": [self._seat]} if buyer % 2 else {}
        cabin = {"seat_class": HOT_CLASS, **wanted}
        return [{"flight_id": flight, **(cabin if flight == self.scarce else {})} for flight in self.trip]

    def _wish(self, name: str, flights: Sequence[Body], **asked: object) -> Wish:
        """A single flight is posted without `flights`, as most clients do."""
        key = f"last-seat-{self.scarce}-{name}-{self._seat}-{len(self.given.wishes)}"
        if len(flights) == 1:
            body = booking(self.scarce, f"buyer-{name}") | flights[0]
        else:
            body = trip(flights, f"buyer-{name}")
        return Wish("last seat", body | asked, key=key)

    def _buy(self, wish: Wish) -> None:
        """Book to the end: a client that is told to retry does."""
        buyer = self._traveller(wish)
        buyer.insist(wish)
        wait_until(lambda: bool(wish.told or (buyer.start(wish) and wish.told)))

    def _traveller(self, wish: Wish) -> Traveller:
        return Traveller(self._desk, self.given, self.offers, Random(wish.key), lambda: False)

    def _free(self) -> list[str]:
        cabin = [one for one in self._seats(self.scarce) if one["seat_class"] == HOT_CLASS]
        return [one["seat_number"] for one in cabin if one["status"] != "sold"]

    def _live_elsewhere(self) -> int:
        """Seats of the trip's other flights in the class that buyers fly there."""
        seats = [one for flight in self.trip if flight != self.scarce for one in self._seats(flight)]
        return sum(one["seat_class"] == "economy" and one["status"] != "free" for one in seats)

    def _seats(self, flight: int) -> list[Body]:
        answer = self._desk.get(f"/api/flights/{flight}/seats/")
        seats: list[Body] = answer.body["seats"] if answer else []
        return seats


def _violations(field: Place, given: Given) -> int:
    told = Told(clients=given.ids(), direct_calls=False, logs=[field.log])
    with Books(field.databases, told) as books:
        found = sum(len(result.findings.violations) for result in check(books, snapshot=False))
        sagas = books.sagas
        return found + len(given.judge(lambda cid: sagas[cid].status if cid in sagas else ""))


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="last-seat-") as name:
        played = play(
            Path(name),
            database=options.db,
            rounds=options.rounds,
            buyers=options.buyers,
            flights=options.flights,
        )
    for wrong in played.complaints:
        sys.stdout.write(f"FAIL {wrong}\n")
    sys.stdout.write(f"DB={options.db}, {played}\n")
    return int(bool(played.complaints))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="proofs.chaos.last_seat", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--buyers", type=int, default=BUYERS)
    parser.add_argument("--flights", type=int, default=1, help="of a trip: 2 to 6")
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    return parser


if __name__ == "__main__":
    sys.exit(main())
