"""Trips that exist: list, one trip, cancellation, retrieval without an account."""

import pytest
from django.test import Client
from pytest_django import Settings
from service_kit.credentials import ON_BEHALF_OF, ROLE
from service_kit.security.models import AuditEntry, AuditKind

from tests.buying import form_of, pay_page
from tests.desk import (
    COMPLETED,
    LOYALTY,
    QUOTE,
    RUNNING,
    SAGA,
    Desk,
    Json,
    booking,
    return_booking,
    saga,
)
from tests.listed_trips import OLD, has_trips
from ui.models import User

TRIP = "/trips/ABC234/"
AGREED = {"quote": QUOTE}


def test_guest_without_bookings_has_no_trips_and_no_service_is_called(client: Client, desk: Desk) -> None:
    assert "No trips yet" in client.get("/trips/").content.decode()
    assert desk.calls == []


def test_trips_stand_in_the_order_of_the_desk_and_its_counts_in_the_tabs(
    client: Client, desk: Desk, traveller: User
) -> None:
    past = booking(booking_reference="OLD234", flight=OLD)
    gone = booking(booking_reference="GNE234", status="CANCELLED")
    has_trips(client, desk, traveller, booking(), past, gone)
    text = client.get("/trips/").content.decode()
    assert text.index("ABC234") < text.index("OLD234") < text.index("GNE234")
    assert 'Upcoming <span class="muted">71</span>' in text
    client.get("/trips/?show=past")
    *_, asked = desk.sent_to(f"/api/tickets/user/{traveller.traveller_id}/trips/")
    assert str(asked.url).endswith("?time=past")


def test_booking_that_is_under_way_is_found_again(client: Client, desk: Desk, traveller: User) -> None:
    has_trips(client, desk, traveller)
    undoing = {**saga("COMPENSATING", "UNDOING REFUSED PENDING PENDING"), "correlation_id": "back"}
    desk.lists(RUNNING, undoing, {**COMPLETED, "correlation_id": "done"})
    text = client.get("/trips/").content.decode()
    assert f'href="/progress/{SAGA}/"' in text and 'href="/progress/back/"' in text
    assert "/progress/done/" not in text
    assert desk.query("/api/saga/")["user_id"] == traveller.traveller_id


