from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from flight.models import Airport
from flight.search.folding import fold
from tests.conftest import MakeFlight

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


@pytest.mark.parametrize("typed", ["xyzzy", "%", "_", "' OR 1=1 --", "\0", "東京"])
def test_what_no_airport_is_called_finds_nothing_or_the_busiest(client: Client, typed: str) -> None:
    found = codes(client, q=typed, limit="1")
    assert found == ([] if fold(typed) else ["DFW"])


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("chcago", ["ORD"]),
        ("chicaog", ["ORD"]),
        ("Chikago", ["ORD"]),
        ("los angelse", ["LAX"]),
        ("heatrhow", ["LHR"]),
        ("lodnon", ["LHR", "LGW"]),
        ("chi", ["ORD"]),
        ("chx", []),
        ("chixxgo", ["ORD"]),
        ("chxxxgo", []),
        ("ch" * 50, []),
    ],
)
def test_typing_mistake_is_forgiven_where_the_text_is_long_enough(
    client: Client, typed: str, found: list[str]
) -> None:
    assert codes(client, q=typed) == found


@pytest.mark.parametrize(("typed", "similar"), [("chicago", False), ("chcago", True), ("xyzzy", False)])
def test_answer_says_that_its_places_are_only_similar(client: Client, typed: str, similar: bool) -> None:
    assert client.get("/api/places/search/", {"q": typed}).json()["similar"] is similar


@pytest.mark.parametrize(
    ("typed", "cities"),
    [("lon", ["LON"]), ("New Y", ["NYC"]), ("tyo", ["TYO"]), ("lhr", []), ("lodnon", ["LON"]), ("", [])],
)
def test_city_of_several_airports_is_found_by_its_name_and_its_code(
    client: Client, typed: str, cities: list[str]
) -> None:
    found = client.get("/api/places/search/", {"q": typed}).json()["cities"]
    assert [city["code"] for city in found] == cities


def test_city_names_its_airports(client: Client) -> None:
    (city,) = client.get("/api/places/search/?q=london").json()["cities"]
    assert city == {"code": "LON", "name": "London", "country": "GB", "airports": ["LHR", "LGW"]}


def test_place_says_where_it_is_and_whether_it_is_served(client: Client) -> None:
    places = {place["code"]: place for place in client.get("/api/places/search/?q=london").json()["results"]}
    assert places["LHR"] == {
        "code": "LHR",
        "name": "London Heathrow Airport",
        "city": "London",
        "city_code": "LON",
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


def test_destinations_are_those_with_flights_on_sale_the_busiest_first(
    client: Client, make_flight: MakeFlight
) -> None:
    past, later = (datetime(year, 5, 3, 14, tzinfo=UTC) for year in (2001, 2090))
    routes = [("DFW-ORD", later), ("DFW-LHR", later), ("ORD-DFW", later), ("DFW-JFK", past)]
    for number, (route, departs_at) in enumerate(routes):
        make_flight(number=f"ZZ{number}", route=route, departs_at=departs_at)
    answer = client.get("/api/places/destinations/", {"origin": "dfw"})
    assert [place["code"] for place in answer.json()["results"]] == ["LHR", "ORD"]
    assert client.get("/api/places/destinations/", {"origin": "JFK"}).json() == {"results": []}


@pytest.mark.parametrize("origin", ["", "QQQ", "x"])
def test_destinations_of_no_airport_are_refused(client: Client, origin: str) -> None:
    answer = client.get("/api/places/destinations/", {"origin": origin})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["origin"])


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
