"""The lowest fares of other days: strip, calendar and nearest days."""

import re

from django.test import Client
from django_sagas.clock import utc_now

from tests.desk import Desk
from tests.searching import (
    ONE_WAY,
    found_places,
)


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


def test_nearest_days_carry_their_totals_and_the_year_if_it_is_another(client: Client, desk: Desk) -> None:
    desk.sells().finds(nearest=["2099-12-05", "2099-12-09"])
    days = [{"date": f"2099-12-0{n}", "lowest_fare": 100.0 if n == 9 else None} for n in range(5, 10)]
    desk.answers("/api/flights/fares/", {"days": days, "other_charges": 50.0})
    text = client.get("/flights/", {**ONE_WAY, "passengers": "2"}).content.decode()
    assert "Wed 9 Dec 2099 <b>$250</b>" in text and "Sat 5 Dec 2099</a>" in text


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
