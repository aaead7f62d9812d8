"""One Idempotency-Key, one saga, however often and by how many threads it is sent."""

from typing import Any

import pytest
from django.conf import LazySettings
from service_kit.testing import callers

from tests.booking_events import undone
from tests.invariants import rows, sagas, stored
from tests.saga_participants import meanwhile, never_arrives
from tests.saga_world import KEY, Desk, World, around_statements, at_once, desk_of

# What became of a start-booking whose answer was lost


def listed(desk: Desk, **query: str) -> list[str]:
    answer = desk.client.get("/api/saga/", query)
    assert answer.status_code == 200
    return [saga["correlation_id"] for saga in answer.json()["results"]]


def test_saga_of_an_idempotency_key_is_found_by_its_user_only(desk: Desk) -> None:
    cid = desk.book(headers=KEY).json()["correlation_id"]
    desk.book(headers={"Idempotency-Key": "second-try"})
    assert listed(desk, user_id="1", idempotency_key="first-try") == [cid]
    assert listed(desk, user_id="2", idempotency_key="first-try") == []
    assert listed(desk, user_id="1", idempotency_key="never-sent") == []


def test_foreign_idempotency_key_is_a_404_outside_demo_mode(desk: Desk, settings: LazySettings) -> None:
    desk.book(headers=KEY)
    settings.DEMO_MODE = False
    token = callers.user_token(user_id="2", role="traveller", audience="backend")
    query = {"user_id": "1", "idempotency_key": "first-try"}
    answer = desk.client.get("/api/saga/", query, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"idempotency_key": "first-try"}, "user_id"),
        ({"user_id": "1", "idempotency_key": "two words"}, "idempotency_key"),
        ({"user_id": "1", "idempotency_key": ""}, "idempotency_key"),
    ],
)
def test_idempotency_key_is_asked_about_with_its_user(desk: Desk, query: dict[str, str], field: str) -> None:
    answer = desk.client.get("/api/saga/", query)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


# Idempotency-Key


