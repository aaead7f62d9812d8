"""What a traveller types for a place, and where one can fly."""

import re

import pytest
from django.test import Client

from tests.desk import Desk, Json, airport
from tests.searching import (
    CHICAGO,
    DALLAS,
    DAY,
    GATWICK,
    HEATHROW,
    LONDON,
    ONE_WAY,
    found_places,
    links,
)


def test_place_with_one_served_airport_is_that_airport(client: Client, desk: Desk) -> None:
    desk.sells()
    unserved = [{**airport(code, "Dallas"), "served": False} for code in ("ADS", "RBD", "DAL")]
    desk.answers("/api/places/search/", {"results": [airport("DFW", "Dallas"), *unserved]})
    assert client.get("/flights/", {**ONE_WAY, "origin": "Dallas"}).status_code == 200
    assert desk.query("/api/flights/search/")["origin"] == "DFW"


def test_ambiguous_place_offers_the_candidates_as_links_that_keep_the_search(
    client: Client, desk: Desk
) -> None:
    found_places(desk, ("LHR", "London"), ("LGW", "London"))
    text = client.get("/flights/", {**ONE_WAY, "origin": "london"}).content.decode()
    assert "Which one?" in text
    assert links(text, "origin") == {"London (LHR)": DAY, "London (LGW)": DAY}


def test_place_that_is_not_served_says_where_one_can_fly(client: Client, desk: Desk) -> None:
    unserved = airport("ABZ", "Aberdeen", latitude=57.2, longitude=-2.2, served=False)
    desk.answers("/api/places/search/", {"results": [DALLAS, HEATHROW, CHICAGO]}, query={"limit": "99"})
    desk.answers("/api/places/search/", {"results": [unserved]}, query={"q": "aberdeen"})
    text = client.get("/flights/", {**ONE_WAY, "destination": "aberdeen"}).content.decode()
    assert "We do not fly to Aberdeen (ABZ)." in text
    assert list(links(text, "destination")) == ["London (LHR)", "Chicago (ORD)", "Dallas (DFW)"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"results": [HEATHROW, GATWICK], "cities": [LONDON]}, "LON"),
        ({"results": [HEATHROW, GATWICK], "cities": [LONDON], "similar": True}, "LON"),
        ({"results": [CHICAGO], "similar": True}, "ORD"),
    ],
)
def test_name_of_a_city_and_a_typing_mistake_are_understood(
    client: Client, desk: Desk, answer: Json, code: str
) -> None:
    desk.finds()
    desk.answers("/api/places/search/", answer, query={"q": "typed"})
    desk.answers("/api/places/destinations/", {"results": []})
    desk.answers("/api/places/search/", {"results": []}, query={"q": ""})
    client.get("/flights/", {**ONE_WAY, "origin": "Dallas (DFW)", "destination": "typed"})
    assert desk.query("/api/flights/search/")["destination"] == code


def test_suggestions_begin_with_the_city(client: Client, desk: Desk) -> None:
    desk.answers("/api/places/search/", {"results": [HEATHROW, GATWICK], "cities": [LONDON]})
    text = client.get("/places/", {"origin": "lond"}).content.decode()
    offered = re.findall('data-value="([^"]*)"', text)
    assert offered == ["London, all airports (LON)", "London (LHR)", "London (LGW)"]


def test_another_airport_of_the_same_city_is_no_destination(client: Client, desk: Desk) -> None:
    errors = {"destination": "must not be the origin"}
    desk.refuses("/api/flights/search/", 400, "INVALID", "destination", method="GET", errors=errors)
    response = client.get("/flights/", {**ONE_WAY, "origin": "(LON)", "destination": "(LHR)"})
    assert response.status_code == 422
    assert "Choose a place other than the departure." in response.content.decode()


def test_labelled_code_that_no_airport_has_is_an_error_beside_its_field(client: Client, desk: Desk) -> None:
    found_places(desk, ("DFW", "Dallas"))
    errors = {"destination": "QQQ is not the code of an airport"}
    desk.refuses("/api/flights/search/", 400, "INVALID", "destination", method="GET", errors=errors)
    response = client.get("/flights/", {**ONE_WAY, "destination": "Foo (QQQ)"})
    assert response.status_code == 422
    assert 'id="destination-errors"' in response.content.decode()


