"""Many at once: a crowd for one cabin, and kill -9 in the middle of a load."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any

import requests

from proofs.e2e.desk import PAID, Answer, Body, Desk, booking, new_id, wait
from proofs.e2e.scenario import Group

crowds = Group("Many at once, and kill -9")

BUYERS = 100
TRAVELLERS, COUNTERS = 60, 8
MIX: tuple[dict[str, Any], ...] = (
    {},
    {},
    {},
    {"simulate_awardmiles_fail": True},
    {"simulate_confirmbooking_fail": True},
    {"payment": {"card_token": "tok_declined"}},
    {"simulate_reserveseat_fail": True},
)
VICTIMS = ("payment", "loyalty", "backend", "recovery")


@crowds
def hundred_buyers_of_one_cabin_fill_it_and_nobody_else_is_charged(desk: Desk) -> None:
    flight_id, seats = _empty_cabin(desk)
    asked = [booking(flight_id, seat_class="business") for _ in range(BUYERS)]
    with ThreadPoolExecutor(BUYERS) as buyers:
        ended = list(buyers.map(lambda one: _to_the_end(desk, one), asked))
    winners = [one for one in ended if one["status"] == "COMPLETED"]
    sold = Counter(seat for one in winners for seat in one["result"]["seat_numbers"])
    assert len(winners) == seats == len(sold), f"{len(winners)} winners for {seats} seats, {len(sold)} sold"
    losers = [one for one in ended if one not in winners]
    assert {one["reason"] for one in losers} == {"SEAT_UNAVAILABLE"}
    assert {desk.payment(one["correlation_id"]) for one in losers} == {""}
    assert {desk.payment(one["correlation_id"]) for one in winners} <= {*PAID}
    counts = desk.get("backend", f"/api/flights/{flight_id}/seats/").expect(200)["counts"]["business"]
    assert counts == {"free": 0, "held": 0, "sold": seats}
    _give_back(desk, winners)
    counts = desk.get("backend", f"/api/flights/{flight_id}/seats/").expect(200)["counts"]["business"]
    assert counts == {"free": seats, "held": 0, "sold": 0}


@crowds
def same_key_from_many_threads_is_one_booking(desk: Desk) -> None:
    asked, key = booking(desk.flight()), {"Idempotency-Key": new_id("key")}
    with ThreadPoolExecutor(COUNTERS) as counters:
        answers = list(counters.map(lambda _: desk.start(asked, **key), range(2 * COUNTERS)))
    assert {answer.status for answer in answers} <= {200, 202}
    (cid,) = {answer.body["correlation_id"] for answer in answers}
    assert desk.ended(cid)["status"] == "COMPLETED"
    found = desk.get("backend", f"/api/saga/?user_id={asked['user_id']}").expect(200)
    assert len(found["results"]) == 1


@crowds.own
def everything_is_killed_in_the_middle_and_every_saga_ends(desk: Desk) -> None:
    assert desk.processes
    with load(desk) as running:
        running.wait_for(TRAVELLERS // 3)
        desk.processes.kill_all()
    desk.processes.start()
    _settle(desk, running)


@crowds.own
def each_process_is_killed_in_turn_and_every_saga_ends(desk: Desk) -> None:
    assert desk.processes
    with load(desk) as running:
        for turn, victim in enumerate(VICTIMS, start=1):
            running.wait_for(turn * TRAVELLERS // (len(VICTIMS) + 1))
            desk.processes.kill(victim)
    desk.processes.wait_ready()
    _settle(desk, running)


@dataclass
class Traveller:
    asked: Body
    key: str
    cancels: bool = False
    "wants the booking cancelled as soon as it is made"
    correlation_id: str = ""
    "empty while no answer has come"


@dataclass
class Load:
    travellers: list[Traveller]
    served: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def serve(self, desk: Desk, traveller: Traveller) -> None:
        # A connection that is cut leaves open whether there is a booking, or whether it is cancelled.
        with suppress(requests.RequestException):
            answer = _start(desk, traveller)
            if answer.status in (200, 202):
                traveller.correlation_id = answer.body["correlation_id"]
            if traveller.cancels and "booking_reference" in answer.body:
                _cancel(desk, answer.body["booking_reference"])
        with self.changed:
            self.served += 1
            self.changed.notify_all()

    def wait_for(self, served: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.served >= served, timeout=60)


@contextmanager
def load(desk: Desk) -> Iterator[Load]:
    """Bookings of all kinds from several threads; ends when every traveller had an answer or none."""
    mixed = islice(cycle(MIX), TRAVELLERS)
    asked = [booking(desk.flight(), **kind) for kind in mixed]
    turns = cycle((False, False, True))
    running = Load([Traveller(one, new_id("key"), next(turns)) for one in asked])
    with ThreadPoolExecutor(COUNTERS) as counters:
        served = [counters.submit(running.serve, desk, one) for one in running.travellers]
        yield running
    for one in served:
        one.result()


def _start(desk: Desk, traveller: Traveller) -> Answer:
    return desk.start(traveller.asked, **{"Idempotency-Key": traveller.key})


def _cancel(desk: Desk, booking_reference: str) -> Answer:
    return desk.post("backend", f"/api/bookings/{booking_reference}/cancel/")


def _settle(desk: Desk, running: Load) -> None:
    """Everybody asks again with the same key, gets the same saga, and it ends."""
    cut = [one for one in running.travellers if not one.correlation_id]
    with ThreadPoolExecutor(COUNTERS) as counters:
        list(counters.map(lambda one: _ask_again(desk, one), running.travellers))
        ended = list(counters.map(lambda one: desk.ended(one.correlation_id), running.travellers))
    wait(lambda: not desk.open_sagas(), "no saga is open any more")
    assert cut, "the kill came too late to cut a connection"
    statuses = Counter(status["status"] for status in ended)
    assert statuses["COMPLETED"] and statuses["COMPENSATED"], statuses
    for one, status in zip(running.travellers, ended, strict=True):
        if one.cancels and status["booking_reference"]:
            assert _cancel(desk, status["booking_reference"]).status in (200, 202)
            assert desk.ended(one.correlation_id)["status"] == "COMPENSATED"
    for one, status in zip(running.travellers, ended, strict=True):
        if one.asked.keys() & {"payment", "simulate_awardmiles_fail", "simulate_confirmbooking_fail"}:
            assert status["status"] == "COMPENSATED", status
    desk.check_books(snapshot=False)


def _ask_again(desk: Desk, traveller: Traveller) -> None:
    def look() -> Answer | None:
        try:
            answer = _start(desk, traveller)
        except requests.RequestException:
            return None
        return answer if answer.status in (200, 202) else None

    cid = wait(look, "an answer to the repeated request").body["correlation_id"]
    assert traveller.correlation_id in ("", cid), "the same key became another saga"
    traveller.correlation_id = cid


def _empty_cabin(desk: Desk) -> tuple[int, int]:
    """A flight with an empty business cabin, and its number of seats."""
    for offer in desk.search("business"):
        (cabin,) = (one for one in offer["seat_classes"] if one["seat_class"] == "business")
        if cabin["seats_left"] == cabin["seats"]:
            return offer["id"], cabin["seats"]
    raise AssertionError("every business cabin from DFW to ORD has bookings")


def _to_the_end(desk: Desk, asked: Body) -> Body:
    answer = desk.start(asked)
    assert answer.status in (200, 202), answer.text
    return desk.ended(answer.body["correlation_id"])


def _give_back(desk: Desk, winners: list[Body]) -> None:
    with ThreadPoolExecutor(COUNTERS) as counters:
        answers = list(counters.map(lambda one: _cancel(desk, one["booking_reference"]), winners))
    assert {answer.status for answer in answers} <= {200, 202}
    for one in winners:
        assert desk.ended(one["correlation_id"])["status"] == "COMPENSATED"
