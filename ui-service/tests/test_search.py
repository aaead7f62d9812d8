"""The search form and its results: shown, sorted, filtered, and what is wrong with a field."""

import re

import pytest
from django.test import Client

from tests.desk import Desk, flight
from tests.searching import CHICAGO, DALLAS, DAY, LATER, ONE_WAY, costs, found_places


def test_first_page_is_open_without_login_and_without_any_service(client: Client, desk: Desk) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert "Ideas to start with" in response.content.decode()


def test_ideas_carry_prices_and_the_map_every_place_and_both_are_read_once(
    client: Client, desk: Desk
) -> None:
    price = {"origin": "DFW", "destination": "ORD", "date": "2099-12-07", "lowest_total": 192.78}
    desk.answers("/api/flights/lowest/", {"results": [price]})
    desk.answers("/api/places/search/", {"results": [DALLAS, CHICAGO]})
    for _ in range(2):
        text = client.get("/").content.decode()
        assert "$192.78" in text and "depart=2099-12-07" in text
        assert text.count('class="spot"') == 2 and text.count('class="way"') == 1
    assert len(desk.calls) == 2
    assert desk.query("/api/flights/lowest/")["routes"].startswith("DFW-ORD,ATL-LAX,")


def test_search_in_the_address_fills_the_form(client: Client, desk: Desk) -> None:
    text = client.get("/", {"origin": "DFW", "destination": "ORD", "cabin": "business"}).content.decode()
    assert 'value="DFW"' in text and 'value="business" selected' in text


def test_results_show_local_times_zone_next_day_and_price(client: Client, desk: Desk) -> None:
    desk.sells()
    text = client.get("/flights/", ONE_WAY).content.decode()
    words = ("22:45", "01:05", "UTC-6", "+1", "$161.41", "$50.00", "ZZ101", "12 seats left")
    for shown in (*words, "earns 161 miles"):
        assert shown in text
    assert '<div class="amount">$211.41</div>' in text
    asked = desk.query("/api/flights/search/")
    assert (asked["origin"], asked["destination"], asked["depart_date"]) == ("DFW", "ORD", DAY)


def test_few_seats_left_are_told(client: Client, desk: Desk) -> None:
    few = flight(seat_classes=[{"seat_class": "economy", "fare": 100, "seats": 156, "seats_left": 3}])
    desk.sells(few)
    assert "3 left" in client.get("/flights/", ONE_WAY).content.decode()


def test_flight_without_enough_seats_cannot_be_chosen(client: Client, desk: Desk) -> None:
    full = flight(seat_classes=[{"seat_class": "economy", "fare": 100, "seats": 156, "seats_left": 1}])
    desk.sells(full)
    text = client.get("/flights/", {**ONE_WAY, "passengers": "2"}).content.decode()
    assert "Sold out" in text and "/book/seats/" not in text


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("depart", "2001-01-01", "This day is in the past."),
        ("depart", "soon", "Enter a valid date."),
        ("destination", "DFW", "Choose a place other than the departure."),
        ("passengers", "10", "Select a valid choice"),
        ("origin", "", "Where do you start?"),
    ],
)
def test_wrong_field_says_so_beside_itself_and_the_rest_is_kept(
    client: Client, desk: Desk, field: str, value: str, message: str
) -> None:
    found_places(desk, ("DFW", "Dallas"))
    response = client.get("/flights/", {**ONE_WAY, "cabin": "first", field: value})
    text = response.content.decode()
    assert response.status_code == 422
    assert message in text and 'value="first" selected' in text


def test_offers_are_sorted_by_what_is_paid_and_not_by_the_fare(client: Client, desk: Desk) -> None:
    desk.sells().finds(flight(1, **costs(100, other_charges=50)), flight(2, **costs(110, other_charges=20)))
    text = client.get("/flights/", {**ONE_WAY, "sort": "price"}).content.decode()
    assert text.index("ZZ102") < text.index("ZZ101")
    assert text.index(">$130<") < text.index(">$150<")


def test_results_are_sorted_and_filtered_by_the_address(client: Client, desk: Desk) -> None:
    cheap = [{"seat_class": "economy", "fare": 90, "seats": 156, "seats_left": 50}]
    morning = {"departs_local": "2099-12-07T07:00:00-06:00"}
    desk.sells(flight(1), flight(2, seat_classes=cheap, **morning))
    by_price = client.get("/flights/", {**ONE_WAY, "sort": "price"}).content.decode()
    assert by_price.index("ZZ102") < by_price.index("ZZ101")
    assert "ZZ102" not in client.get("/flights/", {**ONE_WAY, "time": "evening"}).content.decode()
    assert "ZZ101" not in client.get("/flights/", {**ONE_WAY, "most": "200"}).content.decode()


