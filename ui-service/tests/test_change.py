"""Changing a trip: one of its flights, quoted before it is confirmed."""

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from tests.desk import (
    QUOTE,
    SAGA,
    Desk,
    Json,
    airport,
    booking,
    flight,
    onward,
    return_booking,
    saga,
    turned,
)
from tests.listed_trips import OLD, has_trips
from ui.models import User

CHANGE = "/trips/ABC234/change/"
QUOTED, CHANGED = "/api/bookings/ABC234/change-quote/", "/api/bookings/ABC234/change/"
FORM = {"quote": QUOTE}
WEEK_LATER = {"departs_local": "2099-12-22T10:00:00-06:00", "arrives_local": "2099-12-22T12:20:00-06:00"}


def quote(*flights: Json, **changes: Any) -> Json:
    return {
        "quote_id": QUOTE,
        "booking_reference": "ABC234",
        "flights": list(flights),
        "paid": 372.82,
        "amount": 412.82,
        "difference": 40.00,
        "miles": 40,
        "currency": "USD",
        "expires_at": "2026-11-23T02:15:00Z",
        **changes,
    }


@pytest.fixture
def trip(desk: Desk) -> Json:
    """There and back, with another flight back a week later."""
    desk.sells(flight(1), turned(2), turned(3, **WEEK_LATER))
    desk.finds(turned(3, **WEEK_LATER))
    found = return_booking()
    desk.answers("/api/bookings/ABC234/", found)
    return found


@pytest.mark.usefixtures("trip")
def test_each_flight_of_a_trip_can_be_chosen_for_a_change(client: Client) -> None:
    text = client.get(CHANGE).content.decode()
    assert "Outbound: ZZ101" in text and "Return: ZZ102" in text
    assert "?leg=2&amp;flight=2" in text, "other seats"
    assert 'name="day" value="2099-12-15"' in text


@pytest.mark.usefixtures("trip")
def test_flights_of_another_day_are_offered_in_the_cabin_of_the_tickets(client: Client, desk: Desk) -> None:
    text = client.get(f"{CHANGE}?leg=2&day=2099-12-22").content.decode()
    assert "?leg=2&amp;flight=3" in text and "Instead of ZZ102" in text
    asked = desk.query("/api/flights/search/")
    assert (asked["origin"], asked["destination"], asked["depart_date"]) == ("ORD", "DFW", "2099-12-22")
    assert (asked["seat_class"], asked["passengers"]) == ("economy", "1")


@pytest.mark.usefixtures("trip")
def test_flight_that_does_not_fit_the_others_is_not_offered(client: Client, desk: Desk) -> None:
    early = turned(4, departs_local="2099-12-08T01:30:00-06:00", arrives_local="2099-12-08T03:50:00-06:00")
    desk.finds(early)
    text = client.get(f"{CHANGE}?leg=2&day=2099-12-08").content.decode()
    assert "1 flight of this day does not fit your other flights." in text and "flight=4" not in text
    desk.answers("/api/flights/4/", early)
    desk.answers("/api/flights/4/seats/", {"seats": [], "cabins": []})
    assert client.get(f"{CHANGE}?leg=2&flight=4")["Location"] == CHANGE


@pytest.mark.usefixtures("trip")
def test_price_of_a_change_is_shown_before_it_is_confirmed(client: Client, desk: Desk) -> None:
    seats = [{"flight_id": 1, "seat_numbers": ["7A"]}, {"flight_id": 3, "seat_numbers": ["8D"]}]
    desk.answers(QUOTED, quote(*seats), method="POST")
    text = client.post(CHANGE, {"leg": "2", "flight": "3", "seats": ["8D"]}).content.decode()
    (asked,) = desk.sent_to(QUOTED)
    assert desk.body(asked) == {
        "flights": [
            {"flight_id": 1},
            {"flight_id": 3, "seat_class": "economy", "seat_numbers": ["8D"]},
        ]
    }
    assert "You pay $40.00 more" in text and "Pay $40.00 and change" in text and "+40 miles" in text
    assert re.search('id="card-owner"[^>]*value="Ada Lovelace"', text)
    assert "ZZ103" in text and "seat 8D" in text and f'value="{QUOTE}"' in text and "tok_declined" in text
    assert desk.sent_to(CHANGED) == []


