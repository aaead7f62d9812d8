"""The papers of a trip: boarding-pass code, PDF, calendar file."""

import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from tests.desk import Desk, booking
from ui import documents
from ui.bookings import booking_from

NOW = datetime(2026, 11, 23, tzinfo=UTC)
HOSTILE = "<script>alert(1)</script>"


def ticket(first: str, last: str, seat: str = "7A") -> dict[str, str]:
    number = "973-1234567890"
    return {
        "ticket_number": number,
        "first_name": first,
        "last_name": last,
        "seat_number": seat,
        "seat_class": "economy",
    }


def test_bcbp_is_the_sixty_mandatory_characters_of_format_m() -> None:
    trip = booking_from(booking())
    (boarding,) = documents.boarding_passes(trip)
    assert boarding.code == "M1LOVELACE/ADA        EABC234 DFWORDZZ 0101 341Y007A0001 100"
    assert len(boarding.code) == 60


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("Zoë", "Müller-Lüdenscheidt", "MULLERLUDENS/ZOE"),
        ("明", "王", "X/X"),
        (HOSTILE, "O'Brien", "OBRIEN/SCRIPTA"),
    ],
)
def test_bcbp_keeps_capital_letters_only(first: str, last: str, name: str) -> None:
    trip = booking_from(booking(tickets=[ticket(first, last)]))
    code = documents.boarding_passes(trip)[0].code
    assert code[2:22].rstrip() == name
    assert len(code) == 60 and code.isascii()


def test_pdf_has_a_page_for_each_passenger_whatever_the_name() -> None:
    names = [("Ada", "Lovelace"), ("Ωμέγα", "Ελλάδα"), (HOSTILE, "x" * 100), ("🛫", "أحمد")]
    content = documents.pdf(booking_from(booking(tickets=[ticket(*name) for name in names])))
    assert content.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type /Page\b", content)) == len(names)
    assert b"/JavaScript" not in content


def test_pdf_is_offered_as_a_file_that_is_not_cached(client: Client, desk: Desk) -> None:
    desk.answers("/api/bookings/ABC234/", booking())
    response = client.get("/trips/ABC234/ticket.pdf")
    assert response["Content-Type"] == "application/pdf"
    assert response["Content-Disposition"] == 'attachment; filename="ABC234.pdf"'
    assert response["Cache-Control"] == "no-store"


def test_calendar_holds_the_times_in_utc_and_escapes_text() -> None:
    trip = booking_from(booking(tickets=[ticket("A;b", "C,d\r\nX:1")]))
    text = documents.calendar(trip, now=NOW)
    assert "DTSTART:20991208T044500Z\r\n" in text and "DTEND:20991208T070500Z\r\n" in text
    assert "A\\;b C\\,d\\nX:1" in text.replace("\r\n ", "")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert text.startswith("BEGIN:VCALENDAR\r\n") and text.endswith("END:VCALENDAR\r\n")


def test_cancelled_trip_is_cancelled_in_the_calendar_too() -> None:
    assert "STATUS:CANCELLED" in documents.calendar(booking_from(booking(status="CANCELLED")), now=NOW)
