"""Operators see sagas and act on them, by HTTP and from a shell; both do the same."""

import json
from collections.abc import Mapping
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django_sagas import bulk, history, selectors, views
from django_sagas.definitions import Saga
from django_sagas.models import ManualSettlement, OperatorAction, SagaEventRow
from django_sagas.operators import Operator
from django_sagas.orchestrator import Orchestrator
from django_sagas.problems import Problem

from tests.shop.models import Stock
from tests.shop.sagas import BuyTea
from tests.toy.sagas import PlaceOrder
from tests.toy.steps import far, near
from tests.world import World, answers, define, never_arrives

WHY = {"reason": "the customer called"}
HOW = {"step": "Charge", "reason": "the bank was called", "evidence": "ticket 7"}


def from_header(request: HttpRequest, *, changes: bool) -> str:
    """The access of these tests: a name, and whether it may act."""
    name = request.headers.get("X-User", "")
    if not name:
        raise Problem(401, "NOT_AUTHENTICATED", "Who are you?")
    if changes and name == "auditor":
        raise Problem(403, "NOT_ALLOWED", "Auditors change nothing.")
    return name


@pytest.fixture(autouse=True)
def access(settings: LazySettings) -> None:
    settings.ROOT_URLCONF = "tests.operators_urls"
    settings.SAGA_ACCESS = "tests.test_operators.from_header"


OURS: list[Orchestrator] = []


def ours() -> Orchestrator:
    """Of this process: at this world's time and with its participants."""
    return OURS[0]


@pytest.fixture(autouse=True)
def this_world(world: World, settings: LazySettings) -> None:
    OURS[:] = [world.orchestrator("operator's request")]
    settings.SAGA_ORCHESTRATOR = "tests.test_operators.ours"


def get(path: str = "", user: str = "ops") -> Any:
    return Client().get(f"/sagas/{path}", headers={"X-User": user} if user else {})


def post(path: str, body: Any = None, user: str = "ops", **headers: str) -> Any:
    sent = {**({"X-User": user} if user else {}), **headers}
    return Client().post(f"/sagas/{path}", body, content_type="application/json", headers=sent)


def shell(*words: str) -> list[str]:
    out = StringIO()
    call_command("sagas", *words, stdout=out)
    return out.getvalue().splitlines()


def told(*words: str) -> list[Any]:
    return [json.loads(line) for line in shell(*words, "--json")]


def trail() -> list[tuple[str, str, str, str, str]]:
    columns = "actor", "action", "correlation_id", "reason", "evidence"
    return list(OperatorAction.objects.order_by("id").values_list(*columns))


def order() -> type[Saga]:
    return define(near("Reserve"), far("Charge"), near("Confirm", pivot=True))


def stuck(world: World) -> str:
    """Its compensation is not answered."""
    world.participant.always("UndoCharge", never_arrives)
    return world.start(order(), refused_by="Confirm").correlation_id


def waiting(world: World) -> str:
    world.participant.then("Charge", never_arrives)
    return world.start(order()).correlation_id


# Reads


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
    assert len(body["events"]) == SagaEventRow.objects.filter(correlation_id=cid).count()
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


def alarmed(world: World) -> str:
    """Its compensation is refused our credential, which raises an alarm."""
    world.participant.always("UndoCharge", answers(401, {}))
    return world.start(order(), refused_by="Confirm").correlation_id


def test_all_sagas_of_one_error_are_acted_on_batch_by_batch(world: World) -> None:
    cids = sorted(alarmed(world) for _ in range(3))
    why = get(f"{cids[0]}/").json()["attention_reason"]
    how = {"action": "resolve", "attention_reason": why, "reason": "settled", "evidence": "letter 7"}
    assert get(f"?attention_reason={quote(why)}&created_before=2031-01-01").json()["results"] != []
    by = Operator("ops", "settled", "letter 7")
    first = bulk.act("resolve", stuck_for=why, after="", by=by, most=2)
    assert (first.done, first.following, first.left) == (2, cids[1], 1)
    assert post("bulk/", {**how, "after": first.following}).json() == {
        "done": 1,
        "refused": [],
        "after": None,
        "left": 0,
    }
    assert post("bulk/", how).json()["done"] == 0, "none of them is stuck any more"
    listed = get("settlements/").json()["results"]
    assert [each["correlation_id"] for each in listed] == cids and listed[0]["evidence"] == "letter 7"


