"""What is filled in and sent is a row: who may open it, what it may become, and what is forgotten of it."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.signing import get_cookie_signer
from django.db import IntegrityError, connection
from django.test import Client
from django_sagas.clock import utc_now
from pytest_django import Settings

from tests.buying import ADA, ONE, PASSENGERS, START, form_of, pay_page
from tests.desk import COMPLETED, DECLINED, RETURN, RUNNING, SAGA, Desk, flight, turned
from ui.booking import drafts, payments
from ui.models import Attempt, Draft, User
from ui.view_models.sagas import from_status

LIST = "/api/saga/"
THREADS, SECONDS = 4, 20


def away(desk: Desk, *paths: str) -> None:
    for path in paths:
        desk.answers(path, {}, status=503, method="POST" if path == START else "GET")


def found_by_key(desk: Desk, *sagas: Any) -> None:
    desk.answers(LIST, {"results": list(sagas), "next": None})


def owner_of_booking(desk: Desk) -> str:
    return str(desk.body(desk.sent_to(START)[-1])["user_id"])


# Who


def test_guest_is_known_by_a_cookie_before_anything_can_be_paid(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    client.get(f"{PASSENGERS}?{ONE}")
    cookie = client.cookies["guest_id"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    guest = get_cookie_signer(salt="guest_id").unsign(cookie.value)
    page = pay_page(client)
    assert client.cookies["guest_id"].value == cookie.value
    client.post(page, form_of(client, page))
    assert owner_of_booking(desk) == guest


def test_guest_of_an_overwritten_session_is_the_same_guest(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    form = form_of(client, page)
    client.cookies.pop("ui_session", None)
    assert client.post(page, form)["Location"] == f"/progress/{SAGA}/"
    assert Draft.objects.get().owner_id == owner_of_booking(desk)


def test_guest_of_an_earlier_releases_session_stays_the_same(client: Client, desk: Desk) -> None:
    session = client.session
    session["guest_id"] = "guest-of-before"
    session.save()
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, form_of(client, page))
    assert owner_of_booking(desk) == "guest-of-before"


def test_forged_guest_is_nobody(client: Client, desk: Desk) -> None:
    desk.sells()
    page = pay_page(client)
    stranger = Client()
    stranger.cookies["guest_id"] = Draft.objects.get().owner_id
    assert stranger.get(page)["Location"] == "/"


def test_draft_of_a_guest_is_open_after_the_login_and_paid_by_the_account(
    client: Client, desk: Desk, traveller: User
) -> None:
    desk.sells().starts()
    page = pay_page(client)
    client.force_login(traveller)
    client.post(page, form_of(client, page))
    assert owner_of_booking(desk) == traveller.traveller_id
    client.logout()
    assert client.get(page)["Location"] == "/", "what the account paid for is closed with its session"


def test_what_a_guest_sent_is_sent_again_for_the_guest_after_a_login(
    client: Client, desk: Desk, traveller: User
) -> None:
    desk.sells()
    away(desk, START)
    page = pay_page(client)
    client.post(page, form_of(client, page))
    guest = owner_of_booking(desk)
    client.force_login(traveller)
    found_by_key(desk)
    client.post(page, form_of(client, page))
    first, second = desk.sent_to(START)
    assert owner_of_booking(desk) == guest != traveller.traveller_id
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_foreign_draft_id_makes_an_own_draft(client: Client, desk: Desk) -> None:
    desk.sells()
    pay_page(client)
    other = Draft.objects.get()
    stranger = Client()
    page = pay_page(stranger, f"{ONE}&draft={other.id}")
    assert other.id not in page and Draft.objects.count() == 2
    assert Draft.objects.get(id=other.id).people == other.people


# The same form again


def test_passengers_sent_twice_are_one_draft(client: Client, desk: Desk) -> None:
    desk.sells()
    seats = client.get(f"/book/seats/?{ONE}").content.decode()
    draft = seats.split('name="draft" value="')[1].split('"')[0]
    pages = {pay_page(client, f"{ONE}&draft={draft}") for _ in range(2)}
    assert pages == {f"/book/{draft}/pay/"} and Draft.objects.count() == 1


@pytest.mark.parametrize("changed", [{"p0-first_name": "Augusta"}, {"email": "new@example.com"}])
def test_form_of_what_has_changed_since_starts_nothing(
    client: Client, desk: Desk, changed: dict[str, str]
) -> None:
    desk.sells().starts()
    page = pay_page(client)
    old = form_of(client, page)
    client.post(f"{PASSENGERS}?{ONE}&draft={Draft.objects.get().id}", {**ADA, **changed})
    response = client.post(page, old)
    assert response.status_code == 409 and "Something changed" in response.content.decode()
    assert desk.sent_to(START) == []
    assert client.post(page, form_of(client, page)).status_code == 302


def test_form_with_the_price_of_another_day_starts_nothing(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    old = form_of(client, page)
    dearer = [{"seat_class": "economy", "fare": 200.00, "seats": 156, "seats_left": 9}]
    desk.answers("/api/flights/1/", flight(seat_classes=dearer))
    assert "The price has changed" in client.get(page).content.decode()
    assert client.post(page, old).status_code == 409
    assert desk.sent_to(START) == []


def test_form_of_a_failed_try_shows_how_it_failed(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    old = form_of(client, page)
    client.post(page, old)
    desk.tells(DECLINED)
    client.get(page)
    assert client.post(page, old)["Location"] == f"/progress/{SAGA}/"
    assert len(desk.sent_to(START)) == 1


# No answer


def test_retry_page_needs_no_other_service(client: Client, desk: Desk) -> None:
    desk.sells()
    away(desk, START)
    page = pay_page(client)
    form = form_of(client, page)
    away(desk, "/api/flights/1/", LIST)
    sent = client.post(page, form)
    assert sent.status_code == 503 and sent["Retry-After"] == "2"
    again = client.get(page)
    assert again.status_code == 200
    assert "we have no answer to it yet" in again.content.decode()
    for shown in (sent.content.decode(), again.content.decode()):
        assert "$211.41" in shown and "Ada" in shown and f'value="{form["key"]}"' in shown


def test_first_try_that_had_arrived_is_shown_by_its_key(client: Client, desk: Desk) -> None:
    desk.sells()
    away(desk, START)
    page = pay_page(client)
    form = form_of(client, page)
    client.post(page, form)
    found_by_key(desk, RUNNING)
    assert client.get(page)["Location"] == f"/progress/{SAGA}/"
    query = desk.query(LIST)
    key = Attempt.objects.get().key
    assert query == {"user_id": owner_of_booking(desk), "idempotency_key": key}


def test_first_try_that_never_arrived_is_sent_again_under_its_key(client: Client, desk: Desk) -> None:
    desk.sells()
    away(desk, START)
    page = pay_page(client)
    client.post(page, form_of(client, page))
    found_by_key(desk)
    assert "it has not reached the booking desk so far" in client.get(page).content.decode()
    client.post(page, form_of(client, page))
    first, second = desk.sent_to(START)
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_answer_that_names_no_booking_is_no_answer(client: Client, desk: Desk) -> None:
    desk.sells()
    desk.answers(START, {"hello": "world"}, method="POST")
    page = pay_page(client)
    assert client.post(page, form_of(client, page)).status_code == 503
    assert Attempt.objects.get().state == "sent"


def test_my_trips_show_what_was_sent_while_the_booking_desk_is_away(client: Client, desk: Desk) -> None:
    desk.sells()
    away(desk, START, LIST)
    page = pay_page(client)
    client.post(page, form_of(client, page))
    away(desk, f"/api/tickets/user/{owner_of_booking(desk)}/trips/")
    response = client.get("/trips/")
    text = response.content.decode()
    assert (response.status_code, response["Retry-After"]) == (503, "2")
    assert "Sent and not answered" in text and f'href="{page}"' in text
    assert "Your trips cannot be shown just now." in text and "No trips yet" not in text


def test_unanswered_payment_stands_in_my_trips(client: Client, desk: Desk) -> None:
    desk.sells()
    away(desk, START)
    desk.answers_anything("/api/tickets/user/")
    page = pay_page(client)
    client.post(page, form_of(client, page))
    found_by_key(desk)
    text = client.get("/trips/").content.decode()
    assert "Sent and not answered" in text and f'href="{page}"' in text


def test_booked_trip_is_not_filled_in_again(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2)).starts()
    page = pay_page(client, RETURN)
    client.post(page, form_of(client, page))
    draft = Draft.objects.get()
    for path in ("/book/seats/", PASSENGERS):
        assert client.get(f"{path}?{RETURN}&draft={draft.id}")["Location"] == page
    two = f"flight=2&cabin=economy&passengers=2&draft={draft.id}"
    people = {**ADA, "p1-first_name": "Grace", "p1-last_name": "Hopper"}
    assert client.post(f"{PASSENGERS}?{two}", people)["Location"] == page
    assert (Draft.objects.get().count, Draft.objects.get().legs) == (1, draft.legs)


# Failed


def test_failed_booking_stands_in_my_trips_with_reason_and_next_step(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, form_of(client, page))
    desk.lists({**DECLINED, "created_at": utc_now().isoformat()})
    desk.answers_anything("/api/tickets/user/")
    text = client.get("/trips/").content.decode()
    assert "Not booked: Dallas – Chicago, ZZ101" in text and "Your bank refused the payment." in text
    assert f'<a href="{page}">Try another card</a>' in text
    desk.starts("second")
    client.post(page, form_of(client, page))
    assert "Not booked" not in client.get("/trips/").content.decode(), "it was tried again"


@pytest.mark.parametrize("days", [1, 30])
def test_failures_of_long_ago_do_not_stand_in_my_trips(
    client: Client, desk: Desk, traveller: User, days: int
) -> None:
    client.force_login(traveller)
    desk.lists({**DECLINED, "created_at": (utc_now() - timedelta(days=days)).isoformat()})
    desk.answers_anything("/api/tickets/user/")
    text = client.get("/trips/").content.decode()
    assert ("Not booked" in text) == (days == 1) and ("Search again" in text) == (days == 1)


# What is kept


def test_names_are_erased_once_it_is_booked(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2)).starts()
    page = pay_page(client, RETURN)
    client.post(page, form_of(client, page))
    desk.tells(RUNNING)
    client.get(page)
    assert "Lovelace" in Draft.objects.get().people, "it may have to be sent again"
    desk.tells(COMPLETED)
    for _ in range(2):
        assert client.get(page)["Location"] == f"/progress/{SAGA}/"
        assert Draft.objects.get().people == ""


def test_no_card_is_kept(client: Client, desk: Desk) -> None:
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, {**form_of(client, page), "card_token": "tok_very_secret"})
    with connection.cursor() as cursor:
        for table in ("ui_draft", "ui_attempt", "django_session"):
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608 - names of this line
            assert "tok_very_secret" not in str(cursor.fetchall())


def test_old_drafts_are_deleted(client: Client, desk: Desk, settings: Settings) -> None:
    settings.DRAFT_DAYS = 14
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, form_of(client, page))
    pay_page(client)
    old, recent = Draft.objects.order_by("created_at")
    Draft.objects.filter(id=old.id).update(changed_at=utc_now() - timedelta(days=14, minutes=1))
    Draft.objects.filter(id=recent.id).update(changed_at=utc_now() - timedelta(days=13, hours=23))
    pay_page(client)
    kept = set(Draft.objects.values_list("id", flat=True))
    assert old.id not in kept and recent.id in kept and Attempt.objects.count() == 0


def test_typed_text_that_a_database_may_refuse_is_kept(client: Client, desk: Desk) -> None:
    desk.sells()
    client.post(f"{PASSENGERS}?{ONE}", {**ADA, "p0-first_name": "A\x00da", "add": "1"})
    assert Draft.objects.get().passengers[0]["first_name"].startswith("A\x00")


def test_form_without_cookies_keeps_what_was_typed(desk: Desk) -> None:
    desk.sells().starts()
    browser = Client(enforce_csrf_checks=True)
    address = f"{PASSENGERS}?{ONE}"
    response = browser.post(address, ADA)
    text = response.content.decode()
    assert response.status_code == 403 and 'value="Lovelace"' in text and "is still here" in text
    token = text.split('name="csrfmiddlewaretoken" value="')[1].split('"')[0]
    page = browser.post(address, {**ADA, "csrfmiddlewaretoken": token})["Location"]
    assert "Lovelace" in browser.get(page).content.decode()


def test_form_without_cookies_is_called_expired(desk: Desk) -> None:
    response = Client(enforce_csrf_checks=True).post("/trips/find/", {})
    assert response.status_code == 403 and "This form has expired" in response.content.decode()


# The database's own rules


@pytest.fixture
def draft(transactional_db: None) -> Draft:
    chosen = drafts.Selection(flights=(1,), passengers=1)
    filled = drafts.Filled(chosen, [{"first_name": "Ada"}], {}, Decimal("211.41"), [flight()])
    return Draft.objects.get(id=drafts.save(filled, owner_id="guest-1", owners=["guest-1"]))


def attempt(draft: Draft, **changes: Any) -> Attempt:
    row = {"owner_id": "guest-1", "key": drafts.new_id(), "state": "sent", "created_at": utc_now()}
    return Attempt.objects.create(draft=draft, **{**row, **changes})


def test_draft_has_one_live_attempt(draft: Draft) -> None:
    attempt(draft, state="failed", correlation_id="a")
    attempt(draft, state="failed", correlation_id="b")
    attempt(draft)
    with pytest.raises(IntegrityError):
        attempt(draft, state="started", correlation_id="c")


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "sent", "correlation_id": "a"},
        {"state": "started"},
        {"state": "failed"},
        {"state": "booked", "correlation_id": "a"},
        {"state": "started", "correlation_id": "a", "booking_reference": "ABC234"},
    ],
)
def test_attempt_in_an_impossible_state_is_refused(draft: Draft, wrong: dict[str, str]) -> None:
    with pytest.raises(IntegrityError):
        attempt(draft, **wrong)


def at_once(work: Callable[[], Any]) -> list[Any]:
    """The same in several threads, each with a connection of its own."""
    together = threading.Barrier(THREADS)

    def one(_: int) -> Any:
        try:
            together.wait(SECONDS)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(one, range(THREADS)))


def test_payments_begun_at_the_same_moment_are_one_attempt(draft: Draft) -> None:
    begun = at_once(lambda: payments.begin(draft, version=draft.version, owner_id="guest-1"))
    assert len({attempt.key for attempt in begun}) == 1
    assert Attempt.objects.count() == 1


def test_drafts_saved_at_the_same_moment_under_one_id_are_one(draft: Draft) -> None:
    chosen = drafts.Selection(flights=(1,), draft=drafts.new_id())
    filled = drafts.Filled(chosen, [{"first_name": "Grace"}], {})
    saved = at_once(lambda: drafts.save(filled, owner_id="guest-1", owners=["guest-1"]))
    assert set(saved) == {chosen.draft}
    assert Draft.objects.count() == 2


def test_ending_seen_at_the_same_moment_asks_for_one_new_form(draft: Draft) -> None:
    made = payments.begin(draft, version=draft.version, owner_id="guest-1")
    payments.record(made, SAGA)

    def see() -> str:
        payments.note(from_status(DECLINED))
        return Draft.objects.get().version

    versions = at_once(see)
    assert len({*versions, Draft.objects.get().version}) == 1


def test_draft_without_an_owner_is_refused(draft: Draft) -> None:
    with pytest.raises(IntegrityError):
        Draft.objects.filter(id=draft.id).update(owner_id="")


def test_ending_is_kept_once_and_a_failure_asks_for_a_new_form(draft: Draft) -> None:
    made = payments.begin(draft, version=draft.version, owner_id="guest-1")
    payments.record(made, SAGA)
    payments.note(from_status(DECLINED))
    failed = Draft.objects.get().version
    assert failed != draft.version
    payments.note(from_status(DECLINED))
    payments.note(from_status(COMPLETED))
    made.refresh_from_db()
    assert (made.state, Draft.objects.get().version) == ("failed", failed), "what ended stays as it ended"
    with pytest.raises(payments.Stale):
        payments.begin(draft, version=draft.version, owner_id="guest-1")
