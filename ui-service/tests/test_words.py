"""What a traveller reads is about flights, seats and money, never about the machinery."""

import re
from html import unescape

import pytest
from django.test import Client
from django.utils.html import strip_tags
from pytest_django import Settings

from tests.desk import (
    COMPLETED,
    DECLINED,
    LOYALTY,
    RETURN,
    RUNNING,
    SAGA,
    Desk,
    Json,
    booking,
    flight,
    onward,
    return_booking,
    saga,
    turned,
)
from tests.test_booking import ONE, PASSENGERS, SEATS
from tests.test_payment import pay_page
from tests.test_search import ONE_WAY
from ui.models import User

MACHINERY = re.compile(r"\b(saga|token|step|compensat|participant|idempoten|orchestrat)\w*", re.IGNORECASE)
CANCELLED = saga(
    "COMPENSATED", "UNDONE UNDONE RESOLVED UNDONE", reason="CANCELLED_BY_USER", booking_reference="ABC234"
)
UNDOING = saga("COMPENSATING", "DONE UNDOING REFUSED PENDING", needs_attention=True)


def words(page: bytes) -> str:
    body = re.sub(r"<(script|style).*?</\1>", " ", page.decode(), flags=re.DOTALL)
    labels = " ".join(re.findall(r'(?:aria-label|title|placeholder)="([^"]*)"', body))
    return unescape(strip_tags(body)) + labels


@pytest.fixture
def world(client: Client, desk: Desk, traveller: User, settings: Settings) -> None:
    """Outside demo mode, where no page has switches for learners."""
    client.force_login(traveller)
    settings.DEMO_MODE = False
    desk.sells()
    desk.lists(RUNNING, UNDOING, DECLINED)
    desk.lists_trips(traveller.traveller_id, booking(), booking(status="CANCELLED"))
    path = f"/api/tickets/user/{traveller.traveller_id}/"
    desk.answers(path, {"results": [booking()], "next": None})
    desk.answers("/api/bookings/ABC234/", booking())
    desk.quotes_a_cancellation()
    desk.answers("/api/bookings/RET234/", return_booking(booking_reference="RET234"))
    desk.answers("/api/bookings/GNE234/", booking(status="CANCELLED"))
    entry = {"correlation_id": SAGA, "kind": "AWARD", "miles": 161, "created_at": "2026-11-23T02:00:00.1Z"}
    for user in ("demo", traveller.traveller_id):
        account = {"user_id": user, "balance": 161, "tier": "Member", "in_debt": False, "entries": [entry]}
        desk.answers(f"/api/loyalty/{user}/", account, base=LOYALTY)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    "page",
    [
        *(
            "/",
            "/where/",
            f"{SEATS}?{ONE}",
            f"{PASSENGERS}?{ONE}",
            "/trips/",
            "/trips/find/",
            "/trips/ABC234/",
            "/trips/RET234/",
        ),
        *(
            "/trips/GNE234/",
            "/trips/ABC234/ticket/",
            "/trips/ABC234/cancel/",
            "/trips/ABC234/change/",
            "/miles/",
            "/account/",
        ),
        *(
            "/account/login/",
            "/account/register/",
            "/account/profile/",
            "/account/password/",
            "/pages/terms/",
        ),
    ],
)
def test_page_of_a_traveller_has_no_word_of_the_machinery(client: Client, page: str) -> None:
    if "login" in page or "register" in page:
        client.logout()
    response = client.get(page)
    assert response.status_code == 200
    assert MACHINERY.findall(words(response.content)) == []


@pytest.mark.usefixtures("world")
def test_results_and_payment_have_no_word_of_the_machinery(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2))
    pages = [
        client.get("/flights/", ONE_WAY),
        client.get(pay_page(client)),
        client.get(pay_page(client, RETURN)),
    ]
    desk.finds(connections=[[flight(1), onward(2)]])
    pages.append(client.get("/flights/", ONE_WAY))
    for response in pages:
        assert response.status_code == 200
        assert MACHINERY.findall(words(response.content)) == []


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize("status", [COMPLETED, RUNNING, DECLINED, CANCELLED, UNDOING])
def test_progress_has_no_word_of_the_machinery(client: Client, desk: Desk, status: Json) -> None:
    desk.tells(status)
    response = client.get(f"/progress/{SAGA}/?how=1")
    assert response.status_code == 200
    assert MACHINERY.findall(words(response.content)) == []