def test_booking_that_was_not_paid_is_found_again_until_it_is(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    desk.lists()
    desk.answers_anything("/api/tickets/user/")
    page = pay_page(client)
    text = client.get("/trips/").content.decode()
    assert "Not paid yet:" in text and "Ada Lovelace, $211.41" in text and f'href="{page}"' in text
    client.post(page, form_of(client, page))
    assert "Not paid yet:" not in client.get("/trips/").content.decode()


def test_more_trips_are_a_page_further(client: Client, desk: Desk, traveller: User) -> None:
    has_trips(client, desk, traveller)
    desk.lists_trips(traveller.traveller_id, booking(), following="more")
    assert "?after=ABC234" in client.get("/trips/").content.decode()


def test_trip_shows_reference_ticket_and_boarding_code(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    text = client.get(TRIP).content.decode()
    for shown in ("ABC234", "973-1234567890", "7A, Economy", "<svg", "$211.41", "Cancel this booking"):
        assert shown in text


def test_tickets_stand_in_the_order_of_their_seats(client: Client, desk: Desk) -> None:
    (ticket,) = booking()["tickets"]
    desk.answers(
        "/api/bookings/ABC234/",
        booking(tickets=[{**ticket, "seat_number": seat} for seat in ("12A", "4C", "4A")]),
    )
    text = client.get(TRIP).content.decode()
    assert text.index("4A, Economy") < text.index("4C, Economy") < text.index("12A, Economy")


def test_return_is_one_trip_with_a_ticket_for_each_flight(
    client: Client, desk: Desk, traveller: User
) -> None:
    has_trips(client, desk, traveller, return_booking())
    text = client.get("/trips/").content.decode()
    assert (
        text.count("<article") == 1 and "Dallas – Chicago and back" in text and "Return, Tue 15 Dec" in text
    )
    assert "ZZ101, seat 7A" in text and "ZZ102, seat 8B" in text and "1 passenger<" in text
    desk.answers("/api/bookings/ABC234/", return_booking())
    text = client.get(TRIP).content.decode()
    assert text.index("973-1234567890") < text.index("973-0987654321")
    for shown in ("Dallas – Chicago and back", "1 passenger", "7A, Economy", "8B, Economy", "$372.82"):
        assert shown in text
    assert text.count('role="img" aria-label="Boarding pass code of Ada Lovelace for ZZ10') == 2
    desk.quotes_a_cancellation()
    cancel = client.get(f"{TRIP}cancel/").content.decode()
    assert "ZZ101 seat 7A; " in cancel and "ZZ102 seat 8B" in cancel


def test_trip_on_the_way_is_upcoming_and_cannot_be_cancelled_any_more(
    client: Client, desk: Desk, traveller: User
) -> None:
    flown = {**OLD, "tickets": booking()["tickets"]}
    has_trips(client, desk, traveller, return_booking(flights=[flown, return_booking()["flights"][1]]))
    text = client.get("/trips/").content.decode()
    assert "upcoming</span>" in text and f"{TRIP}cancel/" not in text


def test_trip_of_somebody_else_is_the_same_404_as_none(client: Client, desk: Desk) -> None:
    desk.refuses("/api/bookings/ABC234/", 404, "NOT_FOUND", "There is no such booking.", method="GET")
    for page in (TRIP, f"{TRIP}ticket/", f"{TRIP}ticket.pdf", f"{TRIP}calendar.ics", f"{TRIP}cancel/"):
        assert client.get(page).status_code == 404


def test_cancelled_trip_has_no_boarding_code_and_no_cancellation(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking(status="CANCELLED"))
    text = client.get(TRIP).content.decode()
    assert "This booking is cancelled." in text
    assert "Boarding pass code" not in text and "Cancel this booking" not in text
    assert "Book again" in text and "Calendar file" not in text and "Released" not in text


def test_consequences_are_shown_before_a_cancellation(client: Client, desk: Desk, traveller: User) -> None:
    client.force_login(traveller)
    owner = traveller.traveller_id
    desk.answers("/api/bookings/ABC234/", booking(user_id=owner))
    account = {"user_id": owner, "balance": 100, "tier": "Member", "entries": []}
    desk.answers(f"/api/loyalty/{owner}/", account, base=LOYALTY)
    desk.quotes_a_cancellation()
    text = client.get(f"{TRIP}cancel/").content.decode()
    for shown in ("You get back $161.41", "$50.00", "$161.41 of $211.41 is given back", "161 miles are"):
        assert shown in text
    assert "This holds until Mon 23 Nov, 02:15 (UTC)" in text and "for a fee of $50.00" in text
    assert "Your balance goes from 100 to -61" in text
    assert desk.sent_to("/api/bookings/ABC234/cancel/") == []


def test_cancellation_runs_the_saga_back_and_shows_it(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    answer = {"success": True, "correlation_id": SAGA, "status": "COMPENSATING"}
    desk.answers("/api/bookings/ABC234/cancel/", answer, status=202, method="POST")
    assert client.post(f"{TRIP}cancel/", AGREED)["Location"] == f"/progress/{SAGA}/?how=1"
    (sent,) = desk.sent_to("/api/bookings/ABC234/cancel/")
    assert desk.body(sent) == {"quote_id": QUOTE}


def test_cancellation_without_a_fee_says_so(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    desk.quotes_a_cancellation(refund=211.41, fee=0)
    text = client.get(f"{TRIP}cancel/").content.decode()
    assert "You get back $211.41" in text and "There is no fee." in text and "for a fee" not in text


def test_cancellation_of_what_was_never_charged_promises_nothing_back(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    desk.quotes_a_cancellation(refund=0, fee=0)
    text = client.get(f"{TRIP}cancel/").content.decode()
    assert "<dt>You paid</dt><dd>$0.00</dd>" in text and "you owe nothing" in text
    assert "Nothing is given back: nothing was charged" in text and "to your card" not in text


def test_cancellation_of_what_was_charged_in_part_counts_that_part(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    desk.quotes_a_cancellation(refund=100, fee=50)
    text = client.get(f"{TRIP}cancel/").content.decode()
    assert "<dt>You paid</dt><dd>$150.00</dd>" in text and "$100.00 of $150.00 is given back" in text
    assert "A payment of this trip has expired before it was charged." in text


@pytest.mark.parametrize(
    ("status", "code", "extra"),
    [
        (409, "QUOTE_EXPIRED", {}),
        (409, "QUOTE_CHANGED", {}),
        (400, "INVALID", {"errors": {"quote_id": "is not a quote of this booking's cancellation"}}),
    ],
)
def test_quote_that_no_longer_holds_cancels_nothing_and_shows_what_holds(
    client: Client, desk: Desk, status: int, code: str, extra: Json
) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    desk.quotes_a_cancellation(refund=111.41, fee=100)
    desk.refuses("/api/bookings/ABC234/cancel/", status, code, "Ask for a new one.", **extra)
    response = client.post(f"{TRIP}cancel/", AGREED, follow=True)
    text = response.content.decode()
    assert response.redirect_chain == [(f"{TRIP}cancel/", 302)]
    assert "Nothing was cancelled" in text and "You get back $111.41" in text


@pytest.mark.parametrize("form", [{}, {"quote": "x"}, {"quote": f"{QUOTE}\n"}])
def test_form_without_a_quote_cancels_nothing_and_shows_one(
    client: Client, desk: Desk, form: dict[str, str]
) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    assert client.post(f"{TRIP}cancel/", form)["Location"] == f"{TRIP}cancel/"
    assert desk.sent_to("/api/bookings/ABC234/cancel/") == []


def test_booking_for_which_there_is_no_quote_says_why(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    detail = "This booking is cancelled already."
    desk.refuses("/api/bookings/ABC234/cancel-quote/", 409, "NOT_CANCELLABLE", detail, method="GET")
    text = client.get(f"{TRIP}cancel/").content.decode()
    assert detail in text and 'class="danger"' not in text


def test_cancellation_without_an_answer_leads_to_how_it_stands(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    desk.answers("/api/bookings/ABC234/cancel/", {}, status=503, method="POST")
    desk.tells(
        saga("COMPENSATING", "DONE UNDOING UNDONE UNDONE", reason="CANCELLED_BY_USER", finished_at=None)
    )
    text = client.post(f"{TRIP}cancel/", AGREED, follow=True).content.decode()
    assert "takes a little longer" in text and "Cancelling the payment" in text and "sse-connect" in text


def test_refused_cancellation_says_why(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    desk.refuses("/api/bookings/ABC234/cancel/", 409, "NOT_CANCELLABLE", "This booking has no saga.")
    assert "This booking has no saga." in client.post(f"{TRIP}cancel/", AGREED, follow=True).content.decode()


@pytest.mark.parametrize("trip", [booking(flight=OLD), booking(amount=None), booking(status="CANCELLED")])
def test_trip_that_cannot_be_cancelled_offers_no_button(client: Client, desk: Desk, trip: object) -> None:
    desk.answers("/api/bookings/ABC234/", trip)
    text = client.get(f"{TRIP}cancel/").content.decode()
    assert 'class="danger"' not in text and "Back to the trip" in text


def test_guest_finds_a_trip_by_reference_and_surname_and_may_open_it(
    client: Client, desk: Desk, settings: Settings
) -> None:
    settings.DEMO_MODE = False
    desk.answers("/api/bookings/find/", booking(user_id="u-1"), method="POST")
    desk.answers("/api/bookings/ABC234/", booking(user_id="u-1"))
    found = client.post("/trips/find/", {"reference": "abc234", "surname": " lovelace "})
    assert found["Location"] == TRIP
    client.get(TRIP)
    (looked_up,), (opened,) = desk.sent_to("/api/bookings/find/"), desk.sent_to("/api/bookings/ABC234/")
    assert desk.body(looked_up) == {"booking_reference": "ABC234", "surname": "lovelace"}
    assert not {ON_BEHALF_OF, ROLE} & set(looked_up.headers)
    assert opened.headers["X-On-Behalf-Of"] == "u-1"
    assert "X-On-Behalf-Of-Role" not in opened.headers


def test_trip_found_by_reference_shows_nothing_of_its_owners_account(
    client: Client, desk: Desk, settings: Settings
) -> None:
    settings.DEMO_MODE = False
    desk.answers("/api/bookings/find/", booking(user_id="u-1"), method="POST")
    desk.answers("/api/bookings/ABC234/", booking(user_id="u-1"))
    client.post("/trips/find/", {"reference": "ABC234", "surname": "Lovelace"})
    desk.quotes_a_cancellation()
    text = client.get(f"{TRIP}cancel/").content.decode()
    assert "161 miles are taken back" in text and "Your balance" not in text
    assert [call for call in desk.calls if "/api/loyalty/" in str(call.url)] == []


def test_trip_that_is_not_found_says_so_and_is_kept_in_the_audit_trail(client: Client, desk: Desk) -> None:
    desk.refuses("/api/bookings/find/", 404, "NOT_FOUND", "There is no such booking.")
    page = client.post("/trips/find/", {"reference": "ABC234", "surname": "Byron"})
    assert page.status_code == 422
    assert "There is no trip with this reference and last name." in page.content.decode()
    (refused,) = AuditEntry.objects.filter(kind=AuditKind.REFUSAL)
    assert (refused.action, refused.address) == ("POST /trips/find/", "127.0.0.1")


def test_browser_without_a_session_sends_no_user_to_the_backend_and_gets_its_404(
    client: Client, desk: Desk, settings: Settings
) -> None:
    settings.DEMO_MODE = False
    desk.knows_nothing()
    asked = [TRIP, f"{TRIP}ticket/", f"{TRIP}ticket.pdf", f"{TRIP}calendar.ics", f"{TRIP}cancel/"]
    asked += [f"/progress/{SAGA}/", f"/progress/{SAGA}/part/", f"/api/saga/stream/{SAGA}/"]
    for path in asked:
        assert client.get(path).status_code == 404, path
    assert client.post(f"{TRIP}cancel/").status_code == 404
    assert len(desk.calls) == len(asked) + 1
    assert not [call for call in desk.calls if {ON_BEHALF_OF, ROLE} & set(call.headers)]
    assert {entry.actor for entry in AuditEntry.objects.filter(kind=AuditKind.REFUSAL)} == {""}


def test_malformed_reference_asks_nobody(client: Client, desk: Desk) -> None:
    text = client.post("/trips/find/", {"reference": "ab/../", "surname": "x"}).content.decode()
    assert "six letters and digits" in text and desk.calls == []


def test_loyalty_links_every_entry_to_its_booking(client: Client, desk: Desk, traveller: User) -> None:
    has_trips(client, desk, traveller, booking())
    entry = {"correlation_id": SAGA, "kind": "AWARD", "miles": 161, "created_at": "2026-11-23T02:00:00.1Z"}
    account = {"balance": 1250, "tier": "Member", "next_tier": {"tier": "Bronze", "miles_missing": 3750}}
    path = f"/api/loyalty/{traveller.traveller_id}/"
    desk.answers(path, {"user_id": "x", "in_debt": False, "entries": [entry], **account}, base=LOYALTY)
    text = client.get("/miles/").content.decode()
    for shown in (
        "1,250",
        "+161",
        "Earned",
        "3,750 miles to Bronze",
        f"/progress/{SAGA}/",
        "/trips/ABC234/",
        'width="25"',
    ):
        assert shown in text


def test_loyalty_of_a_newcomer_is_empty(client: Client, desk: Desk, traveller: User) -> None:
    has_trips(client, desk, traveller)
    path = f"/api/loyalty/{traveller.traveller_id}/"
    desk.answers(path, {"code": "NOT_FOUND"}, status=404, base=LOYALTY)
    text = client.get("/miles/").content.decode()
    assert "No entries yet." in text and 'class="fill" width="0"' in text
