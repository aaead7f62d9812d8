"""A guest who gets an account keeps the trips and the miles."""

import pytest
from django.test import Client

from tests.buying import START, form_of, pay_page
from tests.desk import LOYALTY, SAGA, Desk, Json, booking
from ui.models import ClaimedGuest, User

LOGIN = {"username": "ada", "password": "correct horse 9"}
REGISTER = {"username": "grace", "email": "grace@example.com", "password": "correct horse 9"}
ALSO = "X-On-Behalf-Of-Also"


def books(client: Client, desk: Desk) -> str:
    """A booking by a guest; the guest's id."""
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, form_of(client, page))
    guest: str = desk.body(desk.sent_to(START)[-1])["user_id"]
    desk.answers("/api/bookings/ABC234/", booking(user_id=guest))
    tells_trips(desk, guest, booking(user_id=guest))
    return guest


def tells_trips(desk: Desk, user_id: str, *trips: Json) -> None:
    found = {"results": list(trips), "next": None}
    desk.answers(f"/api/tickets/user/{user_id}/", found)
    counts = {"upcoming": len(trips), "past": 0, "cancelled": 0}
    desk.answers(f"/api/tickets/user/{user_id}/trips/", {**found, "counts": counts})


def has_nothing(desk: Desk, user: User) -> None:
    desk.lists()
    tells_trips(desk, user.traveller_id)
    desk.answers(f"/api/loyalty/{user.traveller_id}/", {"code": "NOT_FOUND"}, status=404, base=LOYALTY)


@pytest.mark.parametrize(
    ("path", "form", "name"), [("/account/login/", LOGIN, "ada"), ("/account/register/", REGISTER, "grace")]
)
def test_login_and_registration_bring_the_guests_trips_into_the_account(
    client: Client, desk: Desk, traveller: User, path: str, form: dict[str, str], name: str
) -> None:
    guest = books(client, desk)
    assert client.post(path, form).status_code == 302
    user = User.objects.get(username=name)
    has_nothing(desk, user)
    text = client.get("/trips/").content.decode()
    assert "ABC234" in text and "The trips that you booked here as a guest are in your account now." in text
    client.get("/trips/ABC234/")
    asked = desk.sent_to("/api/bookings/ABC234/")[-1].headers
    assert (asked["X-On-Behalf-Of"], asked[ALSO]) == (user.traveller_id, guest)


def test_miles_of_a_guest_are_shown_in_the_account(client: Client, desk: Desk, traveller: User) -> None:
    guest = books(client, desk)
    client.post("/account/login/", LOGIN)
    has_nothing(desk, traveller)
    entry = {"correlation_id": SAGA, "kind": "AWARD", "miles": 161, "created_at": "2026-11-23T02:00:00.1Z"}
    account = {"user_id": guest, "balance": 161, "tier": "Member", "next_tier": None, "entries": [entry]}
    desk.answers(f"/api/loyalty/{guest}/", account, base=LOYALTY)
    text = client.get("/miles/").content.decode()
    assert "And 161 of trips that you booked as a guest." in text
    assert "+161" in text and "/trips/ABC234/" in text
    desk.quotes_a_cancellation()
    assert "Your balance goes from 161 to 0" in client.get("/trips/ABC234/cancel/").content.decode()


def test_login_deletes_the_guest_cookie(client: Client, desk: Desk, traveller: User) -> None:
    guest = books(client, desk)
    client.post("/account/login/", LOGIN)
    client.post("/account/logout/")
    client.get("/trips/ABC234/")
    asked = desk.sent_to("/api/bookings/ABC234/")[-1].headers
    assert "X-On-Behalf-Of" not in asked and ALSO not in asked
    assert books(client, desk) != guest


def test_guest_stays_with_the_account_that_came_first(client: Client, desk: Desk, traveller: User) -> None:
    books(client, desk)
    kept = client.cookies["guest_id"].value
    client.post("/account/login/", LOGIN)
    other = Client()
    other.cookies["guest_id"] = kept
    other.post("/account/register/", REGISTER)
    (claimed,) = ClaimedGuest.objects.all()
    assert claimed.user == traveller
    assert User.objects.get(username="grace").guest_ids == ()


def test_login_without_a_guest_claims_nothing(client: Client, desk: Desk, traveller: User) -> None:
    client.post("/account/login/", LOGIN)
    has_nothing(desk, traveller)
    assert "as a guest" not in client.get("/trips/").content.decode()
    assert ClaimedGuest.objects.count() == 0


def test_wrong_password_claims_nothing(client: Client, desk: Desk, traveller: User) -> None:
    books(client, desk)
    client.post("/account/login/", {**LOGIN, "password": "wrong"})
    assert ClaimedGuest.objects.count() == 0
    assert client.cookies["guest_id"].value


def test_confirmation_offers_a_guest_to_keep_the_trip_and_its_miles(
    client: Client, desk: Desk, traveller: User
) -> None:
    offer = "this trip and its 161 miles are yours there"
    books(client, desk)
    text = client.get("/trips/ABC234/?new=1").content.decode()
    assert (
        offer in text
        and 'href="/account/register/"' in text
        and "/account/login/?next=/trips/ABC234/" in text
    )
    client.post("/account/login/", LOGIN)
    assert offer not in client.get("/trips/ABC234/?new=1").content.decode()


def test_who_only_found_a_trip_is_not_offered_it(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/find/", booking(user_id="u-1"), method="POST")
    desk.answers("/api/bookings/ABC234/", booking(user_id="u-1"))
    client.post("/trips/find/", {"reference": "ABC234", "surname": "Lovelace"})
    assert "yours there" not in client.get("/trips/ABC234/").content.decode()
