"""From the chosen flight to the payment: seats, passengers, price."""

import json
import re
from functools import partial

import pytest
from django.test import Client
from service_kit import rules, strict_json

from tests.buying import ADA, ONE, PASSENGERS, SEATS, TWO
from tests.desk import RETURN, Desk, Json, airport, flight, onward, turned


def test_seat_map_offers_free_seats_and_tells_the_others(client: Client, desk: Desk) -> None:
    desk.sells()
    text = client.get(f"{SEATS}?{ONE}").content.decode()
    assert 'value="7A"' in text and 'aria-label="Seat 7A, window, Economy"' in text
    assert 'value="7B"' not in text and "being booked by somebody" in text
    assert 'value="7C"' not in text and "Seat 7C, window, Economy, taken" in text
    assert 'value="1A"' not in text


def test_seats_of_the_address_are_ticked(client: Client, desk: Desk) -> None:
    desk.sells()
    text = client.get(f"{SEATS}?{ONE}&seats1=8D").content.decode()
    assert 'value="8D" aria-label="Seat 8D, window, Economy" checked' in text


def test_address_without_a_flight_goes_back_to_search(client: Client, desk: Desk) -> None:
    for page in (SEATS, PASSENGERS):
        assert client.get(f"{page}?flight=x")["Location"] == "/"


def test_sold_out_flight_goes_back_to_search(client: Client, desk: Desk) -> None:
    desk.sells(flight(bookable=False))
    assert client.get(f"{SEATS}?{ONE}")["Location"] == "/"


def test_wrong_number_of_seats_is_asked_again(client: Client, desk: Desk) -> None:
    desk.sells()
    response = client.get(f"{PASSENGERS}?{TWO}&seats1=7A", follow=True)
    assert "Choose 2 seats" in response.content.decode()


def test_return_trip_has_two_seat_maps_and_keeps_the_first_choice(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2))
    both = "flight=1&flight=2&cabin=economy&passengers=1"
    first = client.get(f"{SEATS}?{both}").content.decode()
    assert "Choose your seat: outbound" in first and 'name="leg" value="2"' in first
    second = client.get(f"{SEATS}?{both}&seats1=7A&leg=2").content.decode()
    assert 'type="hidden" name="seats1" value="7A"' in second and 'name="seats2"' in second
    assert "Choose your seat: return" in second and 'name="leg"' not in second


def test_each_flight_of_a_connection_and_back_has_a_seat_map(client: Client, desk: Desk) -> None:
    home = turned(3, origin=airport("JFK", "New York"))
    desk.sells(flight(1), onward(2), home)
    trip = "flight=1&flight=2&flight=3&passengers=1"
    for leg, name in enumerate(("outbound, flight 1 of 2", "outbound, flight 2 of 2", "return"), start=1):
        assert f"Choose your seat: {name}" in client.get(f"{SEATS}?{trip}&leg={leg}").content.decode()
    third = client.get(f"{SEATS}?{trip}&seats1=7A&seats2=8B&leg=3").content.decode()
    for name, seat in (("seats1", "7A"), ("seats2", "8B")):
        assert f'type="hidden" name="{name}" value="{seat}"' in third
    assert "/book/passengers/?flight=1&amp;flight=2&amp;flight=3" in third, "or let us choose"


def test_price_of_several_flights_is_one_total_with_the_charges_once(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2))
    pay = client.post(f"{PASSENGERS}?{RETURN}", ADA)["Location"]
    for page in (f"{SEATS}?{RETURN}", f"{PASSENGERS}?{RETURN}", pay):
        text = client.get(page).content.decode()
        for shown in (
            "ZZ101, 1 \N{MULTIPLICATION SIGN} $161.41",
            "$50.00",
            "$372.82",
            "You will earn 322 miles",
        ):
            assert shown in text, page
        assert text.count("Taxes and charges") == 1
    assert "Pay $372.82" in text


def test_price_stands_on_every_step(client: Client, desk: Desk) -> None:
    desk.sells()
    pay = client.post(f"{PASSENGERS}?{ONE}", ADA)["Location"]
    for page in (f"{SEATS}?{ONE}", f"{PASSENGERS}?{ONE}", pay):
        text = client.get(page).content.decode()
        for shown in ("$161.41", "$50.00", "$211.41", "You will earn 161 miles"):
            assert shown in text, page


