"""The way back: searched, offered and priced with the way there."""

import re
from html import unescape
from urllib.parse import parse_qs

import pytest
from django.test import Client

from tests.desk import Desk, Json, flight, turned
from tests.searching import (
    DAY,
    GATWICK,
    HEATHROW,
    LATER,
    ONE_WAY,
    RETURN,
    found_places,
)


def test_way_back_of_a_search_by_city_is_chosen(client: Client, desk: Desk) -> None:
    desk.sells(flight(1, destination=HEATHROW)).finds(turned(2, origin=GATWICK))
    query = {**ONE_WAY, "destination": "London, all airports (LON)", "trip": "return", "back": LATER}
    response = client.get("/flights/", {**query, "outbound": "1"})
    assert response.status_code == 200
    assert "Outbound chosen" in response.content.decode()


@pytest.mark.parametrize(("back", "message"), [("", "Choose the day"), ("2002-02-02", "cannot be before")])
def test_return_needs_a_day_after_the_departure(client: Client, desk: Desk, back: str, message: str) -> None:
    found_places(desk, ("DFW", "Dallas"))
    text = client.get("/flights/", {**ONE_WAY, "trip": "return", "back": back}).content.decode()
    assert message in text


def test_return_is_searched_the_other_way_round_and_priced_as_one_trip(client: Client, desk: Desk) -> None:
    desk.sells(flight(1)).finds(turned(2))
    query = {**ONE_WAY, "trip": "return", "back": LATER, "outbound": "1"}
    text = client.get("/flights/", query).content.decode()
    asked = desk.query("/api/flights/search/")
    assert (asked["origin"], asked["destination"], asked["depart_date"]) == ("ORD", "DFW", LATER)
    assert "Both ways are one booking" in text and "total, both ways" in text
    assert '<div class="amount">$372.82</div>' in text, "charges are paid once"
    assert "flight=1&amp;flight=2" in text


def test_return_that_leaves_before_the_arrival_and_an_hour_is_not_offered(client: Client, desk: Desk) -> None:
    # The way out arrives at 01:05 on the 8th.
    early = turned(2, departs_local="2099-12-08T02:04:00-06:00")
    late = turned(3, departs_local="2099-12-08T02:05:00-06:00")
    desk.sells(flight(1)).finds(early, late)
    text = client.get("/flights/", {**RETURN, "outbound": "1"}).content.decode()
    assert "ZZ102" not in text and "flight=1&amp;flight=3" in text
    assert "1 flight of this day is not shown" in text


def test_day_without_a_possible_return_says_so(client: Client, desk: Desk) -> None:
    desk.sells(flight(1)).finds(turned(2, departs_local="2099-12-07T08:15:00-06:00"))
    text = client.get("/flights/", {**RETURN, "outbound": "1"}).content.decode()
    assert "No flight of this day lets you arrive first" in text and "/book/seats/" not in text


@pytest.mark.parametrize(
    ("outbound", "words"),
    [
        (turned(1), "does not go from DFW to ORD"),
        (flight(1, bookable=False), "cannot be booked any more"),
        (None, "does not go from DFW to ORD"),
    ],
)
def test_outbound_that_cannot_be_flown_is_refused_with_words(
    client: Client, desk: Desk, outbound: Json | None, words: str
) -> None:
    desk.sells(flight(9))
    desk.refuses("/api/flights/1/", 404, "NOT_FOUND", "There is no such flight.", method="GET")
    if outbound:
        desk.answers("/api/flights/1/", outbound)
    response = client.get("/flights/", {**RETURN, "outbound": "1"})
    text = response.content.decode()
    assert response.status_code == 422 and words in text
    assert desk.query("/api/flights/search/")["origin"] == "DFW"
    assert "outbound=9" in text and "/book/seats/" not in text


@pytest.mark.parametrize("outbound", ["x", "0", "-1", "9" * 5000, "\u0661"])
def test_outbound_that_is_no_number_is_refused_with_words(client: Client, desk: Desk, outbound: str) -> None:
    desk.sells()
    desk.refuses("/api/flights/0/", 404, "NOT_FOUND", "There is no such flight.", method="GET")
    response = client.get("/flights/", {**RETURN, "outbound": outbound})
    assert response.status_code == 422 and "does not go from DFW" in response.content.decode()


def test_day_after_the_return_takes_the_return_along(client: Client, desk: Desk) -> None:
    desk.sells()
    text = client.get("/flights/", {**RETURN, "back": DAY}).content.decode()
    (after,) = re.findall(r'href="\?([^"]*)" rel="next"', text)
    moved = parse_qs(unescape(after))
    assert moved["depart"] == moved["back"] > [DAY]
    assert client.get("/flights/", {name: values[0] for name, values in moved.items()}).status_code == 200


def test_trip_is_one_way_where_the_address_does_not_say(client: Client, desk: Desk) -> None:
    found_places(desk)
    text = client.get("/flights/", {**ONE_WAY, "origin": ""}).content.decode()
    assert re.search('value="oneway"[^>]* checked', text)
