"""The page of a booking under way: plain words, safe to reload, and a next step after a failure."""

import html
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils.html import strip_tags
from django_sagas.clock import utc_now

from tests.buying import ADA, form_of, pay_page
from tests.desk import (
    COMPLETED,
    DECLINED,
    RETURN,
    RUNNING,
    SAGA,
    SEAT_LOST,
    Desk,
    Json,
    flight,
    saga,
    turned,
)

PAGE = f"/progress/{SAGA}/"
HOW = f"{PAGE}?how=1"


def booked(client: Client, desk: Desk) -> str:
    """A saga started from this browser; the address of its booking form."""
    desk.sells().starts()
    page = pay_page(client)
    client.post(page, form_of(client, page))
    return page


def test_running_saga_is_live_and_reloads_itself_without_javascript(client: Client, desk: Desk) -> None:
    desk.tells(RUNNING)
    text = client.get(PAGE).content.decode()
    assert "Seats held" in text and "Asking your bank" in text and "Issue the tickets" in text
    assert f'sse-connect="/api/saga/stream/{SAGA}/"' in text
    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in text


def test_finished_saga_leads_to_the_trip_and_shows_how_it_went_only_if_asked(
    client: Client, desk: Desk
) -> None:
    desk.tells(COMPLETED)
    assert client.get(PAGE)["Location"] == "/trips/ABC234/?new=1"
    assert client.get(f"{PAGE}part/", headers={"HX-Request": "true"})["HX-Redirect"] == "/trips/ABC234/?new=1"
    text = client.get(HOW).content.decode()
    assert "/trips/ABC234/" in text and "$211.41 is charged to your card, once." in text
    assert "sse-connect" not in text and "http-equiv" not in text


@pytest.mark.parametrize(("status", "code"), [(RUNNING, 200), (COMPLETED, 286)])
def test_fragment_stops_the_polling_once_it_is_over(
    client: Client, desk: Desk, status: Json, code: int
) -> None:
    desk.tells(status)
    assert client.get(f"{PAGE}part/", headers={"HX-Request": "true"}).status_code == code


def test_declined_card_says_why_what_was_undone_and_offers_another_card(client: Client, desk: Desk) -> None:
    page = booked(client, desk)
    desk.tells(DECLINED)
    text = client.get(PAGE).content.decode()
    assert "Your bank refused the payment." in text and "Nothing was charged." in text
    assert "Seats given back" in text
    assert f'href="{page}"' in text and "Try another card" in text
    assert "Lovelace" in client.get(page).content.decode()


def test_lost_seat_offers_the_seat_map_with_everything_kept(client: Client, desk: Desk) -> None:
    booked(client, desk)
    desk.tells(SEAT_LOST)
    text = client.get(PAGE).content.decode()
    assert "Choose another seat" in text and "Nothing had to be" in text
    assert "/book/seats/?flight=1&amp;cabin=economy&amp;passengers=1&amp;seats1=" in text


def test_failure_seen_from_another_browser_offers_a_new_search(client: Client, desk: Desk) -> None:
    desk.tells(DECLINED)
    assert "Search again" in client.get(PAGE).content.decode()


def test_cancelled_booking_is_not_called_a_failure(client: Client, desk: Desk) -> None:
    terms = {"refund": 161.41, "fee": 50.00, "miles": 161}
    undone = saga("COMPENSATED", "UNDONE UNDONE UNDONE UNDONE", reason="CANCELLED_BY_USER", result=terms)
    desk.tells({**undone, "booking_reference": "ABC234"})
    text = client.get(PAGE).content.decode()
    assert "Cancelled" in text
    assert "$161.41 is given back to the card that you paid with; a fee of $50.00 is kept." in text
    assert "did not work out" not in text


@pytest.mark.parametrize(
    ("refund", "fee", "said"),
    [
        (0, 50, "Nothing is given back: the fee is as much as you paid."),
        (0, 0, "Nothing was charged, and nothing is set aside on your card any more."),
    ],
)
def test_cancellation_that_gives_nothing_back_says_why(
    client: Client, desk: Desk, refund: float, fee: float, said: str
) -> None:
    terms = {"refund": refund, "fee": fee, "miles": 161}
    undone = saga("COMPENSATED", "UNDONE UNDONE UNDONE UNDONE", reason="CANCELLED_BY_USER", result=terms)
    desk.tells({**undone, "booking_reference": "ABC234"})
    assert said in client.get(PAGE).content.decode()