def test_charges_are_those_of_the_backend_and_no_others(client: Client, desk: Desk) -> None:
    desk.sells(flight(other_charges=62.50))
    text = client.get(client.post(f"{PASSENGERS}?{ONE}", ADA)["Location"]).content.decode()
    assert "$62.50" in text and "$223.91" in text and "$50.00" not in text


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("p0-first_name", "", "The first name is missing."),
        ("p0-last_name", "x" * 101, "1 to 100 printable characters"),
        ("p0-first_name", "a\x07b", "1 to 100 printable characters"),
        ("email", "nobody", "This must be an email address."),
        ("mobile", "12", "5 to 20 digits"),
        ("mobile", "٠١٢٣٤٥٦", "5 to 20 digits"),
    ],
)
def test_wrong_field_says_so_beside_itself_and_the_rest_is_kept(
    client: Client, desk: Desk, field: str, value: str, message: str
) -> None:
    desk.sells()
    response = client.post(f"{PASSENGERS}?{ONE}", {**ADA, field: value})
    text = response.content.decode()
    assert response.status_code == 422
    assert message in text and 'aria-invalid="true"' in text
    kept = "Lovelace" if field != "p0-last_name" else "ada@example.com"
    assert f'value="{kept}"' in text


def test_adding_a_passenger_keeps_what_was_typed(client: Client, desk: Desk) -> None:
    desk.sells()
    response = client.post(f"{PASSENGERS}?{ONE}&seats1=7A", {**ADA, "add": "1"}, follow=True)
    text = response.content.decode()
    assert "Passenger 2" in text and 'value="Lovelace"' in text and 'value="+1 555 0100"' in text
    assert response.redirect_chain[-1][0].count("seats1") == 0


def test_removing_a_passenger_keeps_the_others(client: Client, desk: Desk) -> None:
    desk.sells()
    people = {**ADA, "p1-first_name": "Grace", "p1-last_name": "Hopper", "remove": "0"}
    text = client.post(f"{PASSENGERS}?{TWO}", people, follow=True).content.decode()
    assert 'value="Grace"' in text and 'value="Ada"' not in text and "Passenger 2" not in text


def test_nine_passengers_are_the_most(client: Client, desk: Desk) -> None:
    desk.sells()
    text = client.get(f"{PASSENGERS}?flight=1&passengers=9").content.decode()
    assert "Passenger 9" in text and "Add a passenger" not in text


def test_names_are_kept_in_a_row_and_not_in_the_address(client: Client, desk: Desk) -> None:
    desk.sells()
    response = client.post(f"{PASSENGERS}?{ONE}", ADA)
    assert response.status_code == 302
    assert "Lovelace" not in response["Location"]
    assert "Lovelace" in client.get(response["Location"]).content.decode()


def test_booking_of_another_browser_is_not_open_here(client: Client, desk: Desk) -> None:
    desk.sells()
    pay = client.post(f"{PASSENGERS}?{ONE}", ADA)["Location"]
    assert Client().get(pay)["Location"] == "/"


@pytest.mark.parametrize("departs", ["2099-12-08T02:04:00-06:00", "2099-12-07T02:04:00-06:00"])
def test_return_that_comes_too_early_goes_back_to_the_choice_of_the_return_with_words(
    client: Client, desk: Desk, departs: str
) -> None:
    desk.sells(flight(1), turned(2, departs_local=departs)).finds(turned(3))
    both = "flight=1&flight=2&cabin=economy&passengers=1"
    asks = [partial(client.get, f"{page}?{both}") for page in (SEATS, PASSENGERS)]
    for ask in (*asks, partial(client.post, f"{PASSENGERS}?{both}", ADA)):
        place = ask()["Location"]
        assert place.startswith("/flights/?trip=return&origin=Dallas")
        text = client.get(place).content.decode()
        assert "leaves before you can be there" in text and "flight=1&amp;flight=3" in text


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (
            onward(2, departs_local="2099-12-08T01:49:00-06:00"),
            "Flight ZZ102 leaves before you can be there.",
        ),
        (flight(2), "Flight ZZ102 does not leave from where flight ZZ101 arrives."),
    ],
)
def test_flights_that_cannot_be_flown_one_after_the_other_go_back_to_the_search_with_words(
    client: Client, desk: Desk, second: Json, words: str
) -> None:
    desk.sells(flight(1), second)
    both = "flight=1&flight=2&cabin=economy&passengers=1"
    for ask in (partial(client.get, f"{SEATS}?{both}"), partial(client.post, f"{PASSENGERS}?{both}", ADA)):
        assert ask()["Location"] == "/"
        assert words in client.get("/").content.decode()


def test_flight_of_a_trip_that_is_sold_out_is_named(client: Client, desk: Desk) -> None:
    desk.sells(flight(1), turned(2, bookable=False))
    text = client.get(f"{SEATS}?{RETURN}", follow=True).content.decode()
    assert "Flight ZZ102 cannot be booked any more." in text


