"""Flights with a change: shown, chosen and priced as one."""

import pytest
from django.test import Client

from tests.desk import Desk, Json, airport, flight, onward, turned
from tests.searching import LATER, ONE_WAY, costs, found_places

CONNECTING = [flight(1), onward(2)]


def test_connection_is_shown_with_its_change_and_chosen_as_a_whole(client: Client, desk: Desk) -> None:
    desk.sells().finds(connections=[CONNECTING])
    text = client.get("/flights/", {**ONE_WAY, "destination": "New York (JFK)"}).content.decode()
    assert "There is no direct flight." in text and 'class="strip"' not in text
    for shown in ("1 change: ORD", "1 h 35 min in Chicago to change", "6 h 05 min", "earns 322 miles"):
        assert shown in text
    assert '<div class="amount">$372.82</div>' in text
    assert "/book/seats/?flight=1&amp;flight=2&amp;cabin=economy" in text


def test_shortest_connection_comes_first_until_another_order_is_asked_for(client: Client, desk: Desk) -> None:
    later = onward(3, departs_local="2099-12-08T09:00:00-06:00", arrives_local="2099-12-08T12:00:00-05:00")
    cheaper = [{"seat_class": "economy", "fare": 10, "seats": 156, "seats_left": 99}]
    desk.sells().finds(connections=[[flight(1), {**later, "seat_classes": cheaper}], CONNECTING])
    query = {**ONE_WAY, "destination": "New York (JFK)"}
    for sort, first, second in (("", "ZZ102", "ZZ103"), ("price", "ZZ103", "ZZ102")):
        text = client.get("/flights/", {**query, "sort": sort}).content.decode()
        assert text.index(first) < text.index(second)
    assert 'value="price" selected' in text


def test_connection_there_leads_to_the_choice_of_the_way_back(client: Client, desk: Desk) -> None:
    home = [turned(3, origin=airport("JFK", "New York"), destination=airport("ORD", "Chicago")), turned(4)]
    home[0] |= {"departs_local": "2099-12-15T06:00:00-05:00", "arrives_local": "2099-12-15T08:00:00-06:00"}
    found_places(desk, ("DFW", "Dallas"))
    for each in CONNECTING:
        desk.answers(f"/api/flights/{each['id']}/", each)
    desk.finds(connections=[CONNECTING], query={"destination": "JFK"})
    desk.finds(connections=[home], query={"origin": "JFK"})
    query = {**ONE_WAY, "destination": "New York (JFK)", "trip": "return", "back": LATER}
    assert "outbound=1&amp;outbound=2" in client.get("/flights/", query).content.decode()
    text = client.get("/flights/", {**query, "outbound": ["1", "2"]}).content.decode()
    assert "ZZ101 and ZZ102" in text
    assert "flight=1&amp;flight=2&amp;flight=3&amp;flight=4" in text
    assert '<div class="amount">$695.64</div>' in text
    for name in ("outbound", "origin"):
        assert f'type="hidden" name="{name}"' in text, "a filter keeps what was chosen"


def test_connection_whose_flights_do_not_connect_is_refused_as_outbound(client: Client, desk: Desk) -> None:
    late = onward(2, departs_local="2099-12-08T01:10:00-06:00")
    desk.sells(flight(1), late).finds(connections=[CONNECTING])
    query = {**ONE_WAY, "destination": "New York (JFK)", "trip": "return", "back": LATER}
    response = client.get("/flights/", {**query, "outbound": ["1", "2"]})
    assert response.status_code == 422
    assert "Flight ZZ102 leaves before you can be there." in response.content.decode()


@pytest.mark.parametrize(("full", "words"), [({"seats_left": 0}, "Sold out"), ({}, "12 seats left")])
def test_connection_has_the_seats_of_its_fullest_flight(
    client: Client, desk: Desk, full: Json, words: str
) -> None:
    seats = [{"seat_class": "economy", "fare": 100, "seats": 156, "seats_left": 99, **full}]
    desk.sells().finds(connections=[[flight(1), onward(2, seat_classes=seats)]])
    text = client.get("/flights/", {**ONE_WAY, "destination": "New York (JFK)"}).content.decode()
    assert words in text and ("/book/seats/" in text) == (not full)


def test_connection_is_sorted_with_its_charges_paid_once(client: Client, desk: Desk) -> None:
    """In two bookings it would be dearer than the direct flight."""
    desk.sells().finds(flight(9, **costs(330)), connections=[CONNECTING])
    text = client.get("/flights/", {**ONE_WAY, "sort": "price"}).content.decode()
    assert text.index(">$372.82<") < text.index(">$380<")
