"""The saga console: its list, its search, its audit, and who sees it."""

from urllib.parse import quote

import pytest
from django.test import Client
from pytest_django import Settings

from tests.console_pages import LIST, PAGE, STUCK, shows
from tests.desk import (
    COMPLETED,
    DECLINED,
    SAGA,
    Desk,
    Json,
    audit_row,
    booking,
)
from ui.models import User


def test_list_shows_status_steps_and_outcome(client: Client, desk: Desk) -> None:
    desk.lists(COMPLETED, {**DECLINED, "correlation_id": "other"})
    text = client.get(LIST).content.decode()
    for shown in (
        "completed",
        "compensated",
        "ABC234",
        "PAYMENT_<wbr>DECLINED",
        "250 ms",
        "AuthorizePayment refused",
    ):
        assert shown in text
    assert "Lovelace" not in text


def test_overview_tells_exact_counts_failures_and_what_runs_the_sagas(client: Client, desk: Desk) -> None:
    desk.lists(needs_attention=2)
    text = client.get(LIST).content.decode()
    numbers = ("98,412", "1,571", "1.5 %", "of 800 in a day")
    for shown in (*numbers, "host:7", "book-trip v1: 4 open", ">now</a>"):
        assert shown in text


def test_missing_workers_are_shown_as_a_fault(client: Client, desk: Desk) -> None:
    desk.lists(engine={"name": "procrastinate", "workers": [], "jobs_waiting": 12})
    text = client.get(LIST).content.decode()
    assert "none gives a sign of life" in text and "12 in its queue" in text


def test_pages_make_a_bounded_number_of_reads(client: Client, desk: Desk) -> None:
    desk.lists(*[{**COMPLETED, "correlation_id": f"c{n}"} for n in range(50)])
    client.get(LIST)
    assert len(desk.calls) == 3
    shows(desk, COMPLETED)
    client.get(PAGE)
    assert len(desk.calls) == 3 + 6


@pytest.mark.parametrize("typed", ["ABC234", " abc234 ", SAGA])
def test_search_by_reference_or_id_leads_to_the_saga(client: Client, desk: Desk, typed: str) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    desk.tells(COMPLETED)
    assert client.get(LIST, {"find": typed})["Location"] == PAGE


@pytest.mark.parametrize("user", ["ada@example.com", "u-1", "secret"])
def test_search_by_traveller_leads_to_their_sagas(client: Client, desk: Desk, user: str) -> None:
    desk.refuses("/api/bookings/SECRET/", 404, "NOT_FOUND", "none", method="GET")
    desk.refuses(f"/api/saga/status/{user}/", 404, "NOT_FOUND", "none", method="GET")
    desk.lists(COMPLETED)
    where = client.get(LIST, {"find": user})["Location"]
    client.get(where)
    assert f"user_id={quote(user, safe='')}" in str(desk.sent_to("/api/saga/")[-1].url)


@pytest.mark.parametrize("typed", ["nobody", "<script>alert(1)</script>", "a b"])
def test_search_without_a_result_says_so(client: Client, desk: Desk, typed: str) -> None:
    desk.refuses("/api/bookings/NOBODY/", 404, "NOT_FOUND", "none", method="GET")
    desk.refuses("/api/saga/status/nobody/", 404, "NOT_FOUND", "none", method="GET")
    desk.lists()
    text = client.get(LIST, {"find": typed}, follow=True).content.decode()
    assert "There is no saga, booking, ticket, flight or traveller" in text and "<script>alert" not in text


def test_audit_lists_actors_and_actions_page_by_page(client: Client, desk: Desk) -> None:
    desk.audits(audit_row(evidence="slip 7"), following="/api/audit/?kind=operator&before=7")
    text = client.get(f"{LIST}audit/").content.decode()
    for shown in ("payment is back", "slip 7", f'href="{PAGE}"', "?kind=operator&amp;before=7"):
        assert shown in text
    assert desk.query("/api/audit/") == {"kind": "operator"}