def test_change_whose_trip_was_cancelled_before_it_was_paid_charges_nothing(
    client: Client, desk: Desk
) -> None:
    told = saga("COMPLETED", "DONE DONE DONE DONE", definition="change-trip", result={"not_needed": True})
    desk.tells({**told, "booking_reference": "ABC234", "difference": 100})
    text = client.get(HOW).content.decode()
    assert "Your booking ABC234 was cancelled before its change was paid." in text
    assert "Nothing was charged for this change" in text and "is charged to your card" not in text


def test_stuck_saga_is_shown_in_plain_words(client: Client, desk: Desk) -> None:
    stuck = saga("COMPENSATING", "DONE UNDOING REFUSED PENDING", needs_attention=True, finished_at=None)
    desk.tells(stuck)
    text = client.get(PAGE).content.decode()
    assert "Our desk is looking at this" in text and "Will be undone next." in text


TRIP = {"flight_id": 1, "flights": [1, 2]}


def return_trip(client: Client, desk: Desk) -> str:
    """There and back, started from this browser; the address of its booking form."""
    desk.sells(flight(1), turned(2)).starts()
    page = pay_page(client, RETURN)
    client.post(page, form_of(client, page))
    return page


def test_return_trip_is_one_booking_with_both_ways_named(client: Client, desk: Desk) -> None:
    return_trip(client, desk)
    desk.tells({**COMPLETED, **TRIP})
    text = client.get(HOW).content.decode()
    assert "Outbound:" in text and "Return:" in text and "ZZ102" in text
    assert text.count("See your tickets") == 1


def test_declined_trip_is_tried_again_as_a_whole(client: Client, desk: Desk) -> None:
    page = return_trip(client, desk)
    desk.tells({**DECLINED, **TRIP})
    assert f'href="{page}"' in client.get(PAGE).content.decode()
    change = re.search(r'href="(/book/passengers/[^"]*)"', client.get(page).content.decode())
    assert change is not None
    client.post(html.unescape(change[1]), {**ADA, "p0-first_name": "Augusta"})
    desk.starts("second")
    client.post(page, form_of(client, page))
    first, second = [desk.body(sent) for sent in desk.sent_to("/api/saga/start-booking/")]
    assert second["flights"] == first["flights"]
    assert second["passengers"][0]["first_name"] == "Augusta"


@pytest.mark.parametrize(("number", "leg", "kept"), [("ZZ101", 1, "seats2=8B"), ("ZZ102", 2, "seats1=7A")])
def test_lost_seat_of_a_trip_is_told_with_its_flight_and_asked_anew_for_that_flight(
    client: Client, desk: Desk, number: str, leg: int, kept: str
) -> None:
    return_trip(client, desk)
    said = f"Seat 7A of flight {number} is taken."
    desk.tells({**SEAT_LOST, **TRIP, "result": {"error": said, "error_code": "SEAT_UNAVAILABLE"}})
    text = client.get(PAGE).content.decode()
    assert said in text
    (seats,) = re.findall(rf'href="(/book/seats/[^"]*)">Choose another seat on {number}<', text)
    assert seats.endswith(f"&amp;leg={leg}") and kept in seats
    assert "Choose your seat" in client.get(html.unescape(seats)).content.decode()


def test_flight_that_cannot_be_read_does_not_hide_the_booking(client: Client, desk: Desk) -> None:
    desk.tells(COMPLETED)
    desk.answers("/api/flights/1/", {}, status=503)
    assert "ABC234" in client.get(HOW).content.decode()


def test_silence_is_shown_in_plain_words_without_the_technical_error(client: Client, desk: Desk) -> None:
    waiting = saga("RUNNING", "DONE UNKNOWN PENDING PENDING", finished_at=None)
    waiting["steps"][1].update(attempts=3, error="the participant answered 503")
    desk.tells(waiting)
    text = client.get(PAGE).content.decode()
    assert "We are checking with your bank" in text and "You will not be charged twice" in text
    assert "asking again (try 3)" in text
    assert "participant" not in text


