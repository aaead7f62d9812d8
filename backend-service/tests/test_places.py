import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from flight.folding import fold
from flight.models import Airport

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("airports")]


def codes(client: Client, **parameters: str) -> list[str]:
    answer = client.get("/api/places/search/", parameters)
    assert answer.status_code == 200
    return [place["code"] for place in answer.json()["results"]]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("ord", "ORD"),
        ("chicago", "ORD"),
        ("Chicago (ORD)", "ORD"),
        ("ohare", "ORD"),
        ("O\u2019Hare", "ORD"),
        ("heathrow", "LHR"),
        ("dallas fort", "DFW"),
        ("DALLAS-FORT WORTH", "DFW"),
        ("São Paulo", "GRU"),
        ("sao paulo", "GRU"),
    ],
)
def test_airport_is_found_by_code_city_or_name(client: Client, typed: str, found: str) -> None:
    assert codes(client, q=typed) == [found]


def test_busy_airports_come_first(client: Client) -> None:
    assert codes(client, q="london") == ["LHR", "LGW", "YXU"]


def test_exact_code_comes_before_busier_airports(client: Client, airports: dict[str, Airport]) -> None:
    Airport.objects.filter(pk="YXU").update(iata="LON")
    assert codes(client, q="lon")[0] == "LON"


def test_no_words_give_the_busiest_airports(client: Client) -> None:
    assert codes(client, q="", limit="3") == codes(client, limit="3") == ["DFW", "LHR", "ORD"]


@pytest.mark.parametrize("typed", ["xyzzy", "%", "_", "' OR 1=1 --", "\0", "東京", "ondon"])
def test_what_no_airport_is_called_finds_nothing_or_the_busiest(client: Client, typed: str) -> None:
    found = codes(client, q=typed, limit="1")
    assert found == ([] if fold(typed) else ["DFW"])


def test_place_says_where_it_is_and_whether_it_is_served(client: Client) -> None:
    places = {place["code"]: place for place in client.get("/api/places/search/?q=london").json()["results"]}
    assert places["LHR"] == {
        "code": "LHR",
        "name": "London Heathrow Airport",
        "city": "London",
        "region": "England",
        "country": "GB",
        "time_zone": "Europe/London",
        "latitude": 51.4706,
        "longitude": -0.46194,
        "served": True,
    }
    assert places["YXU"]["served"] is False


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"q": "x" * 101}, "q"),
        ({"limit": "0"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"limit": "100"}, "limit"),
    ],
)
def test_bad_parameter_is_named(client: Client, parameters: dict[str, str], field: str) -> None:
    answer = client.get("/api/places/search/", parameters)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


def test_search_is_one_query(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        client.get("/api/places/search/?q=london")


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Zürich ", "zurich"),
        ("Łódź", "lodz"),
        ("København", "kobenhavn"),
        ("İstanbul", "istanbul"),
        ("Groß", "gross"),
    ],
)
def test_accents_and_case_are_folded(text: str, folded: str) -> None:
    assert fold(text) == folded