@pytest.mark.usefixtures("trip")
def test_cheaper_trip_gives_back_and_asks_for_no_card(client: Client, desk: Desk) -> None:
    cheaper = quote({"flight_id": 1}, {"flight_id": 3}, difference=-40.00, amount=332.82, miles=-40)
    desk.answers(QUOTED, cheaper, method="POST")
    text = client.post(CHANGE, {"leg": "2", "flight": "3", "any": "1", "seats": ["8D"]}).content.decode()
    assert "You get back $40.00" in text and "chosen for you" in text and "card_token" not in text
    assert "seat_numbers" not in desk.body(desk.sent_to(QUOTED)[0])["flights"][1]


@pytest.mark.parametrize("seats", [[], ["8B"]])
@pytest.mark.usefixtures("trip")
def test_seats_that_one_has_already_are_asked_again(client: Client, desk: Desk, seats: list[str]) -> None:
    response = client.post(CHANGE, {"leg": "2", "flight": "2", "seats": seats})
    assert response.status_code == 422 and "with these seats already" in response.content.decode()
    assert desk.sent_to(QUOTED) == []


def test_each_passenger_gets_a_seat_or_none_does(client: Client, desk: Desk) -> None:
    (ticket,) = booking()["tickets"]
    second = {**ticket, "first_name": "Grace", "seat_number": "7D", "passenger_number": 2}
    first = {**ticket, "seat_number": "7E", "passenger_number": 1}
    desk.sells(flight(1))
    desk.answers("/api/bookings/ABC234/", booking(tickets=[second, first]))
    page = client.get(f"{CHANGE}?leg=1&flight=1").content.decode()
    assert page.index("Ada Lovelace") < page.index("Grace Lovelace"), "in the order of the booking"
    for seats in (["8A"], ["8A", "8A"], ["8A", "8B", "8C"]):
        response = client.post(CHANGE, {"leg": "1", "flight": "1", "seats": seats})
        assert response.status_code == 422
        assert "for each passenger, or none" in response.content.decode()
    desk.answers(QUOTED, quote({"flight_id": 1, "seat_numbers": ["8A", "8B"]}), method="POST")
    client.post(CHANGE, {"leg": "1", "flight": "1", "seats": ["8B", "8A"], "ordered": "1"})
    assert desk.body(desk.sent_to(QUOTED)[0])["flights"][0]["seat_numbers"] == ["8B", "8A"]


@pytest.fixture
def pair(desk: Desk) -> None:
    """Ada has 7C and Grace has 7B, both of which the map shows as taken."""
    (ticket,) = booking()["tickets"]
    ada = {**ticket, "seat_number": "7C", "passenger_number": 1}
    grace = {**ticket, "first_name": "Grace", "seat_number": "7B", "passenger_number": 2}
    desk.sells(flight(1))
    desk.answers("/api/bookings/ABC234/", booking(tickets=[grace, ada]))
    desk.answers(QUOTED, quote({"flight_id": 1}), method="POST")


def has_box(text: str, seat: str) -> bool:
    return f'name="seats" value="{seat}"' in text


@pytest.mark.usefixtures("pair")
def test_seat_map_of_the_flight_marks_ones_own_seats_and_offers_them(client: Client) -> None:
    text = client.get(f"{CHANGE}?leg=1&flight=1").content.decode()
    assert 'data-seats="7C 7B"' in text and has_box(text, "8A") and not has_box(text, "1A")
    assert [has_box(text, seat) for seat in ("7B", "7C")] == [True, True]
    assert text.count(" checked>") == 2 and "Choose for me" not in text
    assert "now 7C" in text and text.index("now 7C") < text.index("now 7B")


@pytest.mark.usefixtures("trip")
def test_seat_map_of_another_flight_offers_what_is_free_there(client: Client) -> None:
    text = client.get(f"{CHANGE}?leg=2&flight=3").content.decode()
    assert has_box(text, "8B") and not has_box(text, "7B") and " checked>" not in text
    assert "Exit row" in text
    assert 'name="any"' in text and 'aria-label="Seat 7C, window, Economy, taken"' in text


