"""What the run over the pages says of its times."""

from bench.pages import Timing, pages, tell


def test_a_page_over_the_limit_is_named() -> None:
    lines: list[str] = []
    tell([Timing("quick", 49.9, 80.0), Timing("slow", 50.0, 51.0)], lines.append)
    assert [line.split()[0] for line in lines if "over 50" in line] == ["slow"]


def test_every_page_with_a_list_is_asked_for() -> None:
    booked = {"correlation_id": "abc", "booking_reference": "ABC234", "flight_number": "ZZ1042"}
    asked = pages("2026-12-23", 7, booked)
    assert {"results", "seat map", "console", "console, one saga"} <= asked.keys()
    assert "flight=7" in asked["seat map"] and asked["trip"] == "/trips/ABC234/"
