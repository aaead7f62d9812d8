"""Many starts, declined cards, polls, actions and reads outside demo mode, in exact numbers."""

from collections import Counter
from functools import partial
from typing import Any

import pytest
from django.conf import LazySettings
from service_kit.limits import Limit
from service_kit.security.models import Attempt
from service_kit.testing import callers

from flight.aircraft import AIRCRAFT
from tests.invariants import rows
from tests.saga_participants import never_arrives
from tests.saga_world import Desk, World, at_once

DECLINED = {"payment": {"card_token": "tok_declined"}}
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(autouse=True)
def outside_demo_mode(settings: LazySettings) -> None:
    settings.DEMO_MODE = False
    settings.LIMITS = {**settings.LIMITS, **{name: Limit(2, 4) for name in ("starts", "declined", "polls")}}
    settings.LIMITS |= {name: Limit(2, 4) for name in ("actions", "reads")}


def token(user_id: str = "1", role: str = "traveller") -> dict[str, str]:
    signed = callers.user_token(user_id=user_id, role=role, audience="backend")
    return {"Authorization": f"Bearer {signed}"}


def started() -> int:
    return len(rows("SELECT 1 FROM sagas_saga WHERE name = 'book-trip'"))


def assert_too_many(answer: Any) -> None:
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_REQUESTS")
    assert answer["Content-Type"] == "application/problem+json"
    assert 1 <= int(answer["Retry-After"]) <= 60


def test_the_third_start_of_a_user_is_429_and_starts_nothing(desk: Desk) -> None:
    assert [desk.book(headers=token()).status_code for _ in range(2)] == [200, 200]
    assert_too_many(desk.book(headers=token()))
    assert started() == 2
    assert desk.book(headers=token("2"), user_id="2").status_code == 200


def test_the_fifth_start_of_an_address_is_429_for_every_user(desk: Desk) -> None:
    seen = [desk.book(headers=token(user), user_id=user) for user in ("1", "2", "3", "4", "5")]
    assert [answer.status_code for answer in seen] == [200] * 4 + [429]
    assert_too_many(seen[-1])


def test_malformed_starts_count_too(desk: Desk) -> None:
    assert [desk.book(headers=token(), flight_id=0).status_code for _ in range(2)] == [400, 400]
    assert_too_many(desk.book(headers=token()))


@pytest.mark.parametrize("how", [{}, ASYNC], ids=["at_once", "accepted"])
def test_after_two_declined_cards_nothing_is_started(
    desk: Desk, world: World, settings: LazySettings, how: dict[str, str]
) -> None:
    settings.LIMITS |= {"starts": Limit(100, 100)}
    for _ in range(2):
        assert desk.book(headers=token() | how, **DECLINED).status_code in (200, 202)
        desk.recover(after=0)
    assert_too_many(desk.book(headers=token()))
    assert started() == 2
    assert desk.book(headers=token("2"), user_id="2").status_code == 200


def test_accepted_cards_are_not_counted_as_declined(desk: Desk, settings: LazySettings) -> None:
    settings.LIMITS |= {"starts": Limit(100, 100)}
    assert {desk.book(headers=token()).status_code for _ in range(4)} == {200}


@pytest.mark.parametrize("what", ["status", "events"])
def test_the_third_poll_is_429(desk: Desk, what: str) -> None:
    cid = desk.book(headers=token()).json()["correlation_id"]
    polls = [desk.client.get(f"/api/saga/{what}/{cid}/", headers=token()) for _ in range(3)]
    assert [answer.status_code for answer in polls] == [200, 200, 429]
    assert_too_many(polls[-1])


@pytest.mark.parametrize(
    "path",
    [
        "/api/places/search/?q=dfw",
        "/api/flights/search/",
        "/api/flights/fares/",
        "/api/flights/1/",
        "/api/flights/1/seats/",
        "/api/bookings/ABC234/",
        "/api/tickets/user/1/",
        "/api/saga/",
        "/api/audit/",
    ],
)
def test_the_third_read_of_a_user_and_the_fifth_of_an_address_is_429(desk: Desk, path: str) -> None:
    reads = [desk.client.get(path, headers=token()) for _ in range(3)]
    assert 429 not in [answer.status_code for answer in reads[:2]]
    assert_too_many(reads[2])
    desk.client.get(path)
    assert_too_many(desk.client.get(path))


@pytest.mark.parametrize("action", ["saga/{cid}/retry", "saga/{cid}/cancel", "bookings/{reference}/cancel"])
def test_the_third_action_is_429(desk: Desk, action: str) -> None:
    made = desk.book(headers=token()).json()
    path = f"/api/{action.format(cid=made['correlation_id'], reference=made['booking_reference'])}/"
    operator = token("9", "operator")
    seen = [desk.post(path, {"reason": "why"}, headers=operator) for _ in range(3)]
    assert 429 not in [answer.status_code for answer in seen[:2]]
    assert_too_many(seen[2])


def test_health_and_metrics_are_never_refused(desk: Desk) -> None:
    for path in ("/api/health/", "/metrics"):
        assert {desk.client.get(path).status_code for _ in range(6)} == {200}


def on_behalf_of(user_id: str) -> dict[str, str]:
    bearer = callers.service_bearer(caller="ui", audience="backend")
    return {"Authorization": bearer, "X-On-Behalf-Of": user_id}