@pytest.mark.usefixtures("pair")
@pytest.mark.parametrize(
    ("form", "seats"),
    [
        ({"seats": ["7B", "8A"]}, ["8A", "7B"]),
        ({"seats": ["8A", "8B"]}, ["8A", "8B"]),
        ({"seats": ["7B", "7C"], "ordered": "1"}, ["7B", "7C"]),
    ],
    ids=["without script one keeps a seat", "without script nobody does", "two exchange their seats"],
)
def test_each_passenger_gets_the_seat_that_was_meant(
    client: Client, desk: Desk, form: dict[str, Any], seats: list[str]
) -> None:
    client.post(CHANGE, {"leg": "1", "flight": "1", **form})
    assert desk.body(desk.sent_to(QUOTED)[0])["flights"][0]["seat_numbers"] == seats


@pytest.mark.usefixtures("pair")
def test_boxes_that_were_left_as_they_are_change_nothing(client: Client, desk: Desk) -> None:
    """Without script they come in the order of the map."""
    response = client.post(CHANGE, {"leg": "1", "flight": "1", "seats": ["7B", "7C"]})
    assert response.status_code == 422 and desk.sent_to(QUOTED) == []


@pytest.mark.usefixtures("trip")
def test_change_that_cannot_be_had_says_why_and_keeps_the_choice(client: Client, desk: Desk) -> None:
    desk.refuses(QUOTED, 409, "SEAT_UNAVAILABLE", "Seat 8D of flight ZZ103 is taken.")
    response = client.post(CHANGE, {"leg": "2", "flight": "3", "seats": ["8D"]})
    text = response.content.decode()
    assert response.status_code == 409
    assert "Seat 8D of flight ZZ103 is taken." in text and 'data-seats="8D"' in text


@pytest.mark.usefixtures("trip")
@pytest.mark.parametrize(
    ("form", "sent"),
    [
        ({**FORM, "card_token": "tok_ok"}, {"quote_id": QUOTE, "payment": {"card_token": "tok_ok"}}),
        (FORM, {"quote_id": QUOTE}),
    ],
)
def test_confirmed_change_is_sent_once_with_its_quote_and_shown_live(
    client: Client, desk: Desk, form: dict[str, str], sent: Json
) -> None:
    answer = {"correlation_id": SAGA, "status": "RUNNING"}
    desk.answers(CHANGED, answer, status=202, method="POST")
    assert client.post(f"{CHANGE}confirm/", form)["Location"] == f"/progress/{SAGA}/"
    (request,) = desk.sent_to(CHANGED)
    assert desk.body(request) == sent and request.headers["Prefer"] == "respond-async"


@pytest.mark.usefixtures("trip")
@pytest.mark.parametrize("form", [{}, {"quote": "x"}, {**FORM, "card_token": "4111111111111111"}])
def test_form_without_a_quote_or_a_card_changes_nothing(
    client: Client, desk: Desk, form: dict[str, str]
) -> None:
    assert client.post(f"{CHANGE}confirm/", form)["Location"] == CHANGE
    assert desk.sent_to(CHANGED) == []


@pytest.mark.usefixtures("trip")
@pytest.mark.parametrize(
    ("code", "words"),
    [("QUOTE_CHANGED", "no longer holds"), ("CHANGE_UNDER_WAY", "It is being changed.")],
)
def test_refused_change_says_that_nothing_was_changed(
    client: Client, desk: Desk, code: str, words: str
) -> None:
    desk.refuses(CHANGED, 409, code, "It is being changed.")
    text = client.post(f"{CHANGE}confirm/", FORM, follow=True).content.decode()
    assert "Nothing was changed." in text and words in text


@pytest.mark.parametrize("found", [booking(flight=OLD), booking(amount=None), booking(status="CANCELLED")])
def test_trip_that_cannot_be_changed_any_more_says_so(client: Client, desk: Desk, found: Json) -> None:
    desk.answers("/api/bookings/ABC234/", found)
    text = client.get(CHANGE, follow=True).content.decode()
    assert "cannot be changed any more" in text and "Change flights or seats" not in text


