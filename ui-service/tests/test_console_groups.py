"""The console's search, charts, and what is done to all sagas of one error."""

import re
from typing import Any

import pytest
from django.test import Client

from tests.desk import BACKEND, HOURS, RUNNING, SAGA, Desk, Json, saga

LIST, GROUP = "/console/", "/console/group/"
WHY = "CancelPayment fails: it answered 401"
STUCK = saga(
    "COMPENSATING",
    "DONE UNDOING REFUSED PENDING",
    needs_attention=True,
    attention_reason=WHY,
    finished_at=None,
)
BULK = "/api/saga/bulk/"
FORM = {"why": WHY, "action": "retry", "reason": "the bank is back"}


def takes(desk: Desk, *batches: Json) -> None:
    """The answers to one batch after the other."""
    for batch in batches:
        desk.answers_once(BULK, {"refused": [], "after": None, "left": 0, **batch})


def incident(count: int) -> Json:
    return {"reason": WHY, "count": count, "sagas": [SAGA]}


def test_list_says_at_which_call_each_saga_is_and_why(client: Client, desk: Desk) -> None:
    refused = saga("COMPENSATED", "UNDONE REFUSED PENDING PENDING", reason="PAYMENT_DECLINED")
    desk.lists(STUCK, {**refused, "correlation_id": "failed"}, {**RUNNING, "correlation_id": "running"})
    text = client.get(LIST).content.decode()
    told = re.findall(r'<td class="at small">(.*?)</td>\s*<td class="error small[^"]*" title="(.*?)">', text)
    assert [(at.replace("<wbr>", ""), error) for at, error in told] == [
        ("CancelPayment", WHY),
        ("AuthorizePayment", "The card was declined."),
        ("AuthorizePayment", ""),
    ]


@pytest.mark.parametrize("text", ["973-1234567890", "ZZ1042 2026-12-04", "Ada Lovelace", "ada@b.example"])
def test_what_an_operator_is_told_on_the_telephone_finds_the_sagas(
    client: Client, desk: Desk, text: str
) -> None:
    desk.knows_nothing_else()
    for name in ("user_id", "id_prefix"):
        desk.answers("/api/saga/", {"results": [], "next": None}, query={name: text})
    found = {"results": [STUCK, {**STUCK, "correlation_id": "b"}], "next": None}
    desk.answers("/api/saga/", found, query={"q": text})
    where = client.get(LIST, {"find": f" {text} "})["Location"]
    assert where.startswith(f"{LIST}?q=")
    desk.lists(STUCK)
    assert "Found by" in client.get(where).content.decode()
    assert desk.asked("/api/saga/")[-1]["q"] == text


def test_bars_of_the_charts_lead_to_the_sagas_of_their_hour(client: Client, desk: Desk) -> None:
    desk.lists()
    text = client.get(LIST).content.decode()
    links = re.findall(r'<a href="\?([^"]*)" id="(started|failed|stuck)-(\d\d)"', text)
    assert [kind for _, kind, _ in links].count("started") == len(HOURS)
    (stuck,) = [query for query, kind, _ in links if kind == "stuck"]
    client.get(f"{LIST}?{stuck.replace('&amp;', '&')}")
    asked = desk.asked("/api/saga/")[-1]
    assert asked["needs_attention"] == "true"
    assert (asked["created_after"][:13], asked["created_before"][:13]) == ("2026-11-22T03", "2026-11-22T04")


def test_list_is_shown_without_charts_while_they_cannot_be_read(client: Client, desk: Desk) -> None:
    desk.lists(STUCK)
    desk.answers("/api/saga/history/", {}, status=503)
    text = client.get(LIST).content.decode()
    assert SAGA in text and "<rect" not in text


@pytest.mark.parametrize("query", ["from=yesterday", "to=2026-11-22", "q=", "why=%00"])
def test_filters_that_are_none_are_ignored(client: Client, desk: Desk, query: str) -> None:
    desk.lists()
    assert client.get(f"{LIST}?{query}").status_code == 200
    asked = desk.asked("/api/saga/")[-1]
    assert not {"created_after", "created_before", "q", "attention_reason"} & set(asked)


def test_action_on_all_of_one_error_is_asked_first_with_what_undoing_does(client: Client, desk: Desk) -> None:
    desk.lists(STUCK, incidents=[incident(140)])
    assert "Act on all" in client.get(LIST).content.decode()
    text = client.get(GROUP, {"why": WHY}).content.decode()
    assert "Do it to all 140 sagas" in text and "<b>CancelPayment</b> at payment" in text
    assert desk.sent_to(BULK) == []


def test_batches_follow_each_other_and_the_end_is_told(client: Client, desk: Desk) -> None:
    desk.lists()
    refused = {"correlation_id": "other", "detail": "It is being worked on."}
    takes(desk, {"done": 100, "after": "c100", "left": 2}, {"done": 1, "refused": [refused]})
    text = client.post(GROUP, FORM, follow=True).content.decode()
    assert "Retry of 101 sagas is taken" in text and "other: It is being worked on." in text
    sent = [desk.body(call) for call in desk.sent_to(BULK)]
    first = {"action": "retry", "attention_reason": WHY, "reason": "the bank is back"}
    assert sent == [first, {**first, "after": "c100"}]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reason": " "}, "give a reason"),
        ({"action": "drop"}, "Choose an action"),
        ({"action": "resolve"}, "what shows that it is settled"),
    ],
)
def test_action_on_all_that_is_not_complete_does_nothing(
    client: Client, desk: Desk, change: dict[str, str], words: str
) -> None:
    desk.lists(STUCK)
    response = client.post(GROUP, {**FORM, **change})
    assert (response.status_code, desk.sent_to(BULK)) == (422, [])
    assert words in response.content.decode()


def test_settling_all_by_hand_carries_the_evidence(client: Client, desk: Desk) -> None:
    desk.lists()
    takes(desk, {"done": 2})
    client.post(GROUP, {**FORM, "action": "resolve", "evidence": "bank letter 7"})
    (sent,) = [desk.body(call) for call in desk.sent_to(BULK)]
    assert (sent["action"], sent["evidence"]) == ("resolve", "bank letter 7")


def settled(**changes: Any) -> Json:
    told = {"actor": "olga", "reason": "called", "evidence": "slip 7", "seen": "AUTHORIZED 211.41"}
    at = {"settled_at": "2026-11-22T02:00:00Z"}
    return {"correlation_id": SAGA, "step": "AuthorizePayment", **at, **told, **changes}


def test_what_was_settled_by_hand_and_disagrees_stands_above_everything_and_in_a_list(
    client: Client, desk: Desk
) -> None:
    brief = {"count": 7, "oldest": [settled()]}
    desk.lists(STUCK, settled_by_hand=brief)
    text = client.get(LIST).content.decode()
    assert text.index("7 compensations were settled by hand") < text.index('class="counts"')
    desk.answers("/api/saga/settlements/", {"results": [settled(), settled(seen=None)]})
    text = client.get("/console/by-hand/").content.decode()
    assert "AUTHORIZED 211.41" in text and "slip 7" in text and "not asked yet" in text


def test_nothing_that_disagrees_is_said_too(client: Client, desk: Desk) -> None:
    desk.answers("/api/saga/settlements/", {"results": []}, base=BACKEND)
    assert "Nothing disagrees" in client.get("/console/by-hand/").content.decode()
