"""The list of sagas: its filters, its pages, and whose sagas it shows."""

from base64 import b64encode
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import LazySettings
from service_kit.testing import callers

from tests.saga_participants import answers, never_arrives
from tests.saga_world import Desk, World


def listed(desk: Desk, query: str = "") -> list[str]:
    return [one["correlation_id"] for one in desk.get(f"/api/saga/{query}")["results"]]


@pytest.fixture
def five(desk: Desk, world: World) -> dict[str, str]:
    """One booking of each kind, oldest first, and the settlement of the complete one."""
    made = {
        "complete": desk.book().json(),
        "compensated": desk.book(simulate_awardmiles_fail=True, user_id="2").json(),
        "accepted": desk.book(headers={"Prefer": "respond-async"}).json(),
    }
    world.participants.then("AuthorizePayment", never_arrives)
    made["running"] = desk.book().json()
    world.participants.always("CancelPayment", answers(400, {"code": "X", "detail": "?"}))
    made["stuck"] = desk.book(simulate_awardmiles_fail=True, user_id="2").json()
    five = {name: body["correlation_id"] for name, body in made.items()}
    return five | {"settles": world.row(five["complete"]).facts["ConfirmBooking"]["settlement"]}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["stuck", "running", "accepted", "compensated", "complete"]),
        ("?definition=book-trip", ["stuck", "running", "accepted", "compensated", "complete"]),
        ("?definition=settle-trip", ["settles"]),
        ("?definition=settle-trip&status=RUNNING", []),
        ("?definition=nobody", []),
        ("?status=COMPLETED", ["complete"]),
        ("?status=COMPENSATED", ["compensated"]),
        ("?status=PENDING", ["accepted", "settles"]),
        ("?status=RUNNING", ["running"]),
        ("?status=COMPENSATING", ["stuck"]),
        ("?needs_attention=true", ["stuck"]),
        ("?needs_attention=false", ["running", "accepted", "compensated", "complete"]),
        ("?user_id=2", ["stuck", "compensated"]),
        ("?user_id=2&status=COMPENSATING", ["stuck"]),
        ("?user_id=3", []),
    ],
)
def test_the_list_is_newest_first_and_filtered(
    desk: Desk, five: dict[str, str], query: str, names: list[str]
) -> None:
    assert listed(desk, query) == [five[name] for name in names]


def test_created_after_is_strict_and_takes_any_offset(desk: Desk, world: World, five: dict[str, str]) -> None:
    moment = world.row(five["accepted"]).created_at
    later = [five["stuck"], five["running"]]
    for text in (moment.isoformat(), (moment + timedelta(0)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")):
        answer = desk.client.get("/api/saga/", {"created_after": text})
        assert [one["correlation_id"] for one in answer.json()["results"]] == later
    assert listed(desk, f"?created_after={moment.isoformat()}") == later  # The plus was not escaped.


def test_sagas_are_found_by_the_beginning_of_their_id(desk: Desk, five: dict[str, str]) -> None:
    wanted = five["stuck"]
    for length in (8, 9, 20, 36):
        found = listed(desk, f"?id_prefix={wanted[:length]}")
        assert found == [one for one in listed(desk) if one.startswith(wanted[:length])]
        assert wanted in found
    assert listed(desk, "?id_prefix=ffffffff-ffff") == []


def test_pages_follow_each_other_and_keep_the_filters(desk: Desk, five: dict[str, str]) -> None:
    path, seen = "/api/saga/?limit=2&needs_attention=false&definition=book-trip", []
    for _ in range(10):
        page = desk.get(path)
        seen += [one["correlation_id"] for one in page["results"]]
        if page["next"] is None:
            break
        path = page["next"]
        assert parse_qs(urlsplit(path).query)["needs_attention"] == ["false"]
    assert seen == [five[name] for name in ("running", "accepted", "compensated", "complete")]


def test_a_new_saga_between_two_pages_shifts_nothing(desk: Desk, five: dict[str, str]) -> None:
    first = desk.get("/api/saga/?limit=3&definition=book-trip")
    desk.book()
    second = desk.get(first["next"])
    seen = [one["correlation_id"] for one in first["results"] + second["results"]]
    assert seen == [five[name] for name in ("stuck", "running", "accepted", "compensated", "complete")]


def test_the_list_shows_the_outline_of_each(desk: Desk, five: dict[str, str]) -> None:
    (one,) = desk.get("/api/saga/?status=COMPLETED")["results"]
    assert "result" not in one
    assert one["steps"][0] == {
        "name": "ReserveSeat",
        "compensation": "CancelSeat",
        "status": "DONE",
        "title": "Seats held",
        "error": None,
        "error_code": None,
    }
    assert one["amount"] == 450.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "DONE"),
        ("needs_attention", "maybe"),
        ("user_id", "a b"),
        ("created_after", "yesterday"),
        ("id_prefix", "abc"),
        ("definition", "Book Trip"),
        ("id_prefix", "ABCD"),
        ("id_prefix", "%%%%"),
        ("limit", "0"),
        ("limit", "201"),
        ("cursor", "???"),
        ("cursor", "AAAA"),
        # A moment outside the calendar: it was a 500.
        ("cursor", b64encode(b"0001-01-01T00:00:00+14:00 x").decode()),
        ("cursor", "ü"),
    ],
)
def test_a_filter_that_says_nothing_is_400(desk: Desk, name: str, value: str) -> None:
    answer = desk.client.get("/api/saga/", {name: value})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [name])


@pytest.mark.parametrize(
    ("user", "role", "query", "status"),
    [
        ("1", "traveller", "", 404),
        ("1", "traveller", "?user_id=2", 404),
        ("1", "traveller", "?user_id=1", 200),
        ("9", "operator", "", 200),
        ("9", "auditor", "", 200),
    ],
)
def test_outside_demo_mode_one_sees_ones_own_list(
    desk: Desk, settings: LazySettings, user: str, role: str, query: str, status: int
) -> None:
    desk.book()
    settings.DEMO_MODE = False
    token = callers.user_token(user_id=user, role=role, audience="backend")
    answer = desk.client.get(f"/api/saga/{query}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == status
    assert desk.client.get("/api/saga/").status_code == 401
    settings.DEMO_MODE = True