@pytest.mark.parametrize(
    ("status", "states", "words"),
    [
        ("RUNNING", "DONE STARTED PENDING PENDING", "Changing your trip"),
        ("COMPLETED", "DONE DONE DONE DONE", "is changed"),
        ("COMPENSATED", "UNDONE REFUSED PENDING PENDING", "Your trip is as it was"),
    ],
)
def test_progress_of_a_change_is_told_as_a_change(
    client: Client, desk: Desk, status: str, states: str, words: str
) -> None:
    desk.sells(flight(1))
    desk.tells(
        saga(
            status,
            states,
            definition="change-trip",
            booking_reference="ABC234",
            reason="PAYMENT_DECLINED" if status == "COMPENSATED" else None,
        )
    )
    text = client.get(f"/progress/{SAGA}/?how=1").content.decode()
    assert words in text and "Booked" not in text and "new=1" not in text
    if status == "COMPENSATED":
        assert "Nothing was charged." in text and f'href="{CHANGE}"' in text


def test_change_of_a_trip_found_by_reference_is_shown_to_its_finder(
    client: Client, desk: Desk, settings: Settings
) -> None:
    settings.DEMO_MODE = False
    desk.answers("/api/bookings/find/", booking(user_id="u-1"), method="POST")
    desk.answers("/api/bookings/ABC234/", booking(user_id="u-1"))
    client.post("/trips/find/", {"reference": "ABC234", "surname": "Lovelace"})
    change = "9e1d4c52-0b8e-4c52-9d3a-5f6f0c6c1b11"
    desk.answers(CHANGED, {"correlation_id": change, "status": "RUNNING"}, status=202, method="POST")
    desk.sells(flight(1))
    desk.tells({**saga("RUNNING", "STARTED PENDING PENDING PENDING"), "correlation_id": change})
    assert client.post(f"{CHANGE}confirm/", FORM, follow=True).status_code == 200
    (asked,) = desk.sent_to(f"/api/saga/status/{change}/")
    assert asked.headers["X-On-Behalf-Of"] == "u-1"


def change_that_only_mails(status: str, **more: Any) -> Json:
    """All its steps are done but the last one, which mails the new tickets."""
    told = saga("RUNNING", "DONE DONE DONE DONE", definition="change-trip", **more)
    mail = {**told["steps"][-1], "name": "SendConfirmation", "status": status, "attempts": 3}
    return {**told, "booking_reference": "ABC234", "steps": [*told["steps"], mail]}


@pytest.mark.parametrize("status", ["PENDING", "STARTED", "UNKNOWN"])
@pytest.mark.parametrize("attention", [False, True])
def test_change_is_done_though_its_mail_is_not_sent(
    client: Client, desk: Desk, status: str, attention: bool
) -> None:
    desk.sells(flight(1))
    desk.tells(change_that_only_mails(status, needs_attention=attention, difference=40.00))
    assert client.get(f"/progress/{SAGA}/")["Location"] == "/trips/ABC234/?changed=1"
    polled = client.get(f"/progress/{SAGA}/part/", headers={"HX-Request": "true"})
    assert polled["HX-Redirect"] == "/trips/ABC234/?changed=1"
    text = client.get(f"/progress/{SAGA}/?how=1").content.decode()
    assert "Changed" in text and "Only the mail with them is still on its way." in text
    assert "$40.00 is charged to your card, once." in text and 'href="/trips/ABC234/"' in text
    assert "Changing your trip" not in text and "Our desk is looking at this" not in text


def test_change_that_has_more_to_do_than_its_mail_goes_on(client: Client, desk: Desk) -> None:
    told = change_that_only_mails("PENDING")
    told["steps"][1]["status"] = "UNKNOWN"
    desk.sells(flight(1))
    desk.tells(told)
    text = client.get(f"/progress/{SAGA}/").content.decode()
    assert "Only the mail" not in text and "See your tickets" not in text


def test_trips_under_way_name_the_trip_that_is_changed(client: Client, desk: Desk, traveller: User) -> None:
    has_trips(client, desk, traveller)
    changing = saga("RUNNING", "DONE STARTED PENDING PENDING", definition="change-trip")
    done = {**change_that_only_mails("UNKNOWN"), "correlation_id": "done"}
    desk.lists({**changing, "booking_reference": "ABC234"}, done)
    text = client.get("/trips/").content.decode()
    assert "Trip ABC234 is being changed" in text and "Being booked" not in text
    assert "/progress/done/" not in text