def test_filter_goes_by_the_total_for_all_passengers(client: Client, desk: Desk) -> None:
    desk.sells()
    for most, shown in (("372", False), ("373", True)):
        text = client.get("/flights/", {**ONE_WAY, "passengers": "2", "most": most}).content.decode()
        assert ("ZZ101" in text) == shown


def test_arrival_is_a_filter_of_its_own_and_all_can_be_reset(client: Client, desk: Desk) -> None:
    desk.sells()
    late = client.get("/flights/", {**ONE_WAY, "lands": "evening"}).content.decode()
    assert "No flight passes your filters" in late and ">Reset</a>" in late
    night = client.get("/flights/", {**ONE_WAY, "lands": "night"}).content.decode()
    assert "ZZ101" in night and 'name="lands" value' not in night
    assert ">Reset</a>" not in client.get("/flights/", ONE_WAY).content.decode()


def test_cabin_that_is_not_offered_leads_to_economy(client: Client, desk: Desk) -> None:
    desk.sells().finds(nearest=["2099-12-09"])
    text = client.get("/flights/", {**ONE_WAY, "cabin": "first"}).content.decode()
    assert "No flights in First on this day" in text and "cabin=economy" in text


def test_cabin_that_no_flight_of_the_route_has_is_reported_and_the_others_stay(
    client: Client, desk: Desk
) -> None:
    found_places(desk, ("DFW", "Dallas"))
    desk.finds(query={"seat_class": "first"}).finds(flight(1), query={"seat_class": "economy"})
    text = client.get("/flights/", {**ONE_WAY, "cabin": "first"}).content.decode()
    assert "No First on this route" in text and "We do not fly" not in text
    for cabin in ("economy", "business"):
        assert f"cabin={cabin}" in text


def test_flight_that_is_closed_for_sale_is_counted_and_not_shown(client: Client, desk: Desk) -> None:
    desk.sells(flight(1, sale_closes_at="2001-01-01T00:00:00Z", bookable=False), flight(2))
    text = client.get("/flights/", ONE_WAY).content.decode()
    assert "ZZ101" not in text and "ZZ102" in text
    assert "1 flight of this day is not shown: it is too late to book it." in text


def test_recent_searches_are_remembered(client: Client, desk: Desk) -> None:
    desk.sells()
    client.get("/flights/", ONE_WAY)
    client.get(
        "/flights/", {**ONE_WAY, "trip": "return", "back": LATER, "passengers": "2", "cabin": "business"}
    )
    text = client.get("/").content.decode()
    assert text.count("DFW – ORD") == 2
    assert "2 passengers · Business" in text and DAY not in re.sub('href="[^"]*"', "", text)


def test_backend_away_is_a_page_that_says_so(client: Client, desk: Desk) -> None:
    desk.sells()
    desk.answers("/api/flights/search/", {}, status=503)
    response = client.get("/flights/", ONE_WAY)
    assert response.status_code == 503
    assert response["Retry-After"] == "2"
    assert "cannot reach the booking desk" in response.content.decode()


def test_details_of_a_flight_stand_beside_it(client: Client, desk: Desk) -> None:
    desk.sells(flight(1, origin=DALLAS, destination=CHICAGO))
    text = client.get("/flights/", ONE_WAY).content.decode()
    for shown in ("Boeing 737-800", "Dallas Airport", "Mon 7 Dec, UTC-6", "About 116 kg of CO₂"):
        assert shown in text
    assert text.count('class="way"') == 1, "the map shows the way"
    assert "348 kg" in client.get("/flights/", {**ONE_WAY, "cabin": "business"}).content.decode()


def test_bar_on_a_telephone_leads_on_with_the_cheapest(client: Client, desk: Desk) -> None:
    cheap = [{"seat_class": "economy", "fare": 90, "seats": 156, "seats_left": 50}]
    desk.sells(flight(1), flight(2, seat_classes=cheap))
    bar = client.get("/flights/", ONE_WAY).content.decode().split("pick-bar")[1]
    assert "$140" in bar and "/book/seats/?flight=2&amp;" in bar