@pytest.mark.parametrize(
    ("status", "states", "said"),
    [
        ("RUNNING", "STARTED PENDING PENDING PENDING", "Your bank has not been asked for anything yet."),
        ("RUNNING", "DONE STARTED PENDING PENDING", "Your bank is asked to set $211.41 aside."),
        ("RUNNING", "DONE UNKNOWN PENDING PENDING", "You will not be charged twice"),
        ("RUNNING", "DONE DONE STARTED PENDING", "$211.41 is set aside on your card."),
        ("COMPENSATING", "DONE DONE REFUSED PENDING", "and is given back next."),
        ("COMPENSATING", "DONE UNDOING REFUSED PENDING", "We are asking your bank to give back"),
        ("COMPENSATED", "REFUSED PENDING PENDING PENDING", "Your bank was not asked for anything."),
        ("COMPENSATED", "UNDONE REFUSED PENDING PENDING", "Nothing was charged. The payment was refused."),
        ("COMPENSATED", "UNDONE UNDONE REFUSED PENDING", "Your bank has confirmed that nothing is set aside"),
        ("COMPENSATED", "UNDONE RESOLVED REFUSED PENDING", "Our desk has settled your payment by hand."),
    ],
)
def test_what_is_known_of_the_money_is_told_at_every_moment(
    client: Client, desk: Desk, status: str, states: str, said: str
) -> None:
    desk.tells(saga(status, states))
    text = strip_tags(client.get(PAGE).content.decode())
    assert text.count(said) == 1
    assert ("Nothing was charged" in text) == said.startswith(("Nothing", "Your bank was", "Your bank has c"))


def waiting_for_the_bank(seconds: int) -> Json:
    until = (utc_now() + timedelta(seconds=seconds)).isoformat()
    return saga("RUNNING", "DONE UNKNOWN PENDING PENDING", finished_at=None, gives_up_at=until)


def test_slow_bank_shows_the_time_left_and_a_way_out(client: Client, desk: Desk) -> None:
    desk.tells(waiting_for_the_bank(42))
    text = client.get(PAGE).content.decode()
    assert re.search(r"<b class=\"num\" data-seconds>4[12]</b> seconds", text)
    assert f'action="{PAGE}stop/"' in text
    desk.answers(f"/api/saga/{SAGA}/withdraw/", {"success": True}, status=202, method="POST")
    assert client.post(f"{PAGE}stop/")["Location"] == PAGE
    (sent,) = desk.sent_to(f"/api/saga/{SAGA}/withdraw/")
    assert sent.headers["X-On-Behalf-Of"] == "demo"
    desk.tells(saga("COMPENSATED", "UNDONE UNDONE PENDING PENDING", reason="CANCELLED_BY_USER"))
    text = client.get(PAGE).content.decode()
    assert "You stopped this before it was done." in text and "Nothing was charged." in text


@pytest.mark.parametrize(
    ("status", "said"), [(409, "It was too late to stop"), (503, "We could not stop it just now.")]
)
def test_what_cannot_be_stopped_says_so(client: Client, desk: Desk, status: int, said: str) -> None:
    desk.tells(RUNNING)
    desk.refuses(f"/api/saga/{SAGA}/withdraw/", status, "NOT_CANCELLABLE", "It is booked.")
    assert said in client.post(f"{PAGE}stop/", follow=True).content.decode()


def test_step_that_was_asked_twice_says_so(client: Client, desk: Desk) -> None:
    """A lost reply looks like any other success, but for the second try."""
    asked_twice = saga("COMPLETED", "DONE DONE DONE DONE")
    asked_twice["steps"][1]["attempts"] = 2
    desk.tells(asked_twice)
    text = client.get(HOW).content.decode()
    assert text.count("Asked 2 times, because an answer did not come; done once.") == 1


def test_saga_that_is_not_there_is_a_404(client: Client, desk: Desk) -> None:
    desk.refuses(f"/api/saga/status/{SAGA}/", 404, "NOT_FOUND", "There is no such saga.", method="GET")
    assert client.get(PAGE).status_code == 404
    assert client.get("/progress/a%20b/").status_code == 404