@pytest.mark.parametrize(
    ("change", "field"),
    [({"action": "drop"}, "action"), ({"reason": ""}, "reason"), ({"action": "resolve"}, "evidence")],
)
def test_a_bulk_action_that_is_wrong_names_its_field(
    world: World, change: dict[str, str], field: str
) -> None:
    answer = post("bulk/", {"action": "retry", "attention_reason": "x", "reason": "y", **change})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


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
    recent = history.Recent()
    world.start(order())
    began = world.clock()
    assert recent(began)[-1]["started"] == 1
    world.start(order())
    assert recent(began + history.FRESH * 0.9)[-1]["started"] == 1
    assert recent(began + history.FRESH)[-1]["started"] == 2


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


# Actions


@pytest.mark.parametrize("by", ["http", "shell"])
def test_a_waiting_saga_is_tried_again_now(world: World, by: str) -> None:
    cid = waiting(world)
    assert world.row(cid).status == "RUNNING"
    if by == "http":
        answer = post(f"{cid}/retry/", WHY)
        assert (answer.status_code, answer.json()["status"]) == (200, "COMPLETED")
    else:
        (shown,) = told("retry", cid, "--reason", WHY["reason"], "--actor", "ops")
        assert shown["status"] == "COMPLETED"
    assert trail() == [("ops", "retry", cid, WHY["reason"], "")]


@pytest.mark.parametrize("by", ["http", "shell"])
def test_a_running_saga_is_turned_back(world: World, by: str) -> None:
    cid = waiting(world)
    if by == "http":
        answer = post(f"{cid}/cancel/", WHY)
        assert (answer.status_code, answer.headers["X-Correlation-ID"]) == (200, cid)
        assert [one["step"] for one in answer.json()["compensation_result"]] == ["Charge", "Reserve"]
    else:
        shell("cancel", cid, "--reason", WHY["reason"], "--actor", "ops")
    assert (world.row(cid).status, world.row(cid).reason) == ("COMPENSATED", "CANCELLED_BY_OPERATOR")
    assert trail() == [("ops", "cancel", cid, WHY["reason"], "")]


@pytest.mark.parametrize("by", ["http", "shell"])
def test_a_stuck_compensation_is_resolved_by_hand(world: World, by: str) -> None:
    cid = stuck(world)
    if by == "http":
        assert post(f"{cid}/resolve/", HOW).json()["resolved_manually"] is True
    else:
        words = [word for name, text in HOW.items() for word in (f"--{name}", text)]
        (shown,) = told("resolve", cid, *words, "--actor", "ops")
        assert shown["resolved_manually"] is True
    assert world.row(cid).status == "COMPENSATED"
    assert trail() == [("ops", "resolve", cid, HOW["reason"], HOW["evidence"])]
    assert ManualSettlement.objects.get().actor == "ops"


def test_a_cancellation_that_goes_on_by_itself_says_where(world: World) -> None:
    cid = waiting(world)
    answer = post(f"{cid}/cancel/", WHY, Prefer="respond-async")
    assert (answer.status_code, answer.json()["status"]) == (202, "COMPENSATING")
    assert get(answer.headers["Location"].removeprefix("/sagas/")).json()["status"] == "COMPENSATING"


def test_a_complete_saga_is_not_cancelled_and_leaves_no_trail(world: World) -> None:
    cid = world.start(order()).correlation_id
    answer = post(f"{cid}/cancel/", WHY)
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_CANCELLABLE")
    with pytest.raises(CommandError, match="NOT_CANCELLABLE: The saga is complete"):
        shell("cancel", cid, "--reason", "too late")
    assert (world.row(cid).status, trail()) == ("COMPLETED", [])


def test_a_step_that_is_not_stuck_is_not_resolved(world: World) -> None:
    cid = waiting(world)
    answer = post(f"{cid}/resolve/", HOW)
    assert (answer.status_code, answer.json()["code"]) == (409, "NOT_STUCK")
    unknown = post(f"{cid}/resolve/", {**HOW, "step": "Ship"})
    assert (unknown.status_code, unknown.json()["errors"]) == (
        400,
        {"step": "must be one of Reserve, Charge, Confirm"},
    )
    words = ["--step", "Ship", "--reason", "r", "--evidence", "e"]
    with pytest.raises(CommandError, match="must be one of Reserve, Charge, Confirm"):
        shell("resolve", cid, *words)
    assert trail() == []


WRONG: Mapping[str, tuple[str, Any, list[str]]] = {
    "no reason": ("retry", {}, ["reason"]),
    "an empty reason": ("cancel", {"reason": " "}, ["reason"]),
    "no text": ("retry", {"reason": 7}, ["reason"]),
    "too long": ("retry", {"reason": "x" * 201}, ["reason"]),
    "a line break": ("retry", {"reason": "a\nb"}, ["reason"]),
    "nothing at all": ("resolve", {}, ["step", "reason", "evidence"]),
}


