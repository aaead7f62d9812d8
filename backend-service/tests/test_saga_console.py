"""What the console asks for: sagas by what an operator is told, by the hour, and all of one error at once."""

from typing import Any

import pytest
from pytest_django import Settings

from flight.models import Ticket
from tests.saga_callers import audited, service
from tests.saga_participants import answers
from tests.saga_world import Desk, World


def found(desk: Desk, **query: str) -> list[str]:
    answer = desk.client.get("/api/saga/", query)
    assert answer.status_code == 200, answer.content
    return [saga["correlation_id"] for saga in answer.json()["results"]]


def bulk(desk: Desk, action: str, reason: str, **more: Any) -> Any:
    body = {"action": action, "attention_reason": reason, "reason": "it is back", **more}
    return desk.post("/api/saga/bulk/", body)


def alarmed(desk: Desk, world: World, number: int = 1) -> tuple[list[str], str]:
    """Sagas that are stuck for one reason, which a person has to look at."""
    world.participants.always("CancelPayment", answers(401))
    cids = [stuck_at_once(desk) for _ in range(number)]
    return sorted(cids), desk.status(cids[0])["attention_reason"]


def stuck_at_once(desk: Desk) -> str:
    cid: str = desk.book(simulate_awardmiles_fail=True).json()["correlation_id"]
    return cid


def test_sagas_are_found_by_ticket_flight_name_and_mail(desk: Desk, world: World) -> None:
    booked = desk.book(
        passengers=[{"first_name": "José", "last_name": "Müller"}],
        contact_info={"email": "jose@mueller.example", "mobile": "+15550100"},
    ).json()["correlation_id"]
    failed = desk.book(simulate_reserveseat_fail=True).json()["correlation_id"]
    ticket = Ticket.objects.get(booking__correlation_id=booked).ticket_number
    number, day = world.flight.flight_number, world.flight.departs_on.isoformat()
    for wanted in (ticket, f"{number} {day}", "José Müller", "mueller.example jose", "jose@mueller.example"):
        assert found(desk, q=wanted) == [booked], wanted
    assert found(desk, q="john doe") == [failed], "what has no booking is found too"
    assert found(desk, q=f"{number} 2020-01-01") == []
    assert (
        found(desk, q="973-0000000000") == [] and found(desk, q="nobody") == [] and found(desk, q="..") == []
    )


def test_list_names_the_error_of_each_step_and_ends_at_a_time(desk: Desk, world: World) -> None:
    cid = desk.book(simulate_reserveseat_fail=True).json()["correlation_id"]
    (saga,) = desk.get("/api/saga/")["results"]
    assert (saga["steps"][0]["error_code"], saga["steps"][0]["compensation"]) == (
        "SIMULATED_FAILURE",
        "CancelSeat",
    )
    at = world.row(cid).created_at.isoformat()
    assert found(desk, created_before=at) == [] and found(desk, created_before="2100-01-01") == [cid]


def test_hours_count_what_began_failed_and_is_stuck(desk: Desk, world: World) -> None:
    desk.book()
    desk.book(simulate_reserveseat_fail=True)
    alarmed(desk, world)
    hours = desk.get("/api/saga/history/")["results"]
    assert len(hours) == 24
    sums = {name: sum(hour[name] for hour in hours) for name in ("started", "failed", "stuck")}
    assert sums == {"started": 3, "failed": 1, "stuck": 1}


def test_all_sagas_of_one_error_are_tried_again_at_once(desk: Desk, world: World) -> None:
    cids, why = alarmed(desk, world, 3)
    assert found(desk, attention_reason=why) != [] and found(desk, attention_reason="another") == []
    assert bulk(desk, "retry", "another").json()["done"] == 0
    for _ in range(2):  # A repeat does no harm.
        answer = bulk(desk, "retry", why)
        assert (answer.status_code, answer.json()) == (
            200,
            {"done": 3, "refused": [], "after": None, "left": 0},
        )
    world.participants.heal()
    desk.recover(after=0)
    assert {world.row(cid).status for cid in cids} == {"COMPENSATED"}
    assert [row[1:3] for row in audited(cids[0])[-1:]] == [("retry", "it is back")]


def test_all_sagas_of_one_error_are_settled_by_hand_with_evidence(desk: Desk, world: World) -> None:
    cids, why = alarmed(desk, world, 2)
    assert list(bulk(desk, "resolve", why).json()["errors"]) == ["evidence"]
    assert bulk(desk, "resolve", why, evidence="bank letter 7").json()["done"] == 2
    assert bulk(desk, "resolve", why, evidence="bank letter 7").json()["done"] == 0, "none is left"
    desk.recover(after=0)
    assert {world.row(cid).status for cid in cids} == {"COMPENSATED"}
    listed = desk.get("/api/saga/settlements/")["results"]
    assert sorted(each["correlation_id"] for each in listed) == cids
    assert {each["evidence"] for each in listed} == {"bank letter 7"}


def test_what_cannot_be_done_to_a_saga_is_told_with_it(desk: Desk, world: World) -> None:
    """The alarm is raised going forward, where there is no compensation to settle."""
    world.participants.always("AuthorizePayment", answers(401))
    cid = desk.book().json()["correlation_id"]
    for _ in range(5):
        desk.recover(after=6)
    why = desk.status(cid)["attention_reason"]
    answer = bulk(desk, "resolve", why, evidence="x").json()
    assert (answer["done"], [each["correlation_id"] for each in answer["refused"]]) == (0, [cid])
    assert bulk(desk, "cancel", why).json()["done"] == 1
    assert world.row(cid).status == "COMPENSATING"


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"action": "drop"}, "action"),
        ({"reason": ""}, "reason"),
        ({"attention_reason": None}, "attention_reason"),
    ],
)
def test_bulk_action_names_what_is_wrong(desk: Desk, change: dict[str, Any], named: str) -> None:
    body = {"action": "retry", "attention_reason": "x", "reason": "y", **change}
    answer = desk.post("/api/saga/bulk/", body)
    assert answer.status_code == 400 and named in answer.json()["errors"]


def test_bulk_is_for_operators(desk: Desk, settings: Settings) -> None:
    settings.DEMO_MODE = False
    body = {"action": "retry", "attention_reason": "x", "reason": "y"}
    for role, status in (("operator", 200), ("auditor", 403), ("", 403)):
        answer = desk.post("/api/saga/bulk/", body, headers=service("someone", role))
        assert answer.status_code == status, role