@pytest.mark.parametrize(
    ("field", "value", "taken"),
    [
        ("mobile", "12345", True),
        ("mobile", "+44 20 7946 0000", True),
        ("mobile", "+44 -20 - 7946  0000", True),
        ("mobile", "1" * 20, True),
        ("mobile", "4111 1111 1111 1111", True),
        ("mobile", "+44 (0)20 7946 0000", False),
        ("mobile", "1234", False),
        ("mobile", "1" * 21, False),
        ("mobile", "1 - - - - - - - - - - - - - - - 2345", False),
        ("mobile", "0171.5550100", False),
        ("p0-first_name", "123 !!!", True),
        ("p0-first_name", "\u202eמשה\u202c", True),
        ("p0-first_name", "\u200b", False),
        ("p0-first_name", "4111-1111-1111-1111", False),
        ("p0-last_name", "x" * 100, True),
        ("email", "ada@example.com", True),
        ("email", f"{'x' * 60}@{'y' * 60}.{'z' * 60}.example.com", True),
        ("email", f"{'x' * 190}@example.com", False),
    ],
)
def test_the_desk_takes_what_the_backend_takes_and_nothing_else(
    client: Client, desk: Desk, field: str, value: str, taken: bool
) -> None:
    rule = {"mobile": rules.MOBILE, "email": rules.EMAIL}.get(field, rules.NAME)
    name = field.removeprefix("p0-")
    desk.sells()
    answer = client.post(f"{PASSENGERS}?{ONE}", {**ADA, field: value})
    assert answer.status_code == (302 if taken else 422)
    try:
        rule.read(strict_json.loads(json.dumps({name: value}).encode())[name])
    except ValueError:
        assert not taken
    else:
        assert taken


def test_chosen_seat_that_is_taken_is_reported_and_asked_again(client: Client, desk: Desk) -> None:
    desk.sells()
    response = client.get(f"{PASSENGERS}?{ONE}&seats1=7C", follow=True)
    text = response.content.decode()
    assert response.redirect_chain[-1][0].startswith(SEATS)
    assert "Seat 7C is not free any more." in text
    assert marked(text) == ["7D"], "the nearest free one"
    # It is told as long as the map is open, also by the map that is loaded again.
    assert 'type="hidden" name="lost" value="7C"' in text
    again = client.get(f"{SEATS}?{ONE}&lost=7C&seats1=8D").content.decode()
    assert "Seat 7C is" in again and marked(again) == ["8D"]
    assert "Please choose another." in client.get(f"{SEATS}?{ONE}&lost=7C").content.decode()


def marked(text: str) -> list[str]:
    return re.findall('value="([0-9]+[A-F])" aria-label="[^"]*" checked', text)


def test_seats_of_several_are_in_the_order_of_the_passengers(client: Client, desk: Desk) -> None:
    desk.sells()
    text = client.get(f"{SEATS}?flight=1&passengers=3&seats1=8F&seats1=7C&seats1=7A").content.decode()
    assert 'data-seats="8F 7D 7A"' in text and sorted(marked(text)) == ["7A", "7D", "8F"]
    people = re.findall(r"<span>(Passenger [0-9])</span> <b data-seat>([^<]+)</b>", text)
    assert people == [("Passenger 1", "8F"), ("Passenger 2", "7D"), ("Passenger 3", "7A")]


def test_seat_taken_while_names_are_typed_is_asked_again_with_the_names_kept(
    client: Client, desk: Desk
) -> None:
    desk.sells()
    response = client.post(f"{PASSENGERS}?{ONE}&seats1=7C", ADA, follow=True)
    place = response.redirect_chain[-1][0]
    assert place.startswith(SEATS) and "Seat 7C is not free" in response.content.decode()
    again = place.replace(SEATS, PASSENGERS).replace("seats1=7C", "seats1=8D")
    assert 'value="Lovelace"' in client.get(again).content.decode()


@pytest.mark.parametrize(("seats", "asked"), [("", True), ("&seats1=8D", False)])
def test_continue_without_a_seat_asks_for_one(client: Client, desk: Desk, seats: str, asked: bool) -> None:
    desk.sells()
    text = client.get(f"{PASSENGERS}?{ONE}{seats}&choose=1", follow=True).content.decode()
    assert ("Choose 1 seat, one for each passenger, or let us choose" in text) == asked


def test_continue_on_the_first_map_of_a_return_without_a_seat_asks_for_one(
    client: Client, desk: Desk
) -> None:
    desk.sells(flight(1), turned(2))
    both = "flight=1&flight=2&cabin=economy&passengers=1"
    response = client.get(f"{SEATS}?{both}&leg=2&choose=1")
    text = client.get(response["Location"]).content.decode()
    assert "Choose your seat: outbound" in text and "Choose 1 seat" in text
    # "Choose for me" led to the second map.
    assert client.get(f"{SEATS}?{both}&leg=2").status_code == 200