@pytest.mark.parametrize(("action", "body", "fields"), WRONG.values(), ids=WRONG)
def test_an_action_without_a_reason_names_what_is_missing_and_changes_nothing(
    world: World, action: str, body: Any, fields: list[str]
) -> None:
    cid = waiting(world)
    before = world.row(cid)
    answer = post(f"{cid}/{action}/", body)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, fields)
    assert (world.row(cid), trail()) == (before, [])


@pytest.mark.parametrize("verb", ["retry", "cancel", "resolve"])
def test_the_shell_needs_a_reason_too(world: World, verb: str) -> None:
    cid = waiting(world)
    before = world.row(cid)
    more = ["--step", "Charge", "--evidence", "e"] if verb == "resolve" else []
    with pytest.raises(CommandError, match="--reason"):
        shell(verb, cid, *more)
    with pytest.raises(CommandError, match="--reason must not be empty"):
        shell(verb, cid, *more, "--reason", " ")
    assert (world.row(cid), trail()) == (before, [])


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"'])
def test_a_body_that_is_no_object_is_a_400(world: World, body: bytes) -> None:
    assert post(f"{waiting(world)}/retry/", body).status_code == 400


def test_a_form_is_a_415_and_a_wrong_method_a_405(world: World) -> None:
    path = f"/sagas/{waiting(world)}/retry/"
    assert Client().post(path, {"reason": "r"}, headers={"X-User": "ops"}).status_code == 415
    got = Client().get(path, headers={"X-User": "ops"})
    assert (got.status_code, got.headers["Content-Type"]) == (405, "application/problem+json")
    assert "POST" in got.headers["Allow"]


# Access


PATHS = (
    "",
    "definitions/",
    "overview/",
    "history/",
    "settlements/",
    "saga-1/",
    "saga-1/events/",
    "saga-1/export/",
)


def test_nothing_is_shown_to_callers_without_access(world: World) -> None:
    world.start(order())
    for path in PATHS:
        assert get(path, user="").status_code == 401
        assert get(path, user="auditor").status_code == 200
    for action in ("retry", "cancel", "resolve"):
        assert post(f"saga-1/{action}/", HOW, user="").status_code == 401
        assert post(f"saga-1/{action}/", HOW, user="auditor").status_code == 403
    assert trail() == []


def test_what_is_not_there_is_a_404(world: World) -> None:
    for path in ("none/", "none/events/", "none/export/"):
        assert get(path).status_code == 404
    for action in ("retry", "cancel", "resolve"):
        assert post(f"none/{action}/", HOW).status_code == 404
    with pytest.raises(CommandError, match="There is no saga none"):
        shell("show", "none")


class User:
    def __init__(self, *permissions: str, known: bool = True) -> None:
        self.permissions, self.is_authenticated = permissions, known

    def has_perm(self, name: str) -> bool:
        return name in self.permissions

    def get_username(self) -> str:
        return "ada"


VIEW, CHANGE = "sagas.view_sagarow", "sagas.change_sagarow"


@pytest.mark.parametrize(
    ("user", "changes", "status"),
    [
        (None, False, 401),
        (User(VIEW, CHANGE, known=False), False, 401),
        (User(), False, 403),
        (User(VIEW), True, 403),
        (User(VIEW), False, 200),
        (User(CHANGE), True, 200),
    ],
)
def test_without_a_setting_djangos_permissions_decide(user: Any, changes: bool, status: int) -> None:
    request: Any = RequestFactory().get("/")
    if user:
        request.user = user
    try:
        found = 200 if views.staff(request, changes=changes) == "ada" else 0
    except Problem as problem:
        found = problem.status
    assert found == status


def test_check_is_the_check_before_a_deploy(world: World) -> None:
    assert shell("check")[0].startswith("This release knows every step")
    waiting(world)
    define(near("Another"))
    with pytest.raises(CommandError, match="1 saga needs a step that this release does not know"):
        shell("check")


TOLD: list[str] = []


def keep(*, action: str, actor: str, **told: Any) -> None:
    TOLD.append(f"{actor} {action}")


def test_a_trail_of_the_projects_own_takes_the_place_of_the_table(
    world: World, settings: LazySettings
) -> None:
    settings.SAGA_TRAIL = "tests.test_operators.keep"
    TOLD.clear()
    post(f"{waiting(world)}/retry/", WHY)
    assert (TOLD, trail()) == (["ops retry"], [])
