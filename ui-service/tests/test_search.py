import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.test import Client
from django_sagas.clock import utc_now

from tests.desk import Desk, Json, airport, flight, onward, turned

DAY = (utc_now() + timedelta(days=20)).date().isoformat()
LATER = (utc_now() + timedelta(days=27)).date().isoformat()
ONE_WAY = {"origin": "DFW", "destination": "Chicago (ORD)", "depart": DAY}


def found_places(desk: Desk, *codes: tuple[str, str]) -> None:
    desk.answers("/api/places/search/", {"results": [airport(code, city) for code, city in codes]})


def test_first_page_is_open_without_login_and_without_any_service(client: Client, desk: Desk) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert "Ideas to start with" in response.content.decode()


DALLAS = airport("DFW", "Dallas", latitude=32.9, longitude=-97.0)
CHICAGO = airport("ORD", "Chicago", latitude=42.0, longitude=-87.9)
HEATHROW = airport("LHR", "London", latitude=51.5, longitude=-0.5, city_code="LON")
GATWICK = airport("LGW", "London", latitude=51.1, longitude=-0.2, city_code="LON")
LONDON = {"code": "LON", "name": "London", "country": "GB", "airports": ["LHR", "LGW"]}


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


def test_place_with_one_served_airport_is_that_airport(client: Client, desk: Desk) -> None:
    desk.sells()
    unserved = [{**airport(code, "Dallas"), "served": False} for code in ("ADS", "RBD", "DAL")]
    desk.answers("/api/places/search/", {"results": [airport("DFW", "Dallas"), *unserved]})
    assert client.get("/flights/", {**ONE_WAY, "origin": "Dallas"}).status_code == 200
    assert desk.query("/api/flights/search/")["origin"] == "DFW"


def links(text: str, name: str) -> dict[str, str]:
    """Where the links to choose from lead, by the place that each names in the field `name`."""
    queries = [parse_qs(unescape(each)) for each in re.findall(r'class="chip" href="\?([^"]*)"', text)]
    return {query[name][0]: query["depart"][0] for query in queries}


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


def test_way_back_of_a_search_by_city_is_chosen(client: Client, desk: Desk) -> None:
    desk.sells(flight(1, destination=HEATHROW)).finds(turned(2, origin=GATWICK))
    query = {**ONE_WAY, "destination": "London, all airports (LON)", "trip": "return", "back": LATER}
    response = client.get("/flights/", {**query, "outbound": "1"})
    assert response.status_code == 200
    assert "Outbound chosen" in response.content.decode()


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


def costs(fare: float, **more: Any) -> Json:
    classes = [{"seat_class": "economy", "fare": fare, "seats": 156, "seats_left": 12}]
    return {"seat_classes": classes, **more}


def test_offers_are_sorted_by_what_is_paid_and_not_by_the_fare(client: Client, desk: Desk) -> None:
    desk.sells().finds(flight(1, **costs(100, other_charges=50)), flight(2, **costs(110, other_charges=20)))
    text = client.get("/flights/", {**ONE_WAY, "sort": "price"}).content.decode()
    assert text.index("ZZ102") < text.index("ZZ101")
    assert text.index(">$130<") < text.index(">$150<")


def test_connection_is_sorted_with_its_charges_paid_once(client: Client, desk: Desk) -> None:
    """In two bookings it would be dearer than the direct flight."""
    desk.sells().finds(flight(9, **costs(330)), connections=[CONNECTING])
    text = client.get("/flights/", {**ONE_WAY, "sort": "price"}).content.decode()
    assert text.index(">$372.82<") < text.index(">$380<")


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
    assert "DFW" in text and "ABZ" not in text


RETURN = {**ONE_WAY, "trip": "return", "back": LATER}


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


def test_flight_that_is_closed_for_sale_is_counted_and_not_shown(client: Client, desk: Desk) -> None:
    desk.sells(flight(1, sale_closes_at="2001-01-01T00:00:00Z", bookable=False), flight(2))
    text = client.get("/flights/", ONE_WAY).content.decode()
    assert "ZZ101" not in text and "ZZ102" in text
    assert "1 flight of this day is not shown: it is too late to book it." in text


def test_trip_is_one_way_where_the_address_does_not_say(client: Client, desk: Desk) -> None:
    found_places(desk)
    text = client.get("/flights/", {**ONE_WAY, "origin": ""}).content.decode()
    assert re.search('value="oneway"[^>]* checked', text)


def test_empty_day_offers_the_nearest_days(client: Client, desk: Desk) -> None:
    desk.sells().finds(nearest=["2099-12-09"])
    text = client.get("/flights/", ONE_WAY).content.decode()
    assert "No flights on this day" in text and "depart=2099-12-09" in text


