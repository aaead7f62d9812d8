"""A search in the browser: its days, its places, and the links of its page."""

import re
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import parse_qs

from django_sagas.clock import utc_now

from tests.desk import Desk, Json, airport

DAY = (utc_now() + timedelta(days=20)).date().isoformat()
LATER = (utc_now() + timedelta(days=27)).date().isoformat()


ONE_WAY = {"origin": "DFW", "destination": "Chicago (ORD)", "depart": DAY}
RETURN = {**ONE_WAY, "trip": "return", "back": LATER}
DALLAS = airport("DFW", "Dallas", latitude=32.9, longitude=-97.0)
CHICAGO = airport("ORD", "Chicago", latitude=42.0, longitude=-87.9)
HEATHROW = airport("LHR", "London", latitude=51.5, longitude=-0.5, city_code="LON")
GATWICK = airport("LGW", "London", latitude=51.1, longitude=-0.2, city_code="LON")
LONDON = {"code": "LON", "name": "London", "country": "GB", "airports": ["LHR", "LGW"]}


def found_places(desk: Desk, *codes: tuple[str, str]) -> None:
    desk.answers("/api/places/search/", {"results": [airport(code, city) for code, city in codes]})


def costs(fare: float, **more: Any) -> Json:
    classes = [{"seat_class": "economy", "fare": fare, "seats": 156, "seats_left": 12}]
    return {"seat_classes": classes, **more}


def links(text: str, name: str) -> dict[str, str]:
    """Where the links to choose from lead, by the place that each names in the field `name`."""
    queries = [parse_qs(unescape(each)) for each in re.findall(r'class="chip" href="\?([^"]*)"', text)]
    return {query[name][0]: query["depart"][0] for query in queries}
