"""The load: what clients of all kinds do, one function for each kind."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from proofs.chaos.desk import AGAIN, Answer, Body, Desk
from proofs.chaos.given import START, Given, Wish
from proofs.chaos.offers import HOT_CLASS, Offers

TRIES = 6
LOOKS, FIRST_LOOK, LONGEST_LOOK = 5, 0.25, 1.25
"After a 202 a client polls the status so often, with growing pauses: about four seconds in all."
MOMENT = 0.25
USERS = 300
DECLINED = ("tok_declined", "tok_insufficient_funds")
FLAGS = tuple(f"simulate_{step}_fail" for step in ("reserveseat", "authorizepayment", "awardmiles"))
LAST_FLAG = "simulate_confirmbooking_fail"


def booking(flight_id: int, user_id: str) -> Body:
    return {"flight_id": flight_id, **_of(user_id)}


def trip(flights: Sequence[Body], user_id: str) -> Body:
    return {"flights": [*flights], **_of(user_id)}


def _of(user_id: str) -> Body:
    return {
        "user_id": user_id,
        "passengers": [{"first_name": "Amelia", "last_name": "Earhart", "gender": "female"}],
        "contact_info": {"email": "amelia@example.com", "mobile": "+15550100"},
    }


@dataclass
class Traveller:
    """One client after the other, from one source of chance."""

    desk: Desk
    given: Given
    offers: Offers
    random: Random
    ended: Callable[[], bool]
    let_expire: Callable[[str], bool] = lambda correlation_id: False
    "makes a payment too old to be captured; whether it did"

    def wish(self, kind: str, *, keyed: bool = True, must_fail: bool = False, **changes: Any) -> Wish:
        key = f"trip{self.random.getrandbits(64):016x}" if keyed else ""
        return Wish(kind, self._booking() | changes, key, must_fail=must_fail)

    def trip(self, kind: str, flights: Sequence[Body]) -> Wish:
        return Wish(kind, trip(flights, self._user()), f"trip{self.random.getrandbits(64):016x}")

    def _user(self) -> str:
        return f"traveller-{self.random.randrange(USERS)}"

    def _booking(self) -> Body:
        return booking(self.random.choice(self.offers.plenty), self._user())

    def start(self, wish: Wish, **headers: str) -> Answer | None:
        """One try."""
        key = {"Idempotency_Key": wish.key} if wish.key else {}
        answer = self.desk.post(wish.path, wish.body, **key, **headers)
        self.given.answered(wish, answer)
        return answer

    def insist(self, wish: Wish, **headers: str) -> Answer | None:
        """What a good client does: the same again until there is an answer. Without a key it dares not."""
        self.given.sent(wish)
        for turn in range(TRIES):
            answer = self.start(wish, **headers)
            if not wish.key or (answer and answer.status not in AGAIN) or self.ended():
                return answer
            time.sleep(min(2.0, 0.2 * 2**turn) * self.random.random())
        return None

    def book(self, wish: Wish, **headers: str) -> None:
        """Insist; and where the booking is only accepted, wait a while for its end before anything else.

        A client that books again at once takes every 202 for a reason to book more: the open sagas then
        grow as fast as it can post while nothing is finished.
        """
        answer = self.insist(wish, **headers)
        pause = FIRST_LOOK
        for _ in range(LOOKS if answer and answer.status == 202 else 0):
            if wish.told or self.ended():
                return
            time.sleep(pause)
            pause = min(LONGEST_LOOK, pause * 2)
            self.given.answered(wish, self.desk.get(f"/api/saga/status/{wish.correlation_id}/"))

    def act(self, wish: Wish, path: str, quoted: Mapping[str, Any] | None = None) -> None:
        """Cancel what the wish has become; the answer has to say what was quoted."""
        body = {"quote_id": quoted["quote_id"]} if quoted else None
        answer = self.ask(wish, lambda: self.desk.post(path, body))
        if answer and answer.status in (200, 202):
            promised = {name: quoted[name] for name in ("fee", "refund")} if quoted else {}
            wish.hear_cancelled(answer, promised)

    def ask(self, wish: Wish, send: Callable[[], Answer | None]) -> Answer | None:
        """Something about a saga that exists, repeated until it is answered."""
        for turn in range(TRIES):
            answer = send()
            self.given.answered(wish, answer, start=False)
            if (answer and answer.status not in AGAIN) or self.ended():
                return answer
            time.sleep(min(2.0, 0.2 * 2**turn) * self.random.random())
        return None

    def pause(self, seconds: float) -> None:
        """So long, or until the time is up."""
        until = time.monotonic() + seconds
        while not self.ended() and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, MOMENT))


# -- the kinds


def plain(one: Traveller) -> None:
    one.book(one.wish("plain"))


def family(one: Traveller) -> None:
    people = [{"first_name": name, "last_name": "Curie"} for name in ("Marie", "Pierre", "Irène", "Ève")]
    one.book(one.wish("family", passengers=people[: one.random.randint(2, 4)]))


def keyless(one: Traveller) -> None:
    one.book(one.wish("keyless", keyed=False))


def accepted(one: Traveller) -> None:
    one.book(one.wish("accepted"), Prefer="respond-async")


def hot(one: Traveller) -> None:
    one.book(one.wish("hot cabin", flight_id=one.offers.hot, seat_class=HOT_CLASS))


def long_trip(one: Traveller) -> None:
    """Two to six flights."""
    flights = one.random.choice(one.offers.trips[one.random.choice(list(one.offers.trips))])
    kind = f"trip of {len(flights)} flights"
    one.book(one.trip(kind, [{"flight_id": flight} for flight in flights]))


def hot_return(one: Traveller) -> None:
    """There and back, with everybody in the hot cabin on one of the flights."""
    flights = [
        {"flight_id": flight} | ({"seat_class": HOT_CLASS} if flight == one.offers.hot else {})
        for flight in one.offers.hot_trip
    ]
    one.book(one.trip("hot return", flights))


def declined(one: Traveller) -> None:
    token = one.random.choice(DECLINED)
    one.book(one.wish("declined", must_fail=True, payment={"card_token": token}))


def wrong_price(one: Traveller) -> None:
    one.book(one.wish("wrong price", must_fail=True, expected_amount=1.0))


def flagged(one: Traveller) -> None:
    flag = one.random.choice((*FLAGS[1:], LAST_FLAG, LAST_FLAG, FLAGS[0]))
    one.book(one.wish("flagged", must_fail=True, **{flag: True}))


def silent_gateway(one: Traveller) -> None:
    one.book(one.wish("silent gateway", must_fail=True, payment={"card_token": "tok_timeout"}))


def repeated(one: Traveller) -> None:
    """Several posts with one key at the same moment, and one later."""
    wish = one.wish("repeated")
    one.given.sent(wish)
    posts = [threading.Thread(target=one.start, args=(wish,)) for _ in range(one.random.randint(2, 4))]
    for post in posts:
        post.start()
    for post in posts:
        post.join()
    one.start(wish)


def abandoned(one: Traveller) -> None:
    """It hangs up. With a key it asks again later, with or without having had an answer."""
    wish = one.wish("abandoned", keyed=one.random.random() < 0.7)
    one.given.sent(wish)
    headers = {"Idempotency_Key": wish.key} if wish.key else {}
    one.desk.abandon(START, wish.body, one.random.choice((0.0, 0.01, 0.05, 0.3)), **headers)
    if wish.key and one.random.random() < 0.5:
        one.start(wish)


def cancels_saga(one: Traveller) -> None:
    wish = one.wish("cancels saga")
    wish.may_be_cancelled = True
    one.insist(wish, Prefer="respond-async")
    if wish.correlation_id:
        time.sleep(one.random.choice((0, 0.1, 0.5, 1)))
        one.act(wish, f"/api/saga/{wish.correlation_id}/cancel/")
