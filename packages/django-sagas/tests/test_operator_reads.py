"""Operators see sagas by HTTP and from a shell; both show the same."""

import json

import pytest
from django.conf import LazySettings
from django_sagas import history, selectors
from django_sagas.recent import FRESH

from tests.operators import (
    HOW,
    access,
    get,
    order,
    post,
    shell,
    stuck,
    this_world,
    told,
    waiting,
)
from tests.shop.models import Stock
from tests.shop.sagas import BuyTea
from tests.toy.sagas import PlaceOrder
from tests.world import World

__all__ = ["access", "this_world"]
"Fixtures."


def test_a_saga_is_shown_alike_by_http_and_in_the_shell(world: World) -> None:
    cid = world.start(PlaceOrder, secrets={"card": "4111"}).correlation_id
    shown = get(f"{cid}/").json()
    assert (shown["correlation_id"], shown["status"], shown["definition"]) == (
        cid,
        "COMPLETED",
        "place-order",
    )
    assert [step["title"] for step in shown["steps"]] == ["Found", "ChargeCard", "ConfirmOrder", "ShipOrder"]
    assert shown["result"]["status"] == "COMPLETED"
    assert told("show", cid) == [shown]
    lines = shell("show", cid)
    assert lines[0].startswith(f"{cid}  place-order  COMPLETED  2030-01-02") and lines[1].split() == [
        "ReserveStock",
        "DONE",
    ]


def test_the_shops_orders_are_shown_under_the_names_of_the_project(
    world: World, settings: LazySettings
) -> None:
    settings.SAGA_REFERENCE_FIELD, settings.SAGA_SUBJECT_FIELD = "order_number", "customer"
    Stock.objects.create(sku="tea", free=1)
    cid = world.start(BuyTea, sku="tea", secrets={"card": "good"}).correlation_id
    shown = get(f"{cid}/").json()
    assert (shown["status"], shown["order_number"], shown["customer"]) == ("COMPLETED", None, "")
    assert [step["name"] for step in shown["steps"]] == [step.name for step in BuyTea.steps]
    assert get("?customer=nobody").json()["results"] == []
    assert get("?customer=").json()["results"][0]["correlation_id"] == cid


def test_events_follow_each_other_from_a_sequence_number(world: World) -> None:
    cid = world.start(order()).correlation_id
    every = get(f"{cid}/events/").json()
    assert [event["sequence"] for event in every["events"]] == list(range(1, 9)) and every["next"] is None
    assert get(f"{cid}/events/?after=6").json()["events"] == every["events"][6:]
    assert told("follow", cid) == every["events"]
    assert shell("follow", cid)[-1].split()[2] == "SAGA_COMPLETED"


def test_following_a_saga_tells_each_event_once_until_it_has_ended(world: World) -> None:
    cid = waiting(world)
    waits: list[int] = []

    def wait() -> None:
        waits.append(len(waits))
        world.recover()

    seen = [event["sequence"] for event in selectors.follow(cid, wait)]
    assert seen == list(range(1, world.row(cid).last_sequence + 1))
    assert waits == [0]


def test_an_export_has_everything_of_a_saga_and_no_secret(world: World) -> None:
    cid = stuck(world)
    post(f"{cid}/resolve/", HOW)
    body = get(f"{cid}/export/").json()
    assert body["saga"] == get(f"{cid}/").json()
    assert len(body["events"]) == world.row(cid).last_sequence
    (settled,) = body["settled_by_hand"]
    assert (settled["step"], settled["actor"], settled["evidence"]) == ("Charge", "ops", "ticket 7")
    assert told("export", cid) == [body] == [json.loads("\n".join(shell("export", cid)))]


def test_sagas_are_listed_newest_first_and_filtered(world: World) -> None:
    first = world.start(order()).correlation_id
    world.clock.advance(1)
    second = stuck(world)
    world.clock.advance(1)
    third = world.start(order()).correlation_id

    def ids(query: str) -> list[str]:
        return [saga["correlation_id"] for saga in get(query).json()["results"]]

    assert ids("") == [third, second, first]
    assert ids("?status=COMPENSATING") == [second]
    assert ids("?needs_attention=false&created_after=2030-01-02T03:04:05.5Z") == [third, second]
    page = get("?limit=2").json()
    assert [saga["correlation_id"] for saga in page["results"]] == [third, second]
    assert ids(page["next"].removeprefix("/sagas/")) == [first]
    assert [saga["correlation_id"] for saga in told("list", "--limit", "2")] == [third, second]
    assert [line.split()[0] for line in shell("list", "--status", "COMPENSATING")] == [second]
    assert told("list", "--needs-attention") == []


def test_definitions_and_numbers_are_shown(world: World) -> None:
    world.start(order())
    names = {saga["name"] for saga in get("definitions/").json()["results"]}
    assert {"toy", "place-order", "buy-tea"} <= names
    assert "counts" in get("overview/").json()


def test_hours_of_the_last_day_are_counted_once_they_are_over(world: World) -> None:
    world.start(order())
    world.start(order(), refused_by="Confirm")
    counted = history.Started()
    assert [hour["started"] for hour in history.history(world.clock(), counted=counted)][-1] == 2
    world.clock.advance(3 * 3600)
    world.start(order())
    for _ in range(2):
        hours = history.history(world.clock(), counted=counted)
        assert [(hour["started"], hour["failed"]) for hour in hours[-4:]] == [(2, 1), (0, 0), (0, 0), (1, 0)]
    assert len(get("history/").json()["results"]) == history.HOURS


def test_hours_are_counted_anew_after_some_seconds(world: World) -> None:
    recent = history.reader()
    world.start(order())
    began = world.clock()
    assert recent(began)[-1]["started"] == 1
    world.start(order())
    assert recent(began + FRESH * 0.9)[-1]["started"] == 1
    assert recent(began + FRESH)[-1]["started"] == 2


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?status=LOST", "status"),
        ("?needs_attention=maybe", "needs_attention"),
        ("?created_after=yesterday", "created_after"),
        ("?limit=0", "limit"),
        ("?limit=201", "limit"),
        ("?limit=%C2%B2", "limit"),
        ("?cursor=x", "cursor"),
        ("saga-1/events/?after=-1", "after"),
    ],
)
def test_a_query_that_is_wrong_names_its_field(world: World, query: str, field: str) -> None:
    world.start(order())
    answer = get(query)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])