def test_another_service_may_start_and_poll_as_often_as_it_likes(desk: Desk) -> None:
    answers = [desk.book(headers=on_behalf_of("1")) for _ in range(6)]
    assert {answer.status_code for answer in answers} == {200}
    path = f"/api/saga/status/{answers[0].json()['correlation_id']}/"
    assert {desk.client.get(path, headers=on_behalf_of("1")).status_code for _ in range(6)} == {200}
    assert {row.number for row in Attempt.objects.all()} <= {0}


def test_declined_cards_bar_their_user_also_where_another_service_asks(desk: Desk) -> None:
    assert [desk.book(headers=on_behalf_of("1"), **DECLINED).status_code for _ in range(2)] == [200, 200]
    assert_too_many(desk.book(headers=on_behalf_of("1")))
    assert desk.book(headers=on_behalf_of("2"), user_id="2").status_code == 200


def at(address: str) -> dict[str, str]:
    return {"X-On-Behalf-Of-Address": address}


def test_declined_cards_bar_their_address_too_so_that_a_new_guest_id_does_not_help(desk: Desk) -> None:
    for number in range(4):
        guest = f"guest-{number}"
        desk.book(headers=on_behalf_of(guest) | at("192.0.2.1"), user_id=guest, **DECLINED)
    assert_too_many(desk.book(headers=on_behalf_of("guest-9") | at("192.0.2.1"), user_id="guest-9"))
    other = desk.book(headers=on_behalf_of("guest-9") | at("192.0.2.2"), user_id="guest-9")
    assert other.status_code == 200


def test_only_a_service_can_name_another_address(desk: Desk, settings: LazySettings) -> None:
    settings.LIMITS |= {"starts": Limit(100, 2)}
    seen = [desk.book(headers=token() | at(f"192.0.2.{number}")).status_code for number in range(3)]
    assert seen == [200, 200, 429]


@pytest.mark.parametrize(("people", "places"), [(["1"] * 4, 9), (["1", "2", "3", "4", "5"], 1)])
def test_a_caller_holds_so_many_bookings_open_and_no_more(
    desk: Desk, settings: LazySettings, people: list[str], places: int
) -> None:
    """Three of a user, four of an address, however silent the card."""
    settings.SAGA_MAX_RUNNING_OF_USER, settings.SAGA_MAX_RUNNING_OF_ADDRESS = 3, 4
    asked = [
        desk.book(
            headers=on_behalf_of(user) | at(f"192.0.2.{number % places}") | ASYNC,
            user_id=user,
        )
        for number, user in enumerate(people)
    ]
    assert [answer.status_code for answer in asked] == [202] * (len(people) - 1) + [429]
    assert_too_many(asked[-1])
    desk.recover(after=0)
    again = desk.book(headers=on_behalf_of(people[-1]) | at("192.0.2.0"), user_id=people[-1])
    assert again.status_code == 200


NINE = [{"first_name": "Ada", "last_name": "Lovelace"}] * 9


def accept(desk: Desk, user: str, address: str, passengers: int) -> int:
    """The status of a booking that recovery will run."""
    headers = on_behalf_of(user) | at(address) | ASYNC
    return int(desk.book(headers=headers, user_id=user, passengers=NINE[:passengers]).status_code)


def seats_held() -> int:
    return len(rows("SELECT 1 FROM flight_seat WHERE state = 'HELD'"))


def test_one_user_holds_18_seats_at_most_from_wherever(desk: Desk) -> None:
    seen = [accept(desk, "1", f"192.0.2.{number}", 9) for number in range(3)]
    assert seen == [202, 202, 429]
    assert accept(desk, "2", "192.0.2.9", 9) == 202


@pytest.mark.parametrize("parties", [[9, 9, 9, 1], [9, 9, 8, 2], [9, 9, 9, 9]])
def test_one_address_holds_27_seats_at_most_over_all_users(desk: Desk, parties: list[int]) -> None:
    seen = [accept(desk, f"guest-{n}", "192.0.2.1", party) for n, party in enumerate(parties)]
    assert seen == [202, 202, 202, 429]


def test_one_address_with_silent_cards_never_holds_most_of_a_small_flight(desk: Desk, world: World) -> None:
    """Also while the sagas are turned back and payment does not say that it has given back."""
    smallest = min(sum(aircraft.capacity.values()) for aircraft in AIRCRAFT.values())
    for call in ("AuthorizePayment", "CancelPayment"):
        world.participants.always(call, never_arrives)
    for number in range(5):
        accept(desk, f"guest-{number}", "192.0.2.1", 9)
        desk.recover(after=30)
        assert 0 < seats_held() <= 27 < smallest / 2
    world.participants.heal()
    desk.recover()
    assert seats_held() == 0
    assert accept(desk, "guest-99", "192.0.2.1", 9) == 202


def test_starts_at_the_same_moment_hold_no_more_than_one_after_the_other(desk: Desk) -> None:
    works = [partial(accept, Desk(desk.world), f"guest-{n}", "192.0.2.1", 9) for n in range(8)]
    seen = Counter(at_once(*works))
    assert seen[202] + seen[429] == 8
    assert 1 <= seen[202] <= 3
    assert started() == seen[202]


def test_demo_mode_counts_and_refuses_nothing(desk: Desk, settings: LazySettings) -> None:
    settings.DEMO_MODE = True
    assert {desk.book(**DECLINED).status_code for _ in range(6)} == {200}
    assert Attempt.objects.count() == 0