@pytest.mark.parametrize(
    ("asked", "sent"), [("kind=alarm&before=9", {"kind": "alarm", "before": "9"}), ("kind=x&before=-1", {})]
)
def test_audit_passes_on_what_is_right_only(
    client: Client, desk: Desk, asked: str, sent: dict[str, str]
) -> None:
    desk.audits()
    assert "No rows yet" in client.get(f"{LIST}audit/?{asked}").content.decode()
    assert desk.query("/api/audit/") == sent


def test_filters_of_the_address_become_the_backends(client: Client, desk: Desk) -> None:
    desk.lists()
    client.get(f"{LIST}?status=COMPLETED&kind=settle-trip&attention=1&user=demo&since=1&cursor=abc")
    asked = [str(call.url) for call in desk.calls if "cursor=abc" in str(call.url)]
    assert len(asked) == 1
    settled = ("status=COMPLETED", "definition=settle-trip")
    for part in (*settled, "needs_attention=true", "user_id=demo", "created_after="):
        assert part in asked[0]


def test_wrong_filters_are_left_out(client: Client, desk: Desk) -> None:
    desk.lists()
    assert client.get(f"{LIST}?status=x&user=%00&since=9&kind=A%20b").status_code == 200
    wrong = ("%00", "status=x", "definition=")
    assert not any(part in str(call.url) for call in desk.calls for part in wrong)


def test_next_page_keeps_the_filters(client: Client, desk: Desk) -> None:
    desk.lists(COMPLETED, following="/api/saga/?status=COMPLETED&cursor=xyz%3D")
    text = client.get(f"{LIST}?status=COMPLETED").content.decode()
    assert "?status=COMPLETED&amp;cursor=xyz%3D" in text


def test_stuck_sagas_are_grouped_by_their_error(client: Client, desk: Desk) -> None:
    reason = "CancelPayment failed 10 times"
    desk.lists(STUCK, incidents=[{"reason": reason, "count": 2, "sagas": [SAGA, "other"]}])
    text = client.get(LIST).content.decode()
    assert f"2 sagas</b></a>: {reason}" in text and 'href="/console/other/"' in text


@pytest.mark.parametrize(
    ("found", "where"),
    [([COMPLETED], PAGE), ([COMPLETED, {**COMPLETED, "correlation_id": "b"}], f"{LIST}?id=0b54a8b7")],
)
def test_search_by_the_short_id_leads_to_the_saga(
    client: Client, desk: Desk, found: list[Json], where: str
) -> None:
    desk.refuses("/api/saga/status/0b54a8b7/", 404, "NOT_FOUND", "none", method="GET")
    shows(desk, COMPLETED)
    desk.lists(*found)
    assert client.get(LIST, {"find": SAGA[:8]})["Location"] == where
    assert client.get(where).status_code == 200
    assert all("id_prefix=0b54a8b7" in str(call.url) for call in desk.sent_to("/api/saga/"))


@pytest.mark.parametrize(
    ("role", "sees", "acts"), [("traveller", 403, 403), ("auditor", 200, 403), ("operator", 200, 302)]
)
def test_console_is_for_its_roles_outside_demo_mode(
    client: Client, desk: Desk, traveller: User, settings: Settings, role: str, sees: int, acts: int
) -> None:
    settings.DEMO_MODE = False
    User.objects.filter(pk=traveller.pk).update(role=role)
    client.force_login(traveller)
    desk.lists()
    assert client.get(LIST).status_code == sees
    assert client.post(f"{PAGE}act/", {"action": "retry", "reason": ""}).status_code == acts


def test_visitor_sees_no_console_outside_demo_mode(client: Client, desk: Desk, settings: Settings) -> None:
    settings.DEMO_MODE = False
    for page in (LIST, PAGE, f"{PAGE}export.json", f"{LIST}audit/"):
        assert client.get(page).status_code == 403
    assert client.get("/faults/").status_code == 404
