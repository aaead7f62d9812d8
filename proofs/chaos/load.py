"""Concurrent clients until the time is up; afterwards they ask for missing answers."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random

from proofs.chaos.changes import settle_expired
from proofs.chaos.clock import Clock
from proofs.chaos.desk import Desk
from proofs.chaos.given import Given, Wish
from proofs.chaos.mix import MIX
from proofs.chaos.offers import Offers
from proofs.chaos.plan import Plan
from proofs.chaos.travellers import Traveller, plain

PAUSE = (0.05, 0.5)
ASKED_AT_ONCE = 6
OFTEN = 0.5


class Load:
    def __init__(
        self,
        backend: str,
        offers: Offers,
        given: Given,
        plan: Plan,
        clients: int,
        let_expire: Callable[[str], bool],
    ) -> None:
        self._desk, self._offers, self._given, self._plan = Desk(backend), offers, given, plan
        self._let_expire = let_expire
        self._ended = threading.Event()
        self._threads = [
            threading.Thread(target=self._travel, args=(number,), name=f"client-{number}", daemon=True)
            for number in range(clients)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Clients start nothing new; on return what was begun is answered or given up."""
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def ask_again(self, clock: Clock, until: float) -> None:
        """A client without an answer repeats the request with its key."""
        unheard = [wish for wish in self._given.wishes if wish.key and not wish.correlation_id]
        traveller = self._traveller("again")
        with ThreadPoolExecutor(ASKED_AT_ONCE) as pool:
            list(pool.map(lambda wish: _ask(traveller, wish, clock, until), unheard))

    def act_as_operator(self, clock: Clock, until: float) -> None:
        """No settlement and no change is left waiting for another authorisation."""
        traveller, waiting = self._traveller("operator", lambda: clock() > until), self._given.expired
        while waiting and clock() < until:
            waiting = [one for one in waiting if not settle_expired(traveller, one)]
            time.sleep(OFTEN)

    def book_one(self) -> str:
        """A fresh booking of a free seat, undisturbed; its status."""
        traveller = self._traveller("last")
        plain(traveller)
        return self._given.wishes[-1].told

    def _travel(self, number: int) -> None:
        traveller = self._traveller(str(number))
        kinds, weights = list(MIX), list(MIX.values())
        while not self._ended.is_set():
            traveller.random.choices(kinds, weights)[0](traveller)
            self._ended.wait(traveller.random.uniform(*PAUSE))

    def _traveller(self, name: str, ended: Callable[[], bool] | None = None) -> Traveller:
        random = Random(f"{self._plan.seed}/client/{name}")
        is_over = ended or self._ended.is_set
        return Traveller(self._desk, self._given, self._offers, random, is_over, self._let_expire)


def _ask(traveller: Traveller, wish: Wish, clock: Clock, until: float) -> None:
    while not wish.correlation_id and clock() < until:
        answer = traveller.start(wish)
        if answer and answer.status not in (200, 202, 503):
            return
        if not wish.correlation_id:
            time.sleep(0.2)