def test_fare_strip_links_each_day_and_marks_the_lowest(client: Client, desk: Desk) -> None:
    days = [("2099-12-07", 150.0), ("2099-12-08", None), ("2099-12-09", 120.5)]
    body = [{"date": day, "lowest_fare": fare, "flights": 1} for day, fare in days]
    desk.answers("/api/flights/fares/", {"days": body, "other_charges": 50.0})
    query = {**ONE_WAY, "from": "DFW", "to": "ORD", "day": "2099-12-07", "field": "depart"}
    text = client.get("/flights/fares/", query).content.decode()
    assert "depart=2099-12-09" in text and "$170.50" in text and "no flights" in text
    assert text.count("lowest") == 1
    assert "$291" in client.get("/flights/fares/", {**query, "passengers": "2"}).content.decode()
    both = client.get("/flights/fares/", {**query, "passengers": "2", "plus": "16141"}).content.decode()
    assert "$613.82" in both and "plus=" not in both


def test_fare_strip_stays_away_when_the_backend_does(client: Client, desk: Desk) -> None:
    desk.refuses("/api/flights/fares/", 400, "INVALID", "from: is required", method="GET")
    assert client.get("/flights/fares/", {"day": "2099-12-07"}).status_code == 204


def test_typeahead_is_a_fragment_with_options(client: Client, desk: Desk) -> None:
    found_places(desk, ("DFW", "Dallas"))
    text = client.get("/places/", {"origin": "dal"}).content.decode()
    assert 'data-value="Dallas (DFW)"' in text and 'role="option"' in text
    assert desk.query("/api/places/search/")["q"] == "dal"


def test_typeahead_offers_only_places_that_are_flown_to(client: Client, desk: Desk) -> None:
    unserved = {**airport("DAL", "Dallas"), "served": False}
    desk.answers("/api/places/search/", {"results": [airport("DFW", "Dallas"), unserved]})
    text = client.get("/places/", {"origin": "dal"}).content.decode()
    assert "Dallas (DFW)" in text and "DAL" not in text
    desk.answers("/api/places/search/", {"results": [unserved]})
    assert "We do not fly to Dallas (DAL)." in client.get("/places/", {"origin": "dal"}).content.decode()


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


def test_nearest_days_carry_their_totals(client: Client, desk: Desk) -> None:
    desk.sells().finds(nearest=["2099-12-05", "2099-12-09"])
    days = [{"date": f"2099-12-0{n}", "lowest_fare": 100.0 if n == 9 else None} for n in range(5, 10)]
    desk.answers("/api/flights/fares/", {"days": days, "other_charges": 50.0})
    text = client.get("/flights/", {**ONE_WAY, "passengers": "2"}).content.decode()
    assert "Wed 9 Dec <b>$250</b>" in text and "Sat 5 Dec</a>" in text


def test_without_a_route_the_destinations_near_the_one_asked_for_come_first(
    client: Client, desk: Desk
) -> None:
    desk.sells().finds()
    desk.answers("/api/places/search/", {"results": [DALLAS, CHICAGO, HEATHROW, GATWICK]})
    desk.answers("/api/places/destinations/", {"results": [CHICAGO, GATWICK]})
    text = client.get("/flights/", {**ONE_WAY, "destination": "London (LHR)"}).content.decode()
    assert "the nearest to London (LHR) first" in text
    assert list(links(text, "destination")) == ["London (LGW)", "Chicago (ORD)"]


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


CALENDAR = {"origin": "Dallas (DFW)", "destination": "Chicago (ORD)", "passengers": "2"}


def test_calendar_holds_the_lowest_fares_of_both_directions(client: Client, desk: Desk) -> None:
    for origin, fare in (("DFW", 142.78), ("ORD", 99.5)):
        days = [{"date": f"{_month(2)}-24", "lowest_fare": fare}]
        desk.answers("/api/flights/fares/", {"days": days, "other_charges": 50.0}, query={"origin": origin})
    text = client.get("/flights/calendar/", {**CALENDAR, "month": _month(2)}).content.decode()
    assert len(desk.sent_to("/api/flights/fares/")) == 2
    assert 'data-charges="5000" data-passengers="2" data-priced' in text
    assert text.count("<table>") == 2
    assert 'data-there="14278" data-back="9950"' in text


def _month(later: int) -> str:
    months = utc_now().year * 12 + utc_now().month - 1 + later
    return f"{months // 12}-{months % 12 + 1:02d}"


def test_calendar_carries_fares_in_cents_and_begins_today(client: Client, desk: Desk) -> None:
    today = utc_now().date()
    days = [{"date": today.isoformat(), "lowest_fare": 142.78}]
    desk.answers("/api/flights/fares/", {"days": days, "other_charges": 50.0})
    text = client.get("/flights/calendar/", {**CALENDAR, "month": "1999-01"}).content.decode()
    (button,) = re.findall(r"<button[^>]*data-there[^>]*>", text)
    assert f'data-day="{today}"' in button and 'data-there="14278" data-back="14278"' in button
    assert "disabled" not in button and text.count(" disabled") == today.day - 1


def test_calendar_without_places_or_a_backend_has_days_without_prices(client: Client, desk: Desk) -> None:
    found_places(desk)
    for query in ({}, CALENDAR):
        response = client.get("/flights/calendar/", query)
        assert response.status_code == 200
        assert "data-day" in response.content.decode() and "data-priced" not in response.content.decode()


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
