"""Limits of what a visitor may do outside demo mode."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings
from service_kit.limits import Limit
from service_kit.security.models import Attempt

from tests.buying import form_of, pay_page
from tests.desk import SAGA, Desk
from ui.models import User

WRONG = {"username": "ada", "password": "wrong"}
RIGHT = {**WRONG, "password": "correct horse 9"}


@pytest.fixture(autouse=True)
def real_mode(settings: Settings, demo_mode: None) -> None:
    settings.DEMO_MODE = False
    few = {name: Limit(3, 5, seconds=300) for name in settings.LIMITS}
    settings.LIMITS = {**few, "finds": Limit(0, 3, seconds=300), "reads": Limit(100, 100)}


def assert_too_often(response: Any) -> None:
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 300


def test_login_tried_too_often_is_a_429_even_with_the_right_password(client: Client, traveller: User) -> None:
    assert [client.post("/account/login/", WRONG).status_code for _ in range(3)] == [422] * 3
    assert_too_often(client.post("/account/login/", RIGHT))


def test_others_may_still_log_in(client: Client, traveller: User) -> None:
    for _ in range(4):
        client.post("/account/login/", {"username": "somebody", "password": "x"})
    assert client.post("/account/login/", RIGHT).status_code == 302


def test_logins_with_ever_new_names_are_stopped_by_their_address(client: Client, traveller: User) -> None:
    seen = [client.post("/account/login/", {**WRONG, "username": f"u{n}"}).status_code for n in range(6)]
    assert seen == [422] * 5 + [429]
    assert client.post("/account/login/", RIGHT, REMOTE_ADDR="192.0.2.7").status_code == 302


@pytest.mark.parametrize("spelt", ["ada ", " ADA", "\uff41\uff44\uff41", "Ada"])
def test_every_spelling_of_a_name_is_one_name(client: Client, traveller: User, spelt: str) -> None:
    for number in range(3):
        client.post("/account/login/", WRONG, REMOTE_ADDR=f"192.0.2.{number}")
    other = client.post("/account/login/", {**RIGHT, "username": spelt}, REMOTE_ADDR="192.0.2.9")
    assert_too_often(other)


def test_wrong_guesses_of_others_leave_the_owner_a_known_browser(client: Client, traveller: User) -> None:
    assert client.post("/account/login/", RIGHT).status_code == 302
    client.post("/account/logout/")
    stranger = Client()
    for _ in range(3):
        stranger.post("/account/login/", WRONG, REMOTE_ADDR="192.0.2.7")
    assert_too_often(stranger.post("/account/login/", RIGHT, REMOTE_ADDR="192.0.2.8"))
    assert client.post("/account/login/", RIGHT).status_code == 302


def test_a_known_browser_may_guess_no_more_often_and_only_its_owner_s_name(
    client: Client, traveller: User
) -> None:
    client.post("/account/login/", RIGHT)
    client.post("/account/logout/")
    assert [client.post("/account/login/", WRONG).status_code for _ in range(3)] == [422] * 3
    assert_too_often(client.post("/account/login/", RIGHT))
    forged = Client()
    forged.cookies["known_browser"] = client.cookies["known_browser"].value.replace("ada", "bob")
    for _ in range(3):
        forged.post("/account/login/", {"username": "bob", "password": "x"}, REMOTE_ADDR="192.0.2.7")
    assert Attempt.objects.filter(key="logins:user:bob").exists()


def test_no_throttle_key_holds_a_card_number(client: Client, db: None) -> None:
    client.post("/account/login/", {"username": "4111 1111 1111 1111", "password": "x"})
    assert not [key for key in Attempt.objects.values_list("key", flat=True) if "1111" in key]


def test_the_backend_receives_the_visitors_address(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, form_of(client, page), REMOTE_ADDR="192.0.2.44")
    (sent,) = desk.sent_to("/api/saga/start-booking/")
    assert sent.headers["X-On-Behalf-Of-Address"] == "192.0.2.44"


def test_guessing_references_is_stopped(client: Client, desk: Desk) -> None:
    desk.refuses("/api/bookings/find/", 404, "NOT_FOUND", "There is no such booking.")
    form = {"reference": "XYZ999", "surname": "x"}
    assert [client.post("/trips/find/", form).status_code for _ in range(4)] == [422] * 3 + [429]
    assert len(desk.calls) == 3


def test_guessing_the_name_of_one_reference_from_many_addresses_is_stopped(
    client: Client, desk: Desk, settings: Settings
) -> None:
    settings.LIMITS = {**settings.LIMITS, "finds": Limit(3, 0, seconds=300)}
    desk.refuses("/api/bookings/find/", 404, "NOT_FOUND", "There is no such booking.")

    def find(reference: str, number: int) -> int:
        form = {"reference": reference, "surname": f"guess {number}"}
        return client.post("/trips/find/", form, REMOTE_ADDR=f"192.0.2.{number}").status_code

    seen = [find(reference, n) for n, reference in enumerate(("XYZ999", "xyz999", "XyZ999", "xYz999"))]
    assert seen == [422] * 3 + [429]
    assert find("ABC234", 9) == 422


def test_starting_bookings_without_end_is_stopped_before_a_service_is_asked(
    client: Client, desk: Desk, traveller: User
) -> None:
    client.force_login(traveller)
    desk.sells().starts()
    pages = [pay_page(client) for _ in range(4)]
    sent = [client.post(page, form_of(client, page)) for page in pages]
    assert [response.status_code for response in sent] == [302] * 3 + [429]
    assert len(desk.sent_to("/api/saga/start-booking/")) == 3


def test_registering_without_end_is_stopped(client: Client, desk: Desk) -> None:
    seen = [client.post("/account/register/", {"username": ""}).status_code for _ in range(6)]
    assert seen == [422] * 5 + [429]


@pytest.mark.parametrize("page", [f"/progress/{SAGA}/part/", f"/api/saga/stream/{SAGA}/"])
def test_following_a_booking_too_often_is_a_429(client: Client, desk: Desk, page: str) -> None:
    desk.refuses(f"/api/saga/status/{SAGA}/", 404, "NOT_FOUND", "There is no such saga.", method="GET")
    assert [client.get(page).status_code for _ in range(6)] == [404] * 5 + [429]
    response = client.get(page)
    assert_too_often(response)
    assert ("problem+json" in response["Content-Type"]) == page.startswith("/api/")


def test_reading_pages_too_often_is_a_429_and_health_is_never(
    client: Client, desk: Desk, settings: Settings
) -> None:
    settings.LIMITS = {**settings.LIMITS, "reads": Limit(100, 2)}
    assert [client.get("/how-it-works/").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/api/health/").status_code == 200


def test_limit_of_the_backend_is_shown_as_a_limit(client: Client, desk: Desk) -> None:
    desk.puts_off(f"/api/saga/status/{SAGA}/", method="GET", seconds=17)
    response = client.get(f"/progress/{SAGA}/")
    assert (response.status_code, response["Retry-After"]) == (429, "17")
    assert "Too many requests: try again in 17 seconds." in response.content.decode()


def test_payment_that_the_backend_puts_off_says_for_how_long(client: Client, desk: Desk) -> None:
    desk.sells()
    desk.puts_off("/api/saga/start-booking/", method="POST", seconds=17)
    page = pay_page(client)
    response = client.post(page, form_of(client, page))
    assert (response.status_code, response["Retry-After"]) == (429, "17")
    assert "Too many requests: try again in 17 seconds." in response.content.decode()


def test_demo_mode_has_no_limits(client: Client, traveller: User, settings: Settings) -> None:
    settings.DEMO_MODE = True
    assert {client.post("/account/login/", WRONG).status_code for _ in range(9)} == {422}
    assert Attempt.objects.count() == 0