def test_unknown_place_is_told(client: Client, desk: Desk) -> None:
    found_places(desk)
    assert "We know no airport" in client.get("/flights/", {**ONE_WAY, "origin": "Atlantis"}).content.decode()


def test_places_without_any_flight_show_no_fares_an_open_form_and_where_one_can_fly(
    client: Client, desk: Desk
) -> None:
    desk.sells().finds()
    desk.answers("/api/places/destinations/", {"results": [airport("LAX", "Los Angeles")]})
    text = client.get("/flights/", ONE_WAY).content.decode()
    assert "We do not fly from DFW to ORD" in text and "<details open>" in text
    assert 'class="strip"' not in text
    assert links(text, "destination") == {"Los Angeles (LAX)": DAY}


def test_place_without_departures_lists_places_with_some(client: Client, desk: Desk) -> None:
    desk.sells().finds()
    desk.answers("/api/places/destinations/", {"results": []})
    text = client.get("/flights/", ONE_WAY).content.decode()
    assert links(text, "origin") == {"Dallas (DFW)": DAY}


def test_every_place_that_is_flown_to_is_listed(client: Client, desk: Desk) -> None:
    unserved = {**airport("ABZ", "Aberdeen"), "served": False}
    desk.answers("/api/places/search/", {"results": [airport("DFW", "Dallas"), unserved]})
    text = client.get("/where/").content.decode()
    assert "DFW" in text and "Aberdeen" not in text


def test_typeahead_is_a_fragment_with_options(client: Client, desk: Desk) -> None:
    found_places(desk, ("DFW", "Dallas"))
    text = client.get("/places/", {"origin": "dal"}).content.decode()
    assert 'data-value="Dallas (DFW)"' in text and 'role="option"' in text
    assert desk.query("/api/places/search/")["q"] == "dal"


def test_typeahead_offers_only_places_that_are_flown_to(client: Client, desk: Desk) -> None:
    unserved = {**airport("DAL", "Dallas"), "served": False}
    desk.answers("/api/places/search/", {"results": [airport("DFW", "Dallas"), unserved]})
    text = client.get("/places/", {"origin": "dal"}).content.decode()
    assert "Dallas (DFW)" in text and "(DAL)" not in text
    desk.answers("/api/places/search/", {"results": [unserved]})
    assert "We do not fly to Dallas (DAL)." in client.get("/places/", {"origin": "dal"}).content.decode()


def test_without_a_route_the_destinations_near_the_one_asked_for_come_first(
    client: Client, desk: Desk
) -> None:
    desk.sells().finds()
    desk.answers("/api/places/search/", {"results": [DALLAS, CHICAGO, HEATHROW, GATWICK]})
    desk.answers("/api/places/destinations/", {"results": [CHICAGO, GATWICK]})
    text = client.get("/flights/", {**ONE_WAY, "destination": "London (LHR)"}).content.decode()
    assert "the nearest to London (LHR) first" in text
    assert list(links(text, "destination")) == ["London (LGW)", "Chicago (ORD)"]


def test_where_one_can_go_from_a_place_is_listed_by_price(client: Client, desk: Desk) -> None:
    desk.answers("/api/places/search/", {"results": [DALLAS, CHICAGO, HEATHROW]})
    desk.answers("/api/places/destinations/", {"results": [HEATHROW, CHICAGO]})
    prices = [("LHR", 420.0), ("ORD", 192.78)]
    rows = [
        {"origin": "DFW", "destination": code, "date": "2099-12-07", "lowest_total": total}
        for code, total in prices
    ]
    desk.answers("/api/flights/lowest/", {"results": rows})
    text = client.get("/where/?from=dfw").content.decode()
    assert text.index("$192.78") < text.index("$420")
    assert text.count('class="way"') == 2
    assert "destination=Chicago%20%28ORD%29&amp;depart=2099-12-07" in text