def test_a_repeat_gets_the_same_saga(desk: Desk, world: World) -> None:
    first, second = desk.book(headers=KEY), desk.book(headers=KEY)
    assert (second.status_code, second.content) == (200, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(sagas()) == 1
    assert world.participants.calls() == ["AuthorizePayment", "AwardMiles"]


def test_a_repeat_after_a_failure_gets_the_same_failure(desk: Desk, world: World) -> None:
    first = desk.book(headers=KEY, payment={"card_token": "tok_declined"})
    second = desk.book(headers=KEY, payment={"card_token": "tok_declined"})
    assert (second.status_code, second.content) == (200, first.content)
    assert len(sagas()) == 1


@pytest.mark.parametrize(
    "change", [{"seat_class": "business"}, {"expected_amount": 450}, {"payment": {"card_token": "tok_other"}}]
)
def test_the_same_key_with_another_body_is_422(desk: Desk, change: dict[str, Any]) -> None:
    first = desk.book(headers=KEY)
    second = desk.book(headers=KEY, **change)
    assert second.status_code == 422
    assert second.json()["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert second.json()["correlation_id"] == first.json()["correlation_id"]
    assert len(sagas()) == 1


def test_unknown_fields_and_headers_are_no_other_body(desk: Desk) -> None:
    first = desk.book(headers=KEY)
    second = desk.book(headers={**KEY, "X-Correlation-ID": "other", "Prefer": "respond-async"}, colour="red")
    assert second.content == first.content


def test_a_key_belongs_to_its_user(desk: Desk) -> None:
    first, second = desk.book(headers=KEY), desk.book(headers=KEY, user_id="2")
    assert first.json()["correlation_id"] != second.json()["correlation_id"]
    assert desk.book(headers=KEY, user_id=1).content == first.content


def test_without_a_key_every_post_is_a_new_saga(desk: Desk) -> None:
    assert desk.book().json()["correlation_id"] != desk.book().json()["correlation_id"]


def test_a_repeat_after_a_cancellation_says_that_it_is_cancelled(desk: Desk) -> None:
    first = desk.book(headers=KEY).json()
    desk.post(f"/api/bookings/{first['booking_reference']}/cancel/")
    repeat = desk.book(headers=KEY)
    assert repeat.status_code == 200
    assert repeat.json() == {
        "success": False,
        "correlation_id": first["correlation_id"],
        "status": "COMPENSATED",
        "message": f"Booking {first['booking_reference']} was cancelled and everything was undone; "
        "nothing is charged.",
        "steps_completed": 4,
        "booking_reference": first["booking_reference"],
        "failed_step": None,
        "error": "The booking was cancelled.",
        "error_code": "CANCELLED_BY_USER",
        "compensation_result": undone("ConfirmBooking", "AwardMiles", "AuthorizePayment", "ReserveSeat"),
        "refund": 450.0,
        "fee": 0.0,
        "miles": 400,
    }
    assert desk.status(first["correlation_id"])["result"] == repeat.json()


def test_a_repeat_while_it_is_being_cancelled_promises_nothing(desk: Desk, world: World) -> None:
    first = desk.book(headers=KEY).json()
    world.participants.always("ReverseMiles", never_arrives)
    desk.post(f"/api/bookings/{first['booking_reference']}/cancel/")
    repeat = desk.book(headers=KEY).json()
    assert (repeat["success"], repeat["status"]) == (False, "COMPENSATING")
    assert repeat["message"] == (
        f"Booking {first['booking_reference']} was cancelled; what it took is being given back."
    )
    assert repeat["compensation_result"] == undone("ConfirmBooking")


def test_a_repeat_while_a_failed_booking_is_undone_says_neither_success_nor_that_it_is_done(
    desk: Desk, world: World
) -> None:
    world.participants.always("CancelPayment", never_arrives)
    for _ in range(2):
        answer = desk.book(headers=KEY, simulate_awardmiles_fail=True)
        assert answer.status_code == 202
        assert answer.json() == {
            "correlation_id": answer.json()["correlation_id"],
            "status": "COMPENSATING",
            "message": "The booking failed; what it took is being given back.",
        }


def test_a_repeat_while_the_first_still_runs_gets_its_202(desk: Desk, world: World) -> None:
    during: list[Any] = []
    world.participants.then("AwardMiles", meanwhile(lambda: during.append(desk_of(world).book(headers=KEY))))
    first = desk.book(headers=KEY)
    (second,) = during
    assert second.status_code == 202
    assert second.json()["status"] == "RUNNING"
    assert second.json()["correlation_id"] == first.json()["correlation_id"]
    assert first.json()["status"] == "COMPLETED"


def test_a_race_of_threads_with_one_key_makes_one_saga(desk: Desk, world: World) -> None:
    answers_of = at_once(*[lambda: desk_of(world).book(headers=KEY)] * 6)
    assert {answer.status_code for answer in answers_of} <= {200, 202}
    assert len({answer.json()["correlation_id"] for answer in answers_of}) == 1
    assert stored()[0] == 1
    world.settle()
    assert len(rows("SELECT 1 FROM flight_booking")) == 1


def test_a_twin_that_was_faster_between_look_and_insert_wins(desk: Desk, world: World) -> None:
    twin: list[Any] = []

    def overtake(sql: str) -> None:
        if "idempotency_scope = " in sql and not twin:
            twin.append(None)
            twin[0] = desk_of(world).book(headers=KEY)

    with around_statements(after=overtake):
        late = desk.book(headers=KEY)
    assert late.json() == twin[0].json()
    assert late.headers["Idempotent-Replayed"] == "true"
    assert len(sagas()) == 1
    assert world.participants.calls() == ["AuthorizePayment", "AwardMiles"]


def test_a_twin_that_was_faster_wins_over_an_accepted_booking_too(desk: Desk, world: World) -> None:
    twin: list[Any] = []

    def overtake(sql: str) -> None:
        if "idempotency_scope = " in sql and not twin:
            twin.append(None)
            twin[0] = desk_of(world).book(headers=KEY)

    with around_statements(after=overtake):
        late = desk.book(headers={**KEY, "Prefer": "respond-async"})
    assert late.json() == twin[0].json()
    assert len(sagas()) == 1


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "ümlaut", "tab\t"])
def test_a_key_that_is_no_key_is_400_and_nothing_is_stored(desk: Desk, key: str) -> None:
    answer = desk.book(headers={"Idempotency-Key": key})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["Idempotency-Key"])
    assert stored() == (0, 0)
