"""What travellers do to a trip that they have booked."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from proofs.chaos.changes import cancel, change, expires_in_time, settle_expired
from proofs.chaos.desk import Answer, Body, Desk
from proofs.chaos.given import Expired, Given, Wish
from proofs.chaos.offers import Offers
from proofs.chaos.travellers import Traveller

BOOKING, TRIP = "/api/bookings/ABCDEF", "/api/saga/status/trip/"
QUOTE = {"quote_id": "q-1", "difference": 100, "amount": 500, "miles": 10, "fee": 50, "refund": 450}


class Backend:
    """Answers by method and path."""

    def __init__(self, **answers: tuple[int, Body]) -> None:
        self.answers, self.sent = {**answers}, list[tuple[str, Any]]()

    def get(self, path: str) -> Answer:
        return self._answer("GET", path, None)

    def post(self, path: str, body: Body | None = None, **headers: str) -> Answer:
        return self._answer("POST", path, body)

    def _answer(self, method: str, path: str, body: Body | None) -> Answer:
        self.sent.append((f"{method} {path}", body))
        status, told = self.answers[f"{method} {path}"]
        return Answer(status, told, "")


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    given = Given(tmp_path / "clients.jsonl")
    yield given
    given.close()


def traveller(given: Given, backend: Backend, seed: str = "with a good card") -> Traveller:
    return Traveller(cast(Desk, backend), given, Offers((1,), 2), Random(seed), lambda: False)


def booked() -> Wish:
    return Wish("booked", {}, correlation_id="trip", told="COMPLETED", reference="ABCDEF")


def answered_change(amount: int) -> Backend:
    result = {"correlation_id": "change", "status": "COMPLETED", "amount": amount}
    paths = {f"POST {BOOKING}/change-quote/": (200, QUOTE), f"POST {BOOKING}/change/": (200, result)}
    return Backend(**paths)


@pytest.mark.parametrize(("amount", "wrong"), [(500, 0), (501, 1)])
def test_change_is_asked_for_as_quoted_and_costs_what_was_quoted(
    given: Given, amount: int, wrong: int
) -> None:
    backend = answered_change(amount)
    change(traveller(given, backend), booked(), "change", [{"flight_id": 1}])
    assert [body["quote_id"] for path, body in backend.sent if path.endswith("change/")] == ["q-1"]
    assert len(given.judge(lambda cid: "COMPLETED")) == wrong


def test_trip_that_cannot_be_changed_now_is_left(given: Given) -> None:
    backend = Backend(**{f"POST {BOOKING}/change-quote/": (409, {"code": "SEAT_UNAVAILABLE"})})
    change(traveller(given, backend), booked(), "change", [{"flight_id": 1}])
    assert len(backend.sent) == 1
    assert not given.surprises


@pytest.mark.parametrize(("fee", "wrong"), [(50, 0), (60, 1)])
def test_cancellation_keeps_the_fee_that_was_quoted(given: Given, fee: int, wrong: int) -> None:
    told = {"status": "COMPENSATED", "fee": fee, "refund": 450}
    paths: dict[str, tuple[int, Body]] = {
        f"GET {BOOKING}/cancel-quote/": (200, QUOTE),
        f"POST {BOOKING}/cancel/": (200, told),
    }
    wish, backend = booked(), Backend(**paths)
    given.sent(wish)
    cancel(traveller(given, backend), wish, with_quote=True)
    assert backend.sent[-1] == (f"POST {BOOKING}/cancel/", {"quote_id": "q-1"})
    assert len(given.judge(lambda cid: "COMPENSATED")) == wrong


def settlement(status: str, *actions: str) -> Backend:
    again = {"correlation_id": "again", "status": "COMPLETED"}
    answers: dict[str, tuple[int, Body]] = {
        f"GET {TRIP}": (200, {"settlement": "s"}),
        "GET /api/saga/status/s/": (200, {"status": status, "actions": list(actions)}),
        "POST /api/saga/s/authorize-again/": (200, again),
        f"POST {BOOKING}/cancel/": (200, {"status": "COMPENSATED"}),
    }
    return Backend(**answers)


def test_operator_authorises_again_or_cancels_until_the_settlement_has_ended(given: Given) -> None:
    tried = set()
    for number in range(30):
        waits = settlement("RUNNING", "authorize-again")
        assert not settle_expired(traveller(given, waits, f"{number}"), Expired(booked()))
        tried.add(waits.sent[-1][0])
    assert tried == {"POST /api/saga/s/authorize-again/", f"POST {BOOKING}/cancel/"}
    assert not settle_expired(traveller(given, settlement("RUNNING")), Expired(booked()))
    assert settle_expired(traveller(given, settlement("COMPLETED")), Expired(booked()))


def test_change_that_waits_for_another_payment_is_settled_by_its_own_id(given: Given) -> None:
    waits = settlement("RUNNING", "authorize-again")
    assert not settle_expired(traveller(given, waits), Expired(booked(), change="s"))
    assert [path for path, _ in waits.sent] == [
        "GET /api/saga/status/s/",
        "POST /api/saga/s/authorize-again/",
    ]
    assert settle_expired(traveller(given, settlement("COMPENSATED")), Expired(booked(), change="s"))


def test_payment_of_a_change_expires_as_soon_as_it_is_authorised(given: Given) -> None:
    tries, one = iter([False, False, True]), traveller(given, Backend())
    one.let_expire = lambda payment: next(tries)
    assert expires_in_time(one, "change")
    one.let_expire, one.ended = lambda payment: False, lambda: True
    assert not expires_in_time(one, "change")


@pytest.mark.parametrize(("not_needed", "wrong"), [(True, 0), (False, 1)])
def test_change_of_a_trip_that_was_cancelled_before_it_was_paid_keeps_no_promise(
    not_needed: bool, wrong: int
) -> None:
    wish = Wish("change", {}, promised={"difference": 100})
    result = {"difference": 0, "not_needed": not_needed}
    wish.hear(Answer(200, {"correlation_id": "c", "status": "COMPLETED", "result": result}, ""))
    assert len(wish.judge("COMPLETED")) == wrong