# A journey with changes, as a whole


def a_day_later(number: int, leg: Json) -> Json:
    days = {"2099-12-07": "2099-12-08", "2099-12-08": "2099-12-09"}
    times = {
        name: leg[name].replace(leg[name][:10], days[leg[name][:10]])
        for name in ("departs_local", "arrives_local")
    }
    return {**leg, "id": number, "flight_number": f"ZZ10{number}", **times}


LATER = [a_day_later(3, flight(1)), a_day_later(4, onward(2))]
JOURNEY = {"way": "1", "flight": ["3", "4"]}


@pytest.fixture
def connecting(desk: Desk) -> Json:
    """From Dallas to New York by Chicago; on the next day there is the same, and one with two changes."""
    (ticket,) = booking()["tickets"]
    flights = [
        {**flight(1), "tickets": [ticket]},
        {**onward(2), "tickets": [{**ticket, "seat_number": "8B"}]},
    ]
    found = booking(flights=flights, amount=372.82, flight_fare=322.82)
    desk.sells(flight(1), onward(2), *LATER)
    last = {"origin": airport("JFK", "New York"), "destination": airport("JFK", "New York")}
    desk.finds(connections=[LATER, [flight(1), onward(2)], [*LATER, {**LATER[1], "id": 5, **last}]])
    desk.answers("/api/bookings/ABC234/", found)
    return found


@pytest.mark.usefixtures("connecting")
def test_journey_with_changes_is_offered_for_another_day_as_a_whole(client: Client, desk: Desk) -> None:
    assert "the whole journey" in client.get(CHANGE).content.decode()
    text = client.get(f"{CHANGE}?way=1&day=2099-12-08").content.decode()
    asked = desk.query("/api/flights/search/")
    assert (asked["origin"], asked["destination"], asked["depart_date"]) == ("DFW", "JFK", "2099-12-08")
    assert "Instead of ZZ101 and ZZ102" in text and text.count("of ZZ103 and ZZ104 at") == 1
    assert text.count('name="flight"') == 2, "neither the journey that is booked nor one of three flights"


@pytest.mark.usefixtures("connecting")
def test_price_of_another_journey_is_that_of_all_its_flights(client: Client, desk: Desk) -> None:
    desk.answers(QUOTED, quote({"flight_id": 3}, {"flight_id": 4}), method="POST")
    text = client.post(CHANGE, JOURNEY).content.decode()
    (asked,) = desk.sent_to(QUOTED)
    assert desk.body(asked)["flights"] == [
        {"flight_id": 3, "seat_class": "economy"},
        {"flight_id": 4, "seat_class": "economy"},
    ]
    assert "Pay $40.00 and change" in text and "ZZ103" in text and "ZZ104" in text
    assert text.count("seats chosen for you") == 2


@pytest.mark.usefixtures("connecting")
@pytest.mark.parametrize("flights", [[], ["3"], ["3", "x"], ["3", "2"]])
def test_journey_that_is_none_is_chosen_again(client: Client, desk: Desk, flights: list[str]) -> None:
    assert client.post(CHANGE, {"way": "1", "flight": flights})["Location"] == f"{CHANGE}?way=1"
    assert desk.sent_to(QUOTED) == []


@pytest.mark.usefixtures("connecting")
def test_journey_that_cannot_be_had_leads_back_to_its_day(client: Client, desk: Desk) -> None:
    desk.refuses(QUOTED, 409, "SEAT_UNAVAILABLE", "The cabin is full.")
    response = client.post(CHANGE, JOURNEY)
    assert response["Location"] == f"{CHANGE}?way=1&day=2099-12-08"
    assert "The cabin is full." in client.get(response["Location"]).content.decode()


@pytest.mark.usefixtures("trip")
def test_direct_flights_are_no_journeys_to_change_as_a_whole(client: Client) -> None:
    assert "the whole journey" not in client.get(CHANGE).content.decode()
    assert "Outbound: ZZ101" in client.get(f"{CHANGE}?way=1").content.decode()
